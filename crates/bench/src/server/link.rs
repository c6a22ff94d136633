//! One accepted connection of the server: what it was asked for, and what it still has to write.

use std::{
    io::{self, ErrorKind, Read, Write},
    mem,
    net::TcpStream,
};

use async_tungstenite::tungstenite::handshake::derive_accept_key;

use super::{
    request::{Request, Route},
    wire::{self, Inbound},
};

/// How many writes a hose makes before other connections get their turn.
const WRITES_PER_TURN: usize = 64;

/// What a connection wants of the server as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Nothing,
    /// It has ended.
    Drop,
    /// All connections shall drop, and the server come back after so many milliseconds.
    Restart(u64),
}

#[derive(Debug)]
enum Mode {
    Greeting,
    Echo,
    /// Counts down, then says one byte.
    Sink(u64),
    Hose(Hose),
    /// Answered in plain HTTP; ends when that is written.
    Plain(Wish),
}

#[derive(Debug)]
pub(crate) struct Link {
    stream: TcpStream,
    mode: Mode,
    /// The head of a frame or request whose rest has not come yet.
    partial: Vec<u8>,
    out: Vec<u8>,
    written: usize,
    /// Whether the event loop waits until it can be written to.
    armed: bool,
}

impl Link {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            mode: Mode::Greeting,
            partial: Vec::new(),
            out: Vec::new(),
            written: 0,
            armed: false,
        }
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Whether to wait until it can be written to, if that has changed.
    pub(crate) fn rearm(&mut self) -> Option<bool> {
        let wants = self.wants_to_write();
        (wants != self.armed).then(|| {
            self.armed = wants;
            wants
        })
    }

    fn wants_to_write(&self) -> bool {
        self.written < self.out.len()
            || matches!(&self.mode, Mode::Hose(hose) if hose.running && hose.left > 0)
    }

    /// Reads what is there, answers it, and writes. `scratch` is shared by all connections;
    /// `heard` counts the frames that came in.
    pub(crate) fn turn(
        &mut self,
        readable: bool,
        scratch: &mut [u8],
        heard: &mut u64,
    ) -> io::Result<Wish> {
        if readable {
            match self.stream.read(scratch) {
                Ok(0) => return Ok(Wish::Drop),
                Ok(len) if self.partial.is_empty() => self.take(&scratch[..len], heard)?,
                Ok(len) => {
                    let mut input = mem::take(&mut self.partial);
                    input.extend_from_slice(&scratch[..len]);
                    self.take(&input, heard)?;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        self.write()?;
        Ok(match self.mode {
            Mode::Plain(wish) if !self.wants_to_write() => wish,
            _ => Wish::Nothing,
        })
    }

    fn take(&mut self, mut input: &[u8], heard: &mut u64) -> io::Result<()> {
        if matches!(self.mode, Mode::Greeting) {
            let Some((request, end)) = Request::parse(input)? else {
                self.partial = input.to_vec();
                return Ok(());
            };
            self.greet(&request, *heard);
            input = &input[end..];
        }
        while let Some(frame) = Inbound::parse(input) {
            *heard += 1;
            self.answer(&frame, input);
            input = &input[frame.end()..];
        }
        if !input.is_empty() {
            self.partial = input.to_vec();
        }
        Ok(())
    }

    fn greet(&mut self, request: &Request, heard: u64) {
        self.mode = match request.route {
            Route::Echo => Mode::Echo,
            Route::Sink { count } => Mode::Sink(count),
            Route::Hose { count, size, opcode, per_write } => {
                Mode::Hose(Hose::new(count, size, opcode, per_write))
            }
            Route::Heard => Mode::Plain(Wish::Drop),
            Route::Restart { millis } => Mode::Plain(Wish::Restart(millis)),
        };
        let answer = match &request.key {
            Some(key) => format!(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
                 Connection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n\r\n",
                derive_accept_key(key.as_bytes())
            ),
            None => format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{heard}\n"),
        };
        self.out.extend_from_slice(answer.as_bytes());
    }

    fn answer(&mut self, frame: &Inbound, input: &[u8]) {
        match (frame.opcode, &mut self.mode) {
            (wire::PING, _) => frame.answer(input, wire::PONG, &mut self.out),
            (wire::PONG, _) => {}
            (wire::CLOSE, _) => {
                frame.answer(input, wire::CLOSE, &mut self.out);
                self.mode = Mode::Plain(Wish::Drop);
            }
            (opcode, Mode::Echo) => frame.answer(input, opcode, &mut self.out),
            (_, Mode::Sink(left)) => {
                *left = left.saturating_sub(1);
                if *left == 0 {
                    wire::frame(wire::BINARY, b".", &mut self.out);
                }
            }
            (_, Mode::Hose(hose)) => hose.running = true,
            (_, Mode::Greeting | Mode::Plain(_)) => {}
        }
    }

    /// Writes until nothing is left, the socket is full, or the turn is over.
    fn write(&mut self) -> io::Result<()> {
        while self.written < self.out.len() {
            match self.stream.write(&self.out[self.written..]) {
                Ok(len) => self.written += len,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        // Not cleared: thousands of idle connections must not each keep a buffer.
        self.out = Vec::new();
        self.written = 0;
        match &mut self.mode {
            Mode::Hose(hose) if hose.running => hose.write(&mut self.stream),
            _ => Ok(()),
        }
    }
}

/// A source of equal frames.
#[derive(Debug)]
struct Hose {
    /// As many frames as one write takes.
    block: Vec<u8>,
    frame: usize,
    /// Frames that are not written whole yet.
    left: u64,
    /// How much of the block is written already.
    offset: usize,
    /// It begins with the client's first message.
    running: bool,
}

impl Hose {
    fn new(count: u64, size: usize, opcode: u8, per_write: usize) -> Self {
        let payload: Vec<u8> = (b'a'..=b'z').cycle().take(size).collect();
        let mut block = Vec::new();
        wire::frame(opcode, &payload, &mut block);
        let frame = block.len();
        Self {
            block: block.repeat(per_write.max(1)),
            frame,
            left: count,
            offset: 0,
            running: false,
        }
    }

    fn write(&mut self, stream: &mut TcpStream) -> io::Result<()> {
        for _ in 0..WRITES_PER_TURN {
            let frames = self.left.min((self.block.len() / self.frame) as u64);
            if frames == 0 {
                break;
            }
            let end = frames as usize * self.frame;
            match stream.write(&self.block[self.offset..end]) {
                Ok(len) => self.offset += len,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
            if self.offset == end {
                self.offset = 0;
                self.left -= frames;
            }
        }
        Ok(())
    }
}
