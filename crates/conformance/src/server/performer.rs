//! [`perform`]: executes a script.

use std::{
    io,
    net::{Ipv4Addr, TcpListener, TcpStream},
};

use super::{
    board::Board,
    websocket::{Frame, Opcode, Request, Socket},
};
use crate::script::{Answer, Script, Step};

/// Executes a script and puts the verdict on the board.
pub(super) fn perform(request: Request, script: &Script, board: &Board) -> io::Result<()> {
    let id = request.id;
    board.change(id, |entry| entry.arrived = true);
    let judge = |verdict| board.change(id, |entry| entry.verdict = Some(verdict));
    let socket = match script.answer {
        Answer::Accept => request.accept(&[])?,
        Answer::AcceptWith(items) => request.accept(items)?,
        Answer::Reply(parts) => return request.reply(parts),
        Answer::Stall(part) => {
            let ended = request.stall(part);
            judge(match &ended {
                Err(error) if !is_reset(error) => format!("broken: the client goes on: {error}"),
                _ => "kept".to_owned(),
            });
            return ended;
        }
    };
    let mut performance = Performance { id, board, socket, count: None, _port: None };
    for step in script.steps {
        if let Err(what) = performance.act(step) {
            judge(format!("broken: at the step {step:?} the server {what}"));
            return performance.socket.end();
        }
    }
    let resets = matches!(script.steps.last(), Some(Step::Reset));
    let ended = if resets {
        performance.socket.reset()
    } else {
        // The verdict first: the client may ask for it before it ends.
        judge(kept(performance.count));
        performance.socket.end()
    };
    if resets {
        judge(kept(performance.count));
    }
    ended
}

fn kept(count: Option<u64>) -> String {
    count.map_or_else(|| "kept".to_owned(), |count| format!("kept {count}"))
}

struct Performance<'a> {
    id: u64,
    board: &'a Board,
    socket: Socket,
    count: Option<u64>,
    /// Keeps a port in use, so that no server can listen there.
    _port: Option<TcpStream>,
}

impl Performance<'_> {
    /// Executes a step. The error says what the server has seen.
    fn act(&mut self, step: &Step) -> Result<(), String> {
        match *step {
            Step::Send(item) => self.write(&Frame::of(item).encode(true)),
            Step::Begin(bytes) => self.write(&Frame::new(Opcode::TEXT, bytes).encode(false)),
            Step::Finish(bytes) => {
                self.write(&Frame::new(Opcode::CONTINUATION, bytes).encode(true))
            }
            Step::Bytes(bytes) => self.write(bytes),
            Step::Pings(count) => {
                let ping = Frame::new(Opcode::PING, b"flood").encode(true);
                self.write(&ping.repeat(count as usize))
            }
            Step::Numbers(count) => {
                let numbers = (0..count).map(|number| Frame::text_of(&number.to_string()));
                self.write(&numbers.flat_map(|frame| frame.encode(true)).collect::<Vec<_>>())
            }
            Step::ClosedPort => self.send_closed_port().map_err(|error| failed(&error)),
            Step::Expect(item) => {
                let (expected, frame) = (Frame::of(item), self.read()?);
                match frame {
                    Some(frame) if frame == expected => Ok(()),
                    other => Err(read(other.as_ref())),
                }
            }
            Step::Echo => self.echo(),
            Step::Count => self.count(),
            Step::Wait => {
                let go = self.board.wait(self.id, |entry| entry.go);
                go.map(drop).ok_or_else(|| "waited in vain for the observer".to_owned())
            }
            Step::LeaveUnread => self.socket.wait_for_bytes().map_err(|error| failed(&error)),
            Step::Reset => Ok(()),
            Step::End => self.socket.end_writing().map_err(|error| failed(&error)),
            Step::ExpectEnd => match self.read()? {
                None => Ok(()),
                other => Err(read(other.as_ref())),
            },
            Step::ExpectGone => match self.socket.read() {
                Ok(None) => Ok(()),
                Err(error) if is_reset(&error) => Ok(()),
                Ok(other) => Err(read(other.as_ref())),
                Err(error) => Err(failed(&error)),
            },
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.socket.write_bytes(bytes).map_err(|error| failed(&error))
    }

    fn read(&mut self) -> Result<Option<Frame>, String> {
        self.socket.read().map_err(|error| failed(&error))
    }

    fn echo(&mut self) -> Result<(), String> {
        while let Some(frame) = self.read()? {
            match frame.opcode {
                Opcode::TEXT | Opcode::BINARY => self.write(&frame.encode(true))?,
                Opcode::CLOSE => return self.write(&frame.encode(true)),
                _ => {}
            }
        }
        Ok(())
    }

    fn count(&mut self) -> Result<(), String> {
        let mut count = 0_u64;
        // The end may be in the middle of a frame.
        while let Ok(Some(frame)) = self.socket.read() {
            match frame.opcode {
                Opcode::TEXT if frame.payload == b"end" => break,
                Opcode::BINARY if frame.payload.starts_with(&count.to_le_bytes()) => count += 1,
                _ => return Err(format!("read {} after {count} messages", read(Some(&frame)))),
            }
        }
        self.count = Some(count);
        Ok(())
    }

    fn send_closed_port(&mut self) -> io::Result<()> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        // The port of a client is in use, so no server can listen there.
        let client = TcpStream::connect(listener.local_addr()?)?;
        let url = format!("ws://{}/", client.local_addr()?);
        self._port = Some(client);
        self.socket.write(&Frame::text_of(&url))
    }
}

fn read(frame: Option<&Frame>) -> String {
    match frame {
        None => "read the end of the stream".to_owned(),
        Some(Frame { opcode, payload }) => {
            format!("read a frame with the opcode {opcode} and {} bytes", payload.len())
        }
    }
}

fn failed(error: &io::Error) -> String {
    format!("failed: {error}")
}

fn is_reset(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(error.kind(), Kind::ConnectionReset | Kind::ConnectionAborted | Kind::UnexpectedEof)
}
