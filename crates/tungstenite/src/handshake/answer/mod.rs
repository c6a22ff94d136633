//! [`Answer`]: what a server sends back to a request for an upgrade, as it comes in.

pub(crate) mod body;
mod head;
mod protocol;

use websocket_heartbeat::{ErrorKind, TransportError};

pub(crate) use self::head::Head;
use crate::{Request, Tuning};

/// How many interim answers (RFC 9110 section 15.2) may come before the final one. Servers send one
/// or two; the limit on bytes holds for all heads together.
const MAX_INTERIM: u32 = 100;

/// The bytes of an answer and how far they have been looked at. Each byte is looked at once to find
/// the empty line that ends a head; the head is parsed once, when it is complete.
pub(crate) struct Answer {
    heard: Vec<u8>,
    /// What is answered: errors do not show what the server repeats of it.
    request: Request,
    /// Where the current head begins: behind interim answers.
    begin: usize,
    /// How far the search for the empty line has come.
    seen: usize,
    search: Search,
    interim: u32,
    max_bytes: usize,
    max_fields: usize,
}

/// Where the search for the empty line stands. Lines end with a line feed, before which there may be
/// a carriage return; empty lines ahead of a head are skipped (RFC 9112 section 2.2).
#[derive(Clone, Copy)]
enum Search {
    Before,
    /// The head begins at this byte.
    Within(usize),
    LineBegins(usize),
    /// A carriage return at the beginning of a line.
    LineReturns(usize),
}

impl Answer {
    pub(crate) fn new(tuning: Tuning, request: &Request) -> Self {
        Self {
            heard: Vec::new(),
            request: request.clone(),
            begin: 0,
            seen: 0,
            search: Search::Before,
            interim: 0,
            max_bytes: tuning.head_bytes(),
            max_fields: tuning.head_fields(),
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.heard.extend_from_slice(bytes);
    }

    /// Whether nothing but empty lines and interim answers has come.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self.search, Search::Before)
    }

    /// Everything that came, and where what follows the head begins.
    pub(crate) fn into_rest(self) -> (Vec<u8>, usize) {
        (self.heard, self.begin)
    }

    /// What came behind the head.
    pub(crate) fn rest(&self) -> &[u8] {
        &self.heard[self.begin..]
    }

    /// The head of the final answer, once it is complete.
    pub(crate) fn next_head(&mut self) -> Result<Option<Head>, TransportError> {
        loop {
            let found = self.find_end();
            if let Search::Within(at) | Search::LineBegins(at) | Search::LineReturns(at) =
                self.search
            {
                protocol::check(&self.heard[at..], &self.request)?;
            }
            let Some((begin, end)) = found else {
                return if self.heard.len() > self.max_bytes {
                    Err(self.too_large())
                } else {
                    Ok(None)
                };
            };
            if end > self.max_bytes {
                return Err(self.too_large());
            }
            let bytes = &self.heard[begin..end];
            let status = head::status(bytes, &self.request)?;
            (self.begin, self.search) = (end, Search::Before);
            // 101 is the one status below 200 that is final (RFC 9110 section 15.2.2).
            if !(100..200).contains(&status) || status == 101 {
                return Head::parse(status, bytes, self.max_fields).map(Some);
            }
            self.interim += 1;
            if self.interim > MAX_INTERIM {
                return Err(TransportError::new(
                    ErrorKind::Protocol,
                    format!("the server sent more than {MAX_INTERIM} interim answers (HTTP 1xx)"),
                ));
            }
        }
    }

    /// Goes on with the search; where the head begins and ends if it is complete.
    fn find_end(&mut self) -> Option<(usize, usize)> {
        while let Some(&byte) = self.heard.get(self.seen) {
            let here = self.seen;
            self.seen += 1;
            self.search = match (self.search, byte) {
                (Search::Before, b'\r' | b'\n') => Search::Before,
                (Search::Before, _) => Search::Within(here),
                (Search::LineBegins(at) | Search::LineReturns(at), b'\n') => {
                    return Some((at, self.seen));
                }
                (Search::Within(at), b'\n') => Search::LineBegins(at),
                (Search::LineBegins(at), b'\r') => Search::LineReturns(at),
                (Search::Within(at) | Search::LineBegins(at) | Search::LineReturns(at), _) => {
                    Search::Within(at)
                }
            };
        }
        None
    }

    fn too_large(&self) -> TransportError {
        TransportError::new(
            ErrorKind::TooLarge,
            format!(
                "the head of the server's answer is larger than {} bytes (Tuning::max_head)",
                self.max_bytes
            ),
        )
    }
}

#[cfg(test)]
mod tests;
