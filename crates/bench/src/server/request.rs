//! What a client asks of the server, by the path of its request.

use std::{fmt, io};

use super::wire;

/// How many bytes a hose puts into one write unless it is told a number of frames.
const BLOCK: usize = 64 * 1024;

/// A path that the server knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// Every message comes back.
    Echo,
    /// Messages are counted; the last one is answered.
    Sink { count: u64 },
    /// The first message is answered by `count` messages of `size` bytes.
    Hose { count: u64, size: usize, opcode: u8, per_write: usize },
    /// Plain HTTP: how many frames the server has heard.
    Heard,
    /// Plain HTTP: every connection is dropped, and nothing listens for a while.
    Restart { millis: u64 },
}

impl Route {
    /// A hose of binary messages, 64 KiB a write.
    pub(crate) fn hose(count: u64, size: usize) -> Self {
        Self::Hose { count, size, opcode: wire::BINARY, per_write: BLOCK / (size + 4) }
    }

    fn parse(path: &str) -> Option<Self> {
        let mut parts = path.trim_start_matches('/').split('/');
        let name = parts.next()?;
        let mut number = || parts.next()?.parse::<u64>().ok();
        Some(match name {
            "echo" => Self::Echo,
            "sink" => Self::Sink { count: number()? },
            "hose" => Self::Hose {
                count: number()?,
                size: number()? as usize,
                opcode: number()? as u8,
                per_write: number()? as usize,
            },
            "heard" => Self::Heard,
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
            Self::Hose { count, size, opcode, per_write } => {
                write!(f, "/hose/{count}/{size}/{opcode}/{per_write}")
            }
            Self::Heard => write!(f, "/heard"),
            Self::Restart { millis } => write!(f, "/restart/{millis}"),
        }
    }
}

/// The head of an HTTP request.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) route: Route,
    /// The WebSocket key, if it asks for an upgrade.
    pub(crate) key: Option<String>,
}

impl Request {
    /// The request in `input` and where it ends, `None` if it is not complete yet.
    pub(crate) fn parse(input: &[u8]) -> io::Result<Option<(Self, usize)>> {
        let Some(end) = input.windows(4).position(|window| window == b"\r\n\r\n") else {
            return Ok(None);
        };
        let bad = || io::Error::new(io::ErrorKind::InvalidData, "not a request that we know");
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_says_it_all() {
        for route in [
            Route::Echo,
            Route::Sink { count: 7 },
            Route::hose(1_000, 128),
            Route::Heard,
            Route::Restart { millis: 250 },
        ] {
            assert_eq!(Route::parse(&route.to_string()), Some(route));
        }
    }

    #[test]
    fn a_request_is_taken_when_it_is_complete() {
        let text = b"GET /echo HTTP/1.1\r\nsec-websocket-key: abc\r\n\r\nrest";
        assert!(Request::parse(&text[..20]).expect("not wrong yet").is_none());
        let (request, end) = Request::parse(text).expect("right").expect("complete");
        assert_eq!(request.key.as_deref(), Some("abc"));
        assert_eq!(&text[end..], b"rest");
    }
}
