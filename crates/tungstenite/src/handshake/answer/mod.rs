//! [`Answer`]: the server's answer to an upgrade request, parsed as it arrives.

pub(crate) mod body;
mod head;
mod protocol;

use websocket_heartbeat::{ErrorKind, TransportError};

pub(crate) use self::head::{Head, parse_status};
use crate::{Request, Tuning};

/// The limit on interim answers (RFC 9110 section 15.2). Servers send one or two. The limit on
/// bytes applies to the heads of all answers together.
const MAX_INTERIM: u32 = 100;

/// The bytes of an answer, and the position of the parser. Each byte is read once to find the empty
/// line that ends a head. The head is parsed once, when it is complete.
pub(crate) struct Answer {
    received: Vec<u8>,
    /// The request. Errors must not show its parts if the server repeats them.
    request: Request,
    /// The beginning of the current head, after interim answers.
    begin: usize,
    /// The bytes that the search for the empty line has read.
    searched: usize,
    search: Search,
    interim: u32,
    max_bytes: usize,
    max_fields: usize,
}

/// The state of the search for the empty line. Lines end with a line feed, which may follow a
/// carriage return. Empty lines before a head are skipped (RFC 9112 section 2.2).
#[derive(Clone, Copy)]
enum Search {
    Before,
    /// The head begins at this byte.
    Within(usize),
    LineBegins(usize),
    /// After a carriage return at the beginning of a line.
    LineReturns(usize),
}

impl Answer {
    pub(crate) fn new(tuning: Tuning, request: &Request) -> Self {
        Self {
            received: Vec::new(),
            request: request.clone(),
            begin: 0,
            searched: 0,
            search: Search::Before,
            interim: 0,
            max_bytes: tuning.head_bytes(),
            max_fields: tuning.head_fields(),
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.received.extend_from_slice(bytes);
    }

    /// Whether only empty lines and interim answers have arrived.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self.search, Search::Before)
    }

    /// All received bytes, and the index of the first byte after the head.
    pub(crate) fn into_rest(self) -> (Vec<u8>, usize) {
        (self.received, self.begin)
    }

    /// The bytes after the head.
    pub(crate) fn rest(&self) -> &[u8] {
        &self.received[self.begin..]
    }

    /// The head of the final answer, once it is complete.
    pub(crate) fn next_head(&mut self) -> Result<Option<Head>, TransportError> {
        loop {
            let found = self.find_end();
            if let Search::Within(at) | Search::LineBegins(at) | Search::LineReturns(at) =
                self.search
            {
                protocol::check(&self.received[at..], &self.request)?;
            }
            let Some((begin, end)) = found else {
                return if self.received.len() > self.max_bytes {
                    Err(self.too_large())
                } else {
                    Ok(None)
                };
            };
            if end > self.max_bytes {
                return Err(self.too_large());
            }
            let bytes = &self.received[begin..end];
            let status = head::status(bytes, &self.request)?;
            (self.begin, self.search) = (end, Search::Before);
            // 101 is the only final status below 200 (RFC 9110 section 15.2.2).
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

    /// Continues the search. Returns the beginning and the end of the head if it is complete.
    fn find_end(&mut self) -> Option<(usize, usize)> {
        while let Some(&byte) = self.received.get(self.searched) {
            let here = self.searched;
            self.searched += 1;
            self.search = match (self.search, byte) {
                (Search::Before, b'\r' | b'\n') => Search::Before,
                (Search::Before, _) => Search::Within(here),
                (Search::LineBegins(at) | Search::LineReturns(at), b'\n') => {
                    return Some((at, self.searched));
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
            format!("the head of the server's answer is larger than {} bytes", self.max_bytes),
        )
    }
}

#[cfg(test)]
mod tests;
