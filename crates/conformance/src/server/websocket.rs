//! [`Request`] and [`Socket`]: the server's side of RFC 6455, as strict as the rules need it.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
    thread,
    time::Duration,
};

use data_encoding::BASE64;
use sha1::{Digest, Sha1};

use super::board::LIMIT;
use crate::script::{Item, PAUSE_MS};

/// A request that was read, and not answered yet.
pub(super) struct Request {
    stream: TcpStream,
    pub(super) path: String,
    pub(super) id: u64,
    key: String,
}

/// An accepted connection.
pub(super) struct Socket {
    stream: TcpStream,
    /// The fragments of a message that is not complete: a browser splits large messages.
    begun: Option<Frame>,
}

/// A frame, or a message whose fragments were joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) opcode: u8,
    pub(super) payload: Vec<u8>,
}

/// RFC 6455 section 5.2.
pub(super) struct Opcode;

impl Opcode {
    pub(super) const CONTINUATION: u8 = 0;
    pub(super) const TEXT: u8 = 1;
    pub(super) const BINARY: u8 = 2;
    pub(super) const CLOSE: u8 = 8;
    pub(super) const PING: u8 = 9;
    pub(super) const PONG: u8 = 10;
}

impl Request {
    pub(super) fn read(mut stream: TcpStream) -> io::Result<Self> {
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_write_timeout(Some(LIMIT))?;
        // Without a delay, so that written bytes are sent even if the stream is reset next.
        stream.set_nodelay(true)?;
        let mut head = Vec::new();
        // Byte by byte, since frames may follow.
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte)?;
            head.push(byte[0]);
            if head.len() > 16 << 10 {
                return Err(invalid("a long head"));
            }
        }
        let head = String::from_utf8(head).map_err(|_| invalid("a head that is not ASCII"))?;
        let target = head.split(' ').nth(1).ok_or_else(|| invalid("no target"))?;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let id = query.strip_prefix("id=").and_then(|id| id.parse().ok()).unwrap_or_default();
        let fields = head.lines().filter_map(|line| line.split_once(':'));
        let mut keys = fields.filter(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-key"));
        let key = keys.next().map(|(_, key)| key.trim().to_owned()).unwrap_or_default();
        Ok(Self { path: path.to_owned(), id, key, stream })
    }

    /// Accepts the upgrade, with these frames in the same write.
    pub(super) fn accept(self, frames: &[Item]) -> io::Result<Socket> {
        let Self { mut stream, key, .. } = self;
        let digest = Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
        let accept = BASE64.encode(&digest);
        let mut bytes = format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Accept: {accept}\r\n\r\n"
        )
        .into_bytes();
        frames.iter().for_each(|item| bytes.extend(Frame::of(*item).encode(true)));
        stream.write_all(&bytes)?;
        Ok(Socket::new(stream))
    }

    /// Sends this in place of an acceptance, and ends.
    pub(super) fn refuse(self, answer: &str) -> io::Result<()> {
        self.reply(&[answer])
    }

    /// Sends these parts in place of an acceptance, and ends.
    pub(super) fn reply(mut self, parts: &[&str]) -> io::Result<()> {
        for (number, part) in parts.iter().enumerate() {
            if number > 0 {
                #[allow(clippy::disallowed_methods, reason = "the connection has its own thread")]
                thread::sleep(Duration::from_millis(PAUSE_MS));
            }
            self.stream.write_all(part.as_bytes())?;
        }
        Socket::new(self.stream).end()
    }

    /// Sends this in place of an acceptance, and waits until the client ends.
    pub(super) fn stall(mut self, part: &str) -> io::Result<()> {
        self.stream.write_all(part.as_bytes())?;
        let mut rest = [0; 1024];
        while self.stream.read(&mut rest)? > 0 {}
        Ok(())
    }
}

impl Socket {
    fn new(stream: TcpStream) -> Self {
        Self { stream, begun: None }
    }

    /// Reads a message or a control frame; `None` at the end of the stream.
    pub(super) fn read(&mut self) -> io::Result<Option<Frame>> {
        while let Some((last, frame)) = self.read_frame()? {
            let joined = match (frame.opcode, self.begun.take()) {
                (Opcode::CLOSE.., begun) => {
                    self.begun = begun;
                    return Ok(Some(frame));
                }
                (Opcode::CONTINUATION, Some(mut begun)) => {
                    begun.payload.extend(frame.payload);
                    begun
                }
                (Opcode::CONTINUATION, None) => return Err(invalid("nothing to continue")),
                (_, Some(_)) => return Err(invalid("a message within another one")),
                (_, None) => frame,
            };
            if last {
                return Ok(Some(joined));
            }
            self.begun = Some(joined);
        }
        Ok(None)
    }

    /// Reads a frame, and whether it is the last fragment.
    fn read_frame(&mut self) -> io::Result<Option<(bool, Frame)>> {
        let mut head = [0; 2];
        if self.stream.read(&mut head[..1])? == 0 {
            return Ok(None);
        }
        self.stream.read_exact(&mut head[1..])?;
        if head[0] & 0x70 != 0 || head[1] & 0x80 == 0 {
            return Err(invalid("a reserved bit or a frame without a mask"));
        }
        let length = match head[1] & 0x7f {
            126 => u64::from(u16::from_be_bytes(self.read_array()?)),
            127 => u64::from_be_bytes(self.read_array()?),
            short => u64::from(short),
        };
        if length > 64 << 20 {
            return Err(invalid("a frame of more than 64 MiB"));
        }
        let mask: [u8; 4] = self.read_array()?;
        let mut payload = vec![0; length as usize];
        self.stream.read_exact(&mut payload)?;
        unmask(&mut payload, mask);
        Ok(Some((head[0] & 0x80 != 0, Frame { opcode: head[0] & 0x0f, payload })))
    }

    pub(super) fn write(&mut self, frame: &Frame) -> io::Result<()> {
        self.write_bytes(&frame.encode(true))
    }

    pub(super) fn write_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Waits until bytes have arrived.
    pub(super) fn wait_for_bytes(&self) -> io::Result<()> {
        self.stream.peek(&mut [0]).map(drop)
    }

    pub(super) fn end_writing(&self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)
    }

    /// Ends this side, and reads until the client ends or resets. The stream is not reset by unread
    /// bytes.
    pub(super) fn end(mut self) -> io::Result<()> {
        self.end_writing()?;
        let mut rest = [0; 16 << 10];
        while self.stream.read(&mut rest)? > 0 {}
        Ok(())
    }

    pub(super) fn reset(self) -> io::Result<()> {
        socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO))
    }

    fn read_array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.stream.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

impl Frame {
    pub(super) fn new(opcode: u8, payload: &[u8]) -> Self {
        Self { opcode, payload: payload.to_vec() }
    }

    pub(super) fn text_of(text: &str) -> Self {
        Self::new(Opcode::TEXT, text.as_bytes())
    }

    pub(super) fn of(item: Item) -> Self {
        match item {
            Item::Text(text) => Self::text_of(text),
            Item::Binary(bytes) => Self::new(Opcode::BINARY, bytes),
            Item::Ping(payload) => Self::new(Opcode::PING, payload.as_bytes()),
            Item::Pong(payload) => Self::new(Opcode::PONG, payload.as_bytes()),
            Item::Close(code, reason) => {
                Self::new(Opcode::CLOSE, &[&code.to_be_bytes()[..], reason.as_bytes()].concat())
            }
            Item::CloseEmpty => Self::new(Opcode::CLOSE, &[]),
        }
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.payload).into_owned()
    }

    /// The bytes of the frame, or of a fragment that is not the last one.
    pub(super) fn encode(&self, last: bool) -> Vec<u8> {
        let length = self.payload.len();
        let mut bytes = vec![self.opcode | if last { 0x80 } else { 0 }];
        match u16::try_from(length) {
            Ok(short @ 0..126) => bytes.push(short as u8),
            Ok(length) => {
                bytes.push(126);
                bytes.extend(length.to_be_bytes());
            }
            Err(_) => {
                bytes.push(127);
                bytes.extend((length as u64).to_be_bytes());
            }
        }
        bytes.extend(&self.payload);
        bytes
    }
}

/// Eight bytes at a time, for messages of megabytes in a build without optimization.
fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let mut chunks = payload.chunks_exact_mut(8);
    for chunk in &mut chunks {
        let bytes = chunk.first_chunk_mut().expect("a chunk of eight bytes");
        *bytes = (u64::from_ne_bytes(*bytes) ^ wide).to_ne_bytes();
    }
    chunks.into_remainder().iter_mut().zip(mask.repeat(2)).for_each(|(byte, mask)| *byte ^= mask);
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
