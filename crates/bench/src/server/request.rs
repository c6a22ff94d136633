//! A client's request: its path selects the behaviour of the server.

use std::{fmt, io};

use async_tungstenite::tungstenite::handshake::derive_accept_key;

use super::wire;

/// How many bytes [`Route::push`] puts into one write.
const BLOCK: usize = 64 * 1024;

/// A path that the server supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// Sends each message back.
    Echo,
    /// Counts messages and answers the last one.
    Sink { count: u64 },
    /// Answers the first message by `count` messages of `size` bytes.
    Push { count: u64, size: usize, opcode: u8, per_write: usize },
    /// Plain HTTP: answers how many frames the server has received.
    FrameCount,
    /// Plain HTTP: closes all connections and does not listen for this time.
    Restart { millis: u64 },
}

impl Route {
    /// Pushes binary messages, 64 KiB in each write.
    pub(crate) fn push(count: u64, size: usize) -> Self {
        Self::Push { count, size, opcode: wire::BINARY, per_write: BLOCK / (size + 4) }
    }

    fn parse(path: &str) -> Option<Self> {
        let mut parts = path.trim_start_matches('/').split('/');
        let name = parts.next()?;
        let mut number = || parts.next()?.parse::<u64>().ok();
        Some(match name {
            "echo" => Self::Echo,
            "sink" => Self::Sink { count: number()? },
            "push" => Self::Push {
                count: number()?,
                size: number()? as usize,
                opcode: number()? as u8,
                per_write: number()? as usize,
            },
            "frames" => Self::FrameCount,
            "restart" => Self::Restart { millis: number()? },
            _ => return None,
        })
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Echo => write!(f, "/echo"),
            Self::Sink { count } => write!(f, "/sink/{count}"),
            Self::Push { count, size, opcode, per_write } => {
                write!(f, "/push/{count}/{size}/{opcode}/{per_write}")
            }
            Self::FrameCount => write!(f, "/frames"),
            Self::Restart { millis } => write!(f, "/restart/{millis}"),
        }
    }
}

/// The head of an HTTP request.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) route: Route,
    /// The WebSocket key of an upgrade request.
    pub(crate) key: Option<String>,
}

impl Request {
    /// The request in `input` and its length, `None` if it is not complete yet.
    pub(crate) fn parse(input: &[u8]) -> io::Result<Option<(Self, usize)>> {
        let Some(end) = input.windows(4).position(|window| window == b"\r\n\r\n") else {
            return Ok(None);
        };
        let bad = || io::Error::new(io::ErrorKind::InvalidData, "not a supported request");
        let head = str::from_utf8(&input[..end]).map_err(|_| bad())?;
        let mut lines = head.split("\r\n");
        let path = lines.next().and_then(|line| line.split(' ').nth(1)).ok_or_else(bad)?;
        let key = lines
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-key"))
            .map(|(_, value)| value.trim().to_owned());
        let route = Route::parse(path).ok_or_else(bad)?;
        Ok(Some((Self { route, key }, end + 4)))
    }

    /// The response that accepts the upgrade, `None` for a plain HTTP request.
    pub(crate) fn upgrade_response(&self) -> Option<String> {
        let accept = derive_accept_key(self.key.as_ref()?.as_bytes());
        Some(format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
             Connection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_parsed_from_their_display_form() {
        for route in [
            Route::Echo,
            Route::Sink { count: 7 },
            Route::push(1_000, 128),
            Route::FrameCount,
            Route::Restart { millis: 250 },
        ] {
            assert_eq!(Route::parse(&route.to_string()), Some(route));
        }
    }

    #[test]
    fn a_request_is_parsed_once_it_is_complete() {
        let text = b"GET /echo HTTP/1.1\r\nsec-websocket-key: abc\r\n\r\nrest";
        assert!(Request::parse(&text[..20]).expect("no error yet").is_none());
        let (request, end) = Request::parse(text).expect("valid").expect("complete");
        assert_eq!(request.key.as_deref(), Some("abc"));
        assert_eq!(&text[end..], b"rest");
    }
}
