//! [`Body`]: the beginning of the body of a refusal.

use websocket_heartbeat::{Headers, HttpAnswer};

/// The limit on bytes read for the body. The framing of chunks can be many times longer than their
/// data.
const MAX_READ: usize = 16 * HttpAnswer::BODY_LIMIT;

/// The body of a refusal, decoded as it arrives, up to [`HttpAnswer::BODY_LIMIT`] bytes.
pub(crate) struct Body {
    decoded: Vec<u8>,
    read: usize,
    state: State,
}

enum State {
    /// The number of bytes that are missing.
    Length(u64),
    /// All bytes until the end of the connection.
    ToEnd,
    /// In the size of a chunk (RFC 9112 section 7.1).
    Size {
        size: u64,
        digits: u32,
    },
    /// After the size, before the end of the line.
    Extension(u64),
    Chunk(u64),
    /// In the end of line after a chunk.
    ChunkEnd,
    Done,
}

impl Body {
    /// A body with the length that RFC 9112 section 6.3 defines.
    pub(crate) fn new(status: u16, headers: &Headers) -> Self {
        let values = |wanted: &'static str| {
            let fields = headers.iter().filter(move |(name, _)| name.eq_ignore_ascii_case(wanted));
            fields.flat_map(|(_, value)| value.split(|&b| b == b',')).map(<[u8]>::trim_ascii)
        };
        let state = if matches!(status, 204 | 304) {
            State::Done
        } else if let Some(coding) = values("transfer-encoding").last() {
            match coding.eq_ignore_ascii_case(b"chunked") {
                true => State::Size { size: 0, digits: 0 },
                false => State::ToEnd,
            }
        } else {
            match values("content-length").next().map(length) {
                Some(Some(0)) => State::Done,
                Some(Some(length)) => State::Length(length),
                _ => State::ToEnd,
            }
        };
        Self { decoded: Vec::new(), read: 0, state }
    }

    /// Whether the body is complete or a limit is reached.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
            || self.decoded.len() >= HttpAnswer::BODY_LIMIT
            || self.read >= MAX_READ
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.decoded
    }

    pub(crate) fn push(&mut self, mut bytes: &[u8]) {
        while let Some((&first, rest)) = bytes.split_first() {
            if self.is_done() {
                return;
            }
            if let State::Length(left) | State::Chunk(left) = self.state {
                let count = self.append(bytes, left);
                bytes = &bytes[count..];
                let left = left - count as u64;
                self.state = match self.state {
                    State::Length(_) if left == 0 => State::Done,
                    State::Length(_) => State::Length(left),
                    _ if left == 0 => State::ChunkEnd,
                    _ => State::Chunk(left),
                };
            } else if let State::ToEnd = self.state {
                let count = self.append(bytes, u64::MAX);
                bytes = &bytes[count..];
            } else {
                bytes = rest;
                self.read += 1;
                self.frame(first);
            }
        }
    }

    fn append(&mut self, bytes: &[u8], limit: u64) -> usize {
        let room = HttpAnswer::BODY_LIMIT - self.decoded.len();
        let count = bytes.len().min(room).min(usize::try_from(limit).unwrap_or(usize::MAX));
        self.decoded.extend_from_slice(&bytes[..count]);
        self.read += count;
        count
    }

    /// Parses one byte of the framing of chunks. An invalid byte ends the body.
    fn frame(&mut self, byte: u8) {
        let begins = |size| if size == 0 { State::Done } else { State::Chunk(size) };
        self.state = match self.state {
            State::Size { size, digits } => match char::from(byte).to_digit(16) {
                Some(digit) if digits < 15 => {
                    State::Size { size: size * 16 + u64::from(digit), digits: digits + 1 }
                }
                None if digits > 0 && byte == b'\n' => begins(size),
                None if digits > 0 => State::Extension(size),
                _ => State::Done,
            },
            State::Extension(size) if byte == b'\n' => begins(size),
            State::Extension(size) => State::Extension(size),
            State::ChunkEnd if byte == b'\n' => State::Size { size: 0, digits: 0 },
            State::ChunkEnd if byte == b'\r' => State::ChunkEnd,
            _ => State::Done,
        };
    }
}

fn length(value: &[u8]) -> Option<u64> {
    // `parse` alone would accept a sign.
    let digits = str::from_utf8(value).ok()?;
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}
