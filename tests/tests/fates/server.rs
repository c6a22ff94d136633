//! A server that reads so many bytes of what a client sends, and no more.

use std::{
    io::{self, Read, Write},
    mem,
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread::{self, JoinHandle},
    time::Duration,
};

use rustix::net::sockopt::{set_socket_linger, set_socket_recv_buffer_size};

/// How a connection ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ending {
    /// Reset, whatever is unread.
    Reset,
    /// Closed: a reset by the kernel if anything is unread, else the end.
    Drop,
    /// Writing ends, and what the client's kernel has is read to its end.
    End,
    /// The same with a close frame.
    Close,
    /// Reset once the client's outbox takes no more, or has all.
    Stall,
}

/// Ends a connection after so many bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    pub(crate) after: u64,
    pub(crate) ending: Ending,
}

/// What the server saw of one connection.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The messages that were read whole.
    pub(crate) messages: Vec<Vec<u8>>,
    /// Everything that the client's kernel took was read.
    pub(crate) drained: bool,
    /// A frame was sent, by which the client may take what it sent for proven.
    pub(crate) answered: bool,
}

/// Whether the client's sender waits or has ended.
#[derive(Debug, Default)]
pub(crate) struct Sender {
    waits: Mutex<bool>,
    changed: Condvar,
}

impl Sender {
    pub(crate) fn set_waiting(&self, waits: bool) {
        *self.waits.lock().unwrap() = waits;
        self.changed.notify_all();
    }

    fn wait(&self) {
        drop(self.changed.wait_while(self.waits.lock().unwrap(), |waits| !*waits).unwrap());
    }
}

pub(crate) struct Server {
    pub(crate) port: u16,
    done: Arc<Mutex<bool>>,
    thread: JoinHandle<Vec<Seen>>,
}

impl Server {
    /// Cuts one connection after the other, then reads all of each until the client closes it.
    pub(crate) fn start(cuts: Vec<Cut>, narrow: bool, sender: Arc<Sender>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        if narrow {
            set_socket_recv_buffer_size(&listener, 4_096).unwrap();
        }
        let port = listener.local_addr().unwrap().port();
        let done = Arc::new(Mutex::new(false));
        let ends = Arc::clone(&done);
        let thread = thread::spawn(move || {
            let mut seen = Vec::new();
            let mut cuts = cuts.into_iter();
            loop {
                let (stream, _) = listener.accept().unwrap();
                if *ends.lock().unwrap() {
                    return seen;
                }
                seen.push(serve(stream, cuts.next(), &sender));
            }
        });
        Self { port, done, thread }
    }

    /// What was seen of each connection. The client has no more of them.
    pub(crate) fn finish(self) -> Vec<Seen> {
        *self.done.lock().unwrap() = true;
        drop(TcpStream::connect(("127.0.0.1", self.port)).unwrap());
        self.thread.join().unwrap()
    }
}

fn serve(stream: TcpStream, cut: Option<Cut>, sender: &Sender) -> Seen {
    let mut seen = Seen::default();
    let mut frames = Frames::default();
    // The client sends nothing before it has the answer, so that this reads no byte of a frame.
    if tungstenite::accept(&stream).is_err() {
        return seen;
    }
    let limit = cut.map_or(u64::MAX, |cut| cut.after);
    let whole = read(&stream, limit, &mut frames);
    match cut.filter(|_| whole.is_ok() && !frames.closed) {
        // The client has ended the connection, or failed to.
        None => {}
        Some(cut) => match cut.ending {
            Ending::Reset => reset(&stream),
            Ending::Drop => {}
            Ending::End => {
                let _ = stream.shutdown(Shutdown::Write);
                seen.drained = read(&stream, u64::MAX, &mut frames).is_ok();
            }
            Ending::Close => {
                seen.answered = true;
                let _ = (&stream).write_all(&[0x88, 2, 0x03, 0xe9]);
                let answer = read(&stream, u64::MAX, &mut frames);
                let _ = stream.shutdown(Shutdown::Write);
                seen.drained = answer.is_ok() && read(&stream, u64::MAX, &mut frames).is_ok();
            }
            Ending::Stall => {
                sender.wait();
                reset(&stream);
            }
        },
    }
    if cut.is_none() && frames.closed {
        seen.answered = true;
        let _ = (&stream).write_all(&[0x88, 2, 0x03, 0xe8]);
        seen.drained = true;
    }
    seen.messages = mem::take(&mut frames.messages);
    seen
}

fn reset(stream: &TcpStream) {
    set_socket_linger(stream, Some(Duration::ZERO)).unwrap();
}

/// Reads exactly so many bytes, unless the connection ends or is closed before.
fn read(mut stream: &TcpStream, mut limit: u64, frames: &mut Frames) -> io::Result<()> {
    let closed = frames.closed;
    let mut buffer = [0; 16 << 10];
    while limit > 0 && frames.closed == closed {
        let most = buffer.len().min(usize::try_from(limit).unwrap_or(usize::MAX));
        let count = stream.read(&mut buffer[..most])?;
        if count == 0 {
            return Ok(());
        }
        limit -= count as u64;
        frames.feed(&buffer[..count]);
    }
    Ok(())
}

/// A client's frames.
#[derive(Default)]
struct Frames {
    bytes: Vec<u8>,
    messages: Vec<Vec<u8>>,
    closed: bool,
}

impl Frames {
    fn feed(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        while let Some((opcode, payload, len)) = first(&self.bytes) {
            self.bytes.drain(..len);
            match opcode {
                1 | 2 => self.messages.push(payload),
                8 => self.closed = true,
                _ => {}
            }
        }
    }
}

/// The first frame, if it is whole, and its length.
fn first(bytes: &[u8]) -> Option<(u8, Vec<u8>, usize)> {
    let (short, rest) = (bytes.get(1)? & 0x7f, bytes.get(2..)?);
    assert!(bytes[0] & 0x80 != 0 && bytes[1] & 0x80 != 0, "whole and masked");
    let (payload, rest) = match short {
        126 => (u64::from(u16::from_be_bytes(*rest.first_chunk()?)), &rest[2..]),
        127 => (u64::from_be_bytes(*rest.first_chunk()?), &rest[8..]),
        short => (u64::from(short), rest),
    };
    let mask: &[u8; 4] = rest.first_chunk()?;
    let payload = rest[4..].get(..usize::try_from(payload).unwrap())?;
    let len = bytes.len() - rest.len() + 4 + payload.len();
    let mask = mask.iter().cycle();
    Some((bytes[0] & 0x0f, payload.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect(), len))
}
