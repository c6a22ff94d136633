//! Uploads whose bytes leave slowly: their connections are alive while bytes leave, and lost in time
//! after the last one.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::mpsc::{self, Receiver, Sender},
    thread,
    time::Duration,
};

use rustix::net::sockopt::set_socket_recv_buffer_size;
use websocket_heartbeat_tests::{ClientFrames, Cut, Network, Report, accept_upgrade, monotonic};

use crate::{
    bed::{Bed, Traffic},
    detection::{Detection, Times, within},
    outcome::{Outcome, Stop},
    session::Session,
};

/// Longer than a slow upload makes no progress.
const TIMES: Times = Times::millis(400, 400);

/// The size of each message, and their number.
const SIZE: u64 = 32 * 1024;
const MESSAGES: u64 = 60;

pub(crate) fn an_upload_over_a_slow_link_is_kept_until_the_link_is_cut(
    backend: &'static str,
) -> Result<Outcome, Stop> {
    let mut bed = Bed::new(Network::new()?, backend, Traffic::Quiet, TIMES)?;
    // Eight messages a second.
    bed.network.slow_down(2_048);
    let begin = monotonic();
    bed.session.send(MESSAGES, SIZE);
    // Those before the upload, and three seconds of it.
    bed.receives(5 + 24);
    bed.network.cut(Cut::Both);
    let cut_at = monotonic();
    let lost = lost_after(&mut bed.session, begin, cut_at)?;
    assert!(bed.network.counted() > 0, "the cut dropped no packet");
    let detection = after_last_byte(&lost, cut_at);
    bed.network.speed_up();
    bed.network.heal();
    let dials = bed.session.recovered(&lost);
    Ok(Outcome {
        fault: "upload over a link of 2 Mbit/s, cut after 3 s",
        saw: lost.text("words").to_owned(),
        detection: Some(detection),
        dials,
        messages: bed.close(),
    })
}

pub(crate) fn an_upload_to_a_slow_reader_is_kept_until_it_stops(
    backend: &'static str,
) -> Result<Outcome, Stop> {
    let network = Network::new()?;
    let listener = network.listener();
    // Inherited by its connections. The kernel doubles it.
    set_socket_recv_buffer_size(&listener, 32 * 1024).expect("a size");
    let port = listener.local_addr().expect("a bound listener").port();
    let (stopped, stop) = mpsc::channel();
    let (go_on, signal) = mpsc::channel();
    let server = thread::spawn(move || read_slowly(&listener, &stopped, &signal));
    let url = format!("ws://{}:{port}/", Network::SERVER);
    let mut session = Session::inside(&network, backend, &url, TIMES);
    session.wait_for("open");
    let begin = monotonic();
    session.send(MESSAGES, SIZE);
    let stopped_at = stop.recv().expect("a server");
    let lost = lost_after(&mut session, begin, stopped_at)?;
    let detection = after_last_byte(&lost, stopped_at);
    go_on.send(()).expect("a server");
    let dials = session.recovered(&lost);
    session.send(5, 100);
    let messages = session.close_with(|| server.join().expect("a server"));
    Ok(Outcome {
        fault: "upload to a server that reads 320 kB/s and stops after 3 s",
        saw: lost.text("words").to_owned(),
        detection: Some(detection),
        dials,
        messages,
    })
}

/// The loss after the upload, which begins at `begin`, makes no more progress at `stopped_at`.
fn lost_after(
    session: &mut Session,
    begin: Duration,
    stopped_at: Duration,
) -> Result<Report, Stop> {
    let lost = session.lost_after(begin)?;
    assert!(lost.micros("at_us") >= stopped_at, "lost while it made progress: {lost:?}");
    Ok(lost)
}

/// A loss after the last byte was accepted at `last`: one timeout after a verdict that saw progress, or
/// after a probe that was due when the byte left.
fn after_last_byte(lost: &Report, last: Duration) -> Detection {
    let cause = lost.text("cause");
    assert!(["heartbeat_timeout", "write_stalled"].contains(&cause), "{lost:?}");
    within(lost, last, TIMES.timeout + TIMES.timeout.max(TIMES.idle), TIMES.timeout)
}

/// Reads a part of the first connection slowly and then no more, until `signal`. Reads the second
/// connection until it is closed. Returns the numbers of the messages.
fn read_slowly(
    listener: &TcpListener,
    stopped: &Sender<Duration>,
    signal: &Receiver<()>,
) -> Vec<u64> {
    const PAUSE: Duration = Duration::from_millis(50);
    let mut received = Vec::new();
    let (mut first, _) = listener.accept().expect("a client");
    accept_upgrade(&mut first);
    let mut frames = ClientFrames::default();
    for _ in 0..60 {
        read(&mut first, &mut frames, &mut received);
        assert_eq!(signal.recv_timeout(PAUSE), Err(mpsc::RecvTimeoutError::Timeout));
    }
    stopped.send(monotonic()).expect("a test");
    signal.recv().expect("a test");
    drop(first);
    // The session may have given up attempts meanwhile.
    loop {
        let (mut next, _) = listener.accept().expect("a client");
        let mut frames = ClientFrames::default();
        accept_upgrade(&mut next);
        while let Some(opcode) = read(&mut next, &mut frames, &mut received) {
            if opcode == CLOSE {
                next.write_all(&[0x88, 0]).expect("a client");
                return received;
            }
        }
    }
}

/// Reads at most 16 KiB, and answers pings. Returns the opcode of the last frame, or that of a
/// continuation; `None` at the end of the connection.
fn read(stream: &mut TcpStream, frames: &mut ClientFrames, received: &mut Vec<u64>) -> Option<u8> {
    let mut buffer = [0; 16 * 1024];
    let count = stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
    frames.feed(&buffer[..count]);
    let mut opcode = 0;
    for frame in frames {
        opcode = frame.opcode;
        match opcode {
            TEXT => {
                let text = String::from_utf8(frame.payload).expect("a text");
                let number = text.split(' ').next().and_then(|number| number.parse().ok());
                received.push(number.expect("a number"));
            }
            PING => {
                let length = frame.payload.len() as u8;
                let pong = [&[0x8a, length], &*frame.payload].concat();
                // The client may be gone.
                let _ = stream.write_all(&pong);
            }
            _ => {}
        }
    }
    Some(opcode)
}

/// Opcodes, RFC 6455 section 5.2.
const TEXT: u8 = 1;
const CLOSE: u8 = 8;
const PING: u8 = 9;
