//! The server: a process of its own, with one thread for each connection. It keeps the numbers of the
//! messages that it received, until the client asks for them.

use std::{
    collections::HashMap,
    fmt::Write as _,
    io::{self, BufRead, ErrorKind, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    process::exit,
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rustix::net::sockopt::{set_socket_linger, set_socket_recv_buffer_size};
use websocket_heartbeat_mock::Rng;
use websocket_heartbeat_tests::{ClientFrames, accept_key, read_request, upgrade_response};

use crate::{
    payload,
    script::{Answer, Fault, Script},
};

/// The header field with the number of the connection.
pub(crate) const CONNECTION: &str = "Soak-Connection";
/// The heartbeat of sessions that send messages, and its answer.
pub(crate) const HEARTBEAT: &str = "heartbeat";
const ANSWER: &[u8] = b"answer";

/// A client that needs longer has left.
const PATIENCE: Duration = Duration::from_secs(3);
/// The longest time in which the connections of an ended session end.
const LIMIT: Duration = Duration::from_secs(60);

/// Serves until its standard input ends. A line with the number of a session asks for its record.
pub(crate) fn serve(seed: u64) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    // Little, so that a client has often not written all messages when its connection is lost.
    set_socket_recv_buffer_size(&listener, 16 << 10).expect("an option");
    println!("{}", listener.local_addr().expect("a bound listener").port());
    let server = Arc::new(Server { seed, state: Mutex::default(), changed: Condvar::new() });
    let acceptor = Arc::clone(&server);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let server = Arc::clone(&acceptor);
            let stream = stream.expect("a client");
            let thread = thread::Builder::new().stack_size(256 << 10);
            thread.spawn(move || server.connection(stream)).expect("a thread");
        }
    });
    for line in io::stdin().lock().lines() {
        let session = line.expect("a line").parse().expect("the number of a session");
        let server = Arc::clone(&server);
        thread::spawn(move || println!("{}", server.settle(session)));
    }
    exit(0);
}

struct Server {
    seed: u64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    connections: u64,
    sessions: HashMap<u64, Session>,
}

#[derive(Default)]
struct Session {
    begun: u64,
    running: u64,
    /// The client has ended the session.
    over: bool,
    records: Vec<Record>,
}

/// The messages that were received on one connection.
struct Record {
    connection: u64,
    script: Script,
    /// The numbers of the messages, in their order.
    numbers: Vec<u32>,
    /// Whether all bytes that the client's kernel accepted were read.
    drained: bool,
    /// Whether the server sent a close frame before it had read one.
    closed_first: bool,
    /// A received message that is not as it was sent.
    broken: Option<String>,
}

impl Server {
    fn with<R>(&self, work: impl FnOnce(&mut State) -> R) -> R {
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until all connections of the session have ended. Returns their records as one line.
    fn settle(&self, session: u64) -> String {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.sessions.entry(session).or_default().over = true;
        self.changed.notify_all();
        let busy = |state: &mut State| state.sessions[&session].running > 0;
        let (mut state, waited) = self
            .changed
            .wait_timeout_while(state, LIMIT, busy)
            .unwrap_or_else(PoisonError::into_inner);
        let ended = state.sessions.remove(&session).unwrap_or_default();
        drop(state);
        let mut line = session.to_string();
        if waited.timed_out() {
            line.push_str(" hangs");
        }
        for record in ended.records {
            let Record { connection, script, numbers, drained, closed_first, broken } = record;
            let name = match script.answer {
                Answer::Accept => script.fault.name(),
                answer => answer.name(),
            };
            let _ = write!(line, " {connection}:{name}:{drained}:{closed_first}:");
            if let Some(broken) = broken {
                let _ = write!(line, "broken-{broken}");
            }
            for number in numbers {
                let _ = write!(line, "{number},");
            }
        }
        line
    }

    fn is_over(&self, session: u64) -> bool {
        self.with(|state| state.sessions.get(&session).is_none_or(|session| session.over))
    }

    fn connection(&self, mut stream: TcpStream) {
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_nodelay(true).expect("an option");
        let Ok(request) = read_request(&mut stream) else { return };
        let path = request.split_whitespace().nth(1).unwrap_or_default();
        let session: u64 = path.trim_start_matches('/').parse().expect("the number of a session");
        let (number, connection) = self.with(|state| {
            state.connections += 1;
            let session = state.sessions.entry(session).or_default();
            session.begun += 1;
            session.running += 1;
            (session.begun, state.connections)
        });
        let mut record = Record {
            connection,
            script: Script::draw(self.seed, session, number),
            numbers: Vec::new(),
            drained: false,
            closed_first: false,
            broken: None,
        };
        let accepted = record.script.answer == Answer::Accept;
        match record.script.answer {
            Answer::Accept => {
                let field = format!("{CONNECTION}: {connection}\r\n");
                let response = upgrade_response(&accept_key(&request), &field);
                if stream.write_all(response.as_bytes()).is_ok() {
                    self.frames(&stream, session, &mut record);
                }
            }
            Answer::Refuse(status, retry_after) => {
                let retry = retry_after.map(|secs| format!("Retry-After: {secs}\r\n"));
                let retry = retry.unwrap_or_default();
                let _ = write!(stream, "HTTP/1.1 {status} No\r\n{retry}Content-Length: 0\r\n\r\n");
            }
            Answer::Hang => {
                let _ = stream.read(&mut [0]);
            }
            Answer::Noise => {
                let _ = stream.write_all(b"\x16\x03\x01 not HTTP\r\n\r\n");
            }
            Answer::Reset => reset(&stream),
        }
        drop(stream);
        self.with(|state| {
            // It is absent if the client ended the session during the upgrade.
            if let Some(session) = state.sessions.get_mut(&session) {
                session.running -= 1;
                if accepted || !session.over {
                    session.records.push(record);
                }
            }
        });
        self.changed.notify_all();
    }

    fn frames(&self, stream: &TcpStream, session: u64, record: &mut Record) {
        let mut peer = Peer {
            stream,
            session,
            record,
            frames: ClientFrames::default(),
            rng: crate::script::rng(self.seed, session, 500),
            sent: 0,
            mute: false,
            ended: false,
        };
        let until = match peer.record.script.fault {
            Fault::None => None,
            _ => Some(Instant::now() + peer.record.script.life),
        };
        // An error means that the client has left, or that it reads nothing.
        if peer.serve(until).is_err() || peer.ended {
            return;
        }
        let faulted = match peer.record.script.fault {
            Fault::None => Ok(()),
            Fault::Reset => {
                reset(stream);
                return;
            }
            Fault::End => peer.finish(),
            Fault::Close(code) => {
                let code = code.to_be_bytes();
                peer.record.closed_first = true;
                peer.send(&[0x88, 2, code[0], code[1]]).and_then(|()| peer.finish())
            }
            Fault::CloseAndReset => {
                peer.record.closed_first = true;
                let _ = peer.send(&[0x88, 2, 0x03, 0xe9]);
                // The client receives the frame before the reset.
                thread::sleep(Duration::from_millis(20));
                reset(stream);
                return;
            }
            Fault::Stall => {
                let end = Instant::now() + PATIENCE;
                while Instant::now() < end && !self.is_over(session) {
                    thread::sleep(Duration::from_millis(100));
                }
                peer.mute = true;
                peer.serve(Some(Instant::now() + LIMIT))
            }
            Fault::Mute => {
                peer.mute = true;
                peer.serve(Some(Instant::now() + LIMIT))
            }
            Fault::Garbage(kind) => {
                let frame: &[u8] = match kind {
                    // A reserved bit, a reserved opcode, a mask, text that is not UTF-8, a control
                    // frame that is too long.
                    0 => &[0xc1, 1, b'x'],
                    1 => &[0x83, 1, b'x'],
                    2 => &[0x81, 0x81, 1, 2, 3, 4, b'x'],
                    3 => &[0x81, 2, 0xff, 0xfe],
                    _ => &[0x89, 126, 0, 200],
                };
                peer.send(frame).and_then(|()| peer.serve(Some(Instant::now() + LIMIT)))
            }
            Fault::HalfFrame => peer.send(&[0x82, 126, 1]).and_then(|()| peer.finish()),
        };
        // The records are the same after an error.
        let _ = faulted;
    }
}

/// The server's end of an open connection.
struct Peer<'a> {
    stream: &'a TcpStream,
    session: u64,
    record: &'a mut Record,
    frames: ClientFrames,
    rng: Rng,
    /// The number of messages sent.
    sent: u32,
    mute: bool,
    /// The stream of the client has ended.
    ended: bool,
}

impl Peer<'_> {
    /// Serves the client up to this time, or to the end of its stream.
    fn serve(&mut self, until: Option<Instant>) -> io::Result<()> {
        let mut buffer = [0; 16 << 10];
        let most = if self.record.script.slow.is_some() { 2_000 } else { buffer.len() };
        let mut chat = self.next_chat();
        while !self.ended {
            let now = Instant::now();
            if until.is_some_and(|until| until <= now) {
                return Ok(());
            }
            if chat.is_some_and(|chat| chat <= now) && !self.mute {
                self.chat()?;
                chat = self.next_chat();
            }
            let next = until.into_iter().chain(chat.filter(|_| !self.mute)).min();
            let wait = next.map_or(LIMIT, |next| next.saturating_duration_since(now));
            self.stream.set_read_timeout(Some(wait.max(Duration::from_millis(1))))?;
            match (&*self.stream).read(&mut buffer[..most]) {
                Ok(0) => {
                    self.record.drained = true;
                    self.ended = true;
                }
                Ok(count) => self.take(&buffer[..count])?,
                Err(error) if is_timeout(&error) => {}
                Err(error) => return Err(error),
            }
            if let Some(pause) = self.record.script.slow {
                thread::sleep(pause);
            }
        }
        Ok(())
    }

    /// Ends the stream of the server, and reads all bytes of the client.
    fn finish(&mut self) -> io::Result<()> {
        self.mute = true;
        self.stream.shutdown(Shutdown::Write)?;
        self.serve(Some(Instant::now() + LIMIT))
    }

    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.frames.feed(bytes);
        while let Some(frame) = self.frames.next() {
            match frame.opcode {
                1 | 2 if frame.payload == HEARTBEAT.as_bytes() && self.mute => {}
                1 | 2 if frame.payload == HEARTBEAT.as_bytes() => {
                    self.send_message(0x81, ANSWER)?;
                }
                1 | 2 => match payload::number(self.session, &frame.payload) {
                    Ok(number) => self.record.numbers.push(number),
                    Err(broken) => self.record.broken = Some(broken),
                },
                9 if !self.mute => self.send_message(0x8a, &frame.payload)?,
                8 if !self.mute => {
                    self.send(&[0x88, 2, 0x03, 0xe8])?;
                    self.finish()?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn next_chat(&mut self) -> Option<Instant> {
        let longest = self.record.script.chatter?;
        Some(Instant::now() + self.rng.duration(Duration::from_millis(1)..longest))
    }

    /// Sends a numbered message, sometimes in fragments.
    fn chat(&mut self) -> io::Result<()> {
        let size = self.rng.below(self.record.script.largest) as usize;
        let message = payload::payload(self.record.connection, self.sent, size);
        self.sent += 1;
        if self.rng.once_in(4) {
            let (first, rest) = message.split_at(message.len() / 2);
            self.send_message(0x02, first)?;
            return self.send_message(0x80, rest);
        }
        self.send_message(0x82, &message)
    }

    fn send_message(&self, first_byte: u8, payload: &[u8]) -> io::Result<()> {
        let mut frame = vec![first_byte];
        match u16::try_from(payload.len()) {
            Ok(size @ 0..126) => frame.push(size as u8),
            Ok(size) => {
                frame.push(126);
                frame.extend(size.to_be_bytes());
            }
            Err(_) => {
                frame.push(127);
                frame.extend((payload.len() as u64).to_be_bytes());
            }
        }
        frame.extend(payload);
        self.send(&frame)
    }

    fn send(&self, bytes: &[u8]) -> io::Result<()> {
        (&*self.stream).write_all(bytes)
    }
}

fn reset(stream: &TcpStream) {
    set_socket_linger(stream, Some(Duration::ZERO)).expect("an option");
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}
