//! A server that ends a connection after a number of received bytes.

use std::{
    io::{self, Read, Write},
    mem,
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread::{self, JoinHandle},
    time::Duration,
};

use rustix::net::sockopt::{set_socket_linger, set_socket_recv_buffer_size};
use websocket_heartbeat_tests::ClientFrames;

/// How a connection ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ending {
    /// A reset, even if bytes are unread.
    Reset,
    /// The socket is closed: the kernel sends a reset if bytes are unread, and otherwise the end of the
    /// stream.
    Drop,
    /// The server ends its writing side and reads all bytes that the client's kernel has.
    End,
    /// The same with a close frame before.
    Close,
    /// A reset after the client's outbox is full or has all messages.
    Stall,
}

/// The end of a connection after a number of bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    pub(crate) after: u64,
    pub(crate) ending: Ending,
}

/// The data that the server received on one connection.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The messages that were read completely.
    pub(crate) messages: Vec<Vec<u8>>,
    /// Whether all bytes that the client's kernel accepted were read.
    pub(crate) drained: bool,
    /// Whether the server sent a frame, which the client may count as proof of its messages.
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
    /// Ends one connection after the other as `cuts` says. Reads each further connection until the
    /// client closes it.
    pub(crate) fn start(cuts: Vec<Cut>, small_buffer: bool, sender: Arc<Sender>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        if small_buffer {
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

    /// The data of each connection. Call this after the last connection of the client.
    pub(crate) fn finish(self) -> Vec<Seen> {
        *self.done.lock().unwrap() = true;
        drop(TcpStream::connect(("127.0.0.1", self.port)).unwrap());
        self.thread.join().unwrap()
    }
}

fn serve(stream: TcpStream, cut: Option<Cut>, sender: &Sender) -> Seen {
    let mut seen = Seen::default();
    let mut frames = Frames::default();
    // The client sends nothing before it has the response, so this reads no byte of a frame.
    if tungstenite::accept(&stream).is_err() {
        return seen;
    }
    let limit = cut.map_or(u64::MAX, |cut| cut.after);
    let complete = read(&stream, limit, &mut frames);
    match cut.filter(|_| complete.is_ok() && !frames.closed) {
        // The client has ended the connection, or it is broken.
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

/// Reads exactly this many bytes, unless the connection ends or a close frame comes before.
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

/// The frames of a client.
#[derive(Default)]
struct Frames {
    unread: ClientFrames,
    messages: Vec<Vec<u8>>,
    closed: bool,
}

impl Frames {
    fn feed(&mut self, bytes: &[u8]) {
        self.unread.feed(bytes);
        for frame in &mut self.unread {
            match frame.opcode {
                1 | 2 => self.messages.push(frame.payload),
                8 => self.closed = true,
                _ => {}
            }
        }
    }
}
