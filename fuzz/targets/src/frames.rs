//! Frames of a server, and a client that reads and writes between them.
//!
//! The first byte is a number of operations of the client, up to 32. The operations follow, and then
//! the bytes of the server after a valid answer to the upgrade. The contract of `Connection` holds,
//! the received frames do not depend on the pieces in which the bytes arrive, and all accepted frames
//! are written in order.

use std::{
    io::{self, Cursor, Read, Write},
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use futures::{Sink, Stream, executor::block_on};
use tungstenite::{
    Message as Ws,
    protocol::{Role, WebSocket},
};
use websocket_heartbeat::{CloseFrame, Connection, ErrorKind, Frame, Message, TransportError};
use websocket_heartbeat_tungstenite::{Request, Socket, Tuning, upgrade};

use crate::{
    cuts::Cuts,
    plan::Plan,
    server::{Seen, Server},
};

const ANSWER: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Accept: KEY\r\n\r\n";

/// Small limits, so that short inputs exceed them.
const MAX_MESSAGE: usize = 2_048;
const MAX_FRAME: usize = 1_024;

pub(crate) fn run(data: &[u8]) {
    let mut plan = Plan::new(data);
    let count = plan.below(33);
    let operations = plan.take(count);
    let frames = plan.rest();
    let received = Cuts::all(frames).map(|cuts| {
        let mut client = Client::new(frames, cuts);
        for operation in operations {
            client.perform(*operation);
        }
        client.finish()
    });
    assert_eq!(received[0], received[1], "in one piece, and byte by byte");
    assert_eq!(received[0], received[2], "in one piece, and in random pieces");
}

struct Client {
    connection: Pin<Box<Socket<Server>>>,
    seen: Arc<Mutex<Seen>>,
    /// The length of the written request.
    request: usize,
    waker: Arc<Recorder>,
    received: Vec<String>,
    ended: bool,
    /// The frames that the connection has accepted.
    accepted: Vec<Ws>,
    closing: bool,
    /// Writing has failed.
    failed: bool,
    numbers: (u64, u64),
}

impl Client {
    fn new(frames: &[u8], cuts: Cuts) -> Self {
        let server = Server::new(&[ANSWER, frames].concat(), cuts);
        let seen = server.seen();
        let tuning = Tuning::low_memory()
            .read_buffer(512)
            .max_message(Some(MAX_MESSAGE))
            .max_frame(Some(MAX_FRAME));
        let request = Request::for_stream("ws://example.org").unwrap();
        let established = block_on(upgrade(server, &request, tuning)).expect("a valid answer");
        let request = seen.lock().unwrap().written.len();
        Self {
            connection: Box::pin(established.connection),
            seen,
            request,
            waker: Arc::default(),
            received: Vec::new(),
            ended: false,
            accepted: Vec::new(),
            closing: false,
            failed: false,
            numbers: (0, 0),
        }
    }

    /// One call of the client. The upper bits are the size of a payload or of a quota.
    fn perform(&mut self, operation: u8) {
        let size = usize::from(operation >> 3);
        match operation & 7 {
            0 => drop(self.read()),
            1 => while self.read().is_ready() && !self.ended {},
            2 => self.send(Message::text("t".repeat(size)).into(), Ws::text("t".repeat(size))),
            3 => {
                let payload = vec![b'p'; size * 4];
                self.send(Frame::Ping(payload.clone().into()), Ws::Ping(payload.into()));
            }
            4 => drop(self.flush()),
            5 => self.seen.lock().unwrap().quota = size,
            6 => self.connection.as_mut().shrink(),
            _ => {
                let code = [1000, 1001, 1005, 3000][size % 4];
                let close = CloseFrame::new(code, "over");
                // A code that must not be sent is refused.
                let _ = self.start(Frame::Close(Some(close)));
            }
        }
        self.check_numbers();
    }

    /// Reads one frame.
    fn read(&mut self) -> Poll<()> {
        let waker = self.waker.clear();
        let polled = self.connection.as_mut().poll_next(&mut Context::from_waker(&waker));
        let frame = match polled {
            // The server always has more to send, or has ended.
            Poll::Pending => {
                assert!(self.waker.was_woken(), "pending, and the task is not woken");
                return Poll::Pending;
            }
            Poll::Ready(frame) => frame,
        };
        let ended = !matches!(frame, Some(Ok(_)));
        assert!(ended || !self.ended, "a frame after the end: {frame:?}");
        match frame {
            Some(Ok(frame)) => {
                check_frame(&frame);
                self.received.push(format!("{frame:?} {:?}", bytes_of(&frame)));
            }
            Some(Err(error)) => {
                assert!(!self.ended, "an error after the end: {error}");
                assert!(!error.to_string().chars().any(char::is_control), "{error}");
                self.received.push(format!("{:?}", error.kind()));
            }
            None if !self.ended => self.received.push("the end".to_owned()),
            None => {}
        }
        self.ended |= ended;
        Poll::Ready(())
    }

    fn send(&mut self, frame: Frame, written: Ws) {
        if self.start(frame) {
            assert!(!self.closing, "a message is accepted after our close frame");
            self.accepted.push(written);
        }
    }

    /// Whether the frame was accepted.
    fn start(&mut self, frame: Frame) -> bool {
        let waker = self.waker.clear();
        let ready = self.connection.as_mut().poll_ready(&mut Context::from_waker(&waker));
        match ready {
            Poll::Pending => {
                assert!(self.waker.was_woken(), "writing is pending, and the task is not woken");
                return false;
            }
            Poll::Ready(Err(error)) => {
                self.check_failure(&error);
                return false;
            }
            Poll::Ready(Ok(())) => {}
        }
        let closes = matches!(frame, Frame::Close(_));
        match self.connection.as_mut().start_send(frame) {
            Ok(()) => {
                self.closing |= closes;
                !closes
            }
            Err(error) => {
                assert!(self.ended || error.kind() == ErrorKind::Protocol, "{error}");
                false
            }
        }
    }

    fn flush(&mut self) -> Poll<()> {
        let waker = self.waker.clear();
        match self.connection.as_mut().poll_flush(&mut Context::from_waker(&waker)) {
            Poll::Pending => {
                assert!(self.waker.was_woken(), "a flush is pending, and the task is not woken");
                Poll::Pending
            }
            Poll::Ready(flushed) => {
                if let Err(error) = flushed {
                    self.check_failure(&error);
                }
                Poll::Ready(())
            }
        }
    }

    /// Writing fails only after the client has closed the stream at its end.
    fn check_failure(&mut self, error: &TransportError) {
        self.failed = true;
        assert!(self.ended && self.seen.lock().unwrap().closed, "the stream did not fail: {error}");
    }

    fn check_numbers(&mut self) {
        let read = self.connection.bytes_read().expect("known");
        let written = self.connection.bytes_written().expect("known");
        assert!(read >= self.numbers.0 && written >= self.numbers.1, "a number decreases");
        self.numbers = (read, written);
    }

    /// Reads to the end, writes all, and returns what was received.
    fn finish(mut self) -> Vec<String> {
        self.seen.lock().unwrap().quota = usize::MAX;
        let mut polls = 0_u32;
        while !self.ended {
            let _ = self.read();
            polls += 1;
            assert!(polls < 1_000_000, "reading does not end");
        }
        for _ in 0..3 {
            assert!(self.read().is_ready(), "the end is not ready");
        }
        let flushed = (0..4).any(|_| self.flush().is_ready());
        assert!(flushed, "a flush does not end, although the stream accepts all");
        self.check_numbers();
        // At the end of the stream, the client closes it without waiting for its buffers.
        if !self.failed {
            self.check_written();
        }
        self.received
    }

    /// The server can read all frames, and those of the application are unchanged and in order.
    fn check_written(&self) {
        let written = self.seen.lock().unwrap().written[self.request..].to_vec();
        let length = written.len() as u64;
        let mut stream = Cursor::new(written);
        let mut server = WebSocket::from_raw_socket(ReadOnly(&mut stream), Role::Server, None);
        let mut sent = self.accepted.iter();
        loop {
            match server.read() {
                // Answers to the pings of the server.
                Ok(Ws::Pong(_)) => {}
                Ok(Ws::Close(_)) => break,
                Ok(message) => assert_eq!(Some(&message), sent.next(), "a written frame"),
                Err(tungstenite::Error::Protocol(
                    tungstenite::error::ProtocolError::ResetWithoutClosingHandshake,
                )) => break,
                Err(error) => panic!("the client has written an invalid frame: {error}"),
            }
        }
        drop(server);
        assert_eq!(stream.position(), length, "bytes after the close frame");
        assert_eq!(sent.next(), None, "a frame was accepted and not written");
    }
}

/// A stream that discards what is written to it.
struct ReadOnly<'a>(&'a mut Cursor<Vec<u8>>);

impl Read for ReadOnly<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for ReadOnly<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn check_frame(frame: &Frame) {
    match frame {
        Frame::Message(message) => assert!(message.len() <= MAX_MESSAGE),
        Frame::Ping(payload) | Frame::Pong(payload) => assert!(payload.len() <= 125),
        Frame::Close(Some(close)) => {
            let valid = matches!(close.code, 1000..=1003 | 1007..=1014 | 3000..=4999);
            assert!(valid, "a server must not send the code {}", close.code);
        }
        _ => {}
    }
}

fn bytes_of(frame: &Frame) -> Vec<u8> {
    match frame {
        Frame::Message(message) => message.as_bytes().to_vec(),
        Frame::Ping(payload) | Frame::Pong(payload) => payload.to_vec(),
        Frame::Close(Some(close)) => close.reason.as_bytes().to_vec(),
        _ => Vec::new(),
    }
}

/// A waker that notes its call.
#[derive(Default)]
struct Recorder {
    woken: AtomicBool,
}

impl Recorder {
    fn clear(self: &Arc<Self>) -> Waker {
        self.woken.store(false, Ordering::SeqCst);
        Arc::clone(self).into()
    }

    fn was_woken(&self) -> bool {
        self.woken.load(Ordering::SeqCst)
    }
}

impl Wake for Recorder {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
    }
}
