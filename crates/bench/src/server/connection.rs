//! One accepted connection of the server: its route, and the bytes that it has not written yet.

use std::{
    io::{self, ErrorKind, Read, Write},
    mem,
    net::TcpStream,
};

use super::{
    request::{Request, Route},
    wire::{self, Inbound},
};

/// How many writes a connection that pushes makes before other connections are served.
const WRITES_PER_TURN: usize = 64;

/// The action of the server after it has served a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Continue,
    /// Close this connection.
    Close,
    /// Close all connections, and listen again after this many milliseconds.
    Restart(u64),
}

#[derive(Debug)]
enum Mode {
    Opening,
    Echo,
    /// Counts down, then sends a message of one byte.
    Sink(u64),
    Push(FrameSource),
    /// Answered in plain HTTP. The action follows when the answer is written.
    Plain(Action),
}

#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    mode: Mode,
    /// The beginning of a frame or request that is not complete yet.
    partial: Vec<u8>,
    out: Vec<u8>,
    written: usize,
    /// Whether the event loop waits until it can be written to.
    armed: bool,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            mode: Mode::Opening,
            partial: Vec::new(),
            out: Vec::new(),
            written: 0,
            armed: false,
        }
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Whether to wait for the socket to be writable, if that has changed.
    pub(crate) fn rearm(&mut self) -> Option<bool> {
        let wants = self.wants_to_write();
        (wants != self.armed).then(|| {
            self.armed = wants;
            wants
        })
    }

    fn wants_to_write(&self) -> bool {
        self.written < self.out.len()
            || matches!(&self.mode, Mode::Push(source) if source.running && source.left > 0)
    }

    /// Reads once, answers the complete frames and writes. `scratch` is shared by all connections.
    /// `frames_received` counts the frames of all connections.
    pub(crate) fn turn(
        &mut self,
        readable: bool,
        scratch: &mut [u8],
        frames_received: &mut u64,
    ) -> io::Result<Action> {
        if readable {
            match self.stream.read(scratch) {
                Ok(0) => return Ok(Action::Close),
                Ok(len) if self.partial.is_empty() => {
                    self.take(&scratch[..len], frames_received)?
                }
                Ok(len) => {
                    let mut input = mem::take(&mut self.partial);
                    input.extend_from_slice(&scratch[..len]);
                    self.take(&input, frames_received)?;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        self.write()?;
        Ok(match self.mode {
            Mode::Plain(action) if !self.wants_to_write() => action,
            _ => Action::Continue,
        })
    }

    fn take(&mut self, mut input: &[u8], frames_received: &mut u64) -> io::Result<()> {
        if matches!(self.mode, Mode::Opening) {
            let Some((request, end)) = Request::parse(input)? else {
                self.partial = input.to_vec();
                return Ok(());
            };
            self.open(&request, *frames_received);
            input = &input[end..];
        }
        while let Some(frame) = Inbound::parse(input) {
            *frames_received += 1;
            self.answer(&frame, input);
            input = &input[frame.end()..];
        }
        if !input.is_empty() {
            self.partial = input.to_vec();
        }
        Ok(())
    }

    fn open(&mut self, request: &Request, frames_received: u64) {
        self.mode = match request.route {
            Route::Echo => Mode::Echo,
            Route::Sink { count } => Mode::Sink(count),
            Route::Push { count, size, opcode, per_write } => {
                Mode::Push(FrameSource::new(count, size, opcode, per_write))
            }
            Route::FrameCount => Mode::Plain(Action::Close),
            Route::Restart { millis } => Mode::Plain(Action::Restart(millis)),
        };
        let answer = request.upgrade_response().unwrap_or_else(|| {
            format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{frames_received}\n")
        });
        self.out.extend_from_slice(answer.as_bytes());
    }

    fn answer(&mut self, frame: &Inbound, input: &[u8]) {
        match (frame.opcode, &mut self.mode) {
            (wire::PING, _) => frame.answer(input, wire::PONG, &mut self.out),
            (wire::PONG, _) => {}
            (wire::CLOSE, _) => {
                frame.answer(input, wire::CLOSE, &mut self.out);
                self.mode = Mode::Plain(Action::Close);
            }
            (opcode, Mode::Echo) => frame.answer(input, opcode, &mut self.out),
            (_, Mode::Sink(left)) => {
                *left = left.saturating_sub(1);
                if *left == 0 {
                    wire::frame(wire::BINARY, b".", &mut self.out);
                }
            }
            (_, Mode::Push(source)) => source.running = true,
            (_, Mode::Opening | Mode::Plain(_)) => {}
        }
    }

    /// Writes until nothing is left, the socket is full or the limit of one turn is reached.
    fn write(&mut self) -> io::Result<()> {
        while self.written < self.out.len() {
            match self.stream.write(&self.out[self.written..]) {
                Ok(len) => self.written += len,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        // Freed and not cleared: thousands of idle connections must not keep a buffer each.
        self.out = Vec::new();
        self.written = 0;
        match &mut self.mode {
            Mode::Push(source) if source.running => source.write(&mut self.stream),
            _ => Ok(()),
        }
    }
}

/// Equal frames that the server pushes.
#[derive(Debug)]
struct FrameSource {
    /// The frames of one write.
    block: Vec<u8>,
    frame: usize,
    /// How many frames are not written completely yet.
    left: u64,
    /// How many bytes of the block are written already.
    offset: usize,
    /// Whether the client's first message has come.
    running: bool,
}

impl FrameSource {
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
