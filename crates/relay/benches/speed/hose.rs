//! The upstream of the comparison: a process that sends messages of 128 bytes as fast as they are taken.
//!
//! The frames are made by hand, so that it is never the slowest part.

use std::{
    io::{self, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use crate::bed::time::now;

/// The size of a message.
const SIZE: usize = 128;

/// A frame: the header of a text of 126 to 65,535 bytes, and the message.
const FRAME: usize = 4 + SIZE;

/// Messages that are written at once.
const CHUNK: usize = 256;

/// The first number. All have the same length.
const FIRST: u64 = 1_000_000_001;

/// Serves until it is killed. `rate` is in messages a second for each connection; 0: no limit.
pub(crate) fn serve(rate: u64) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept()?;
        thread::spawn(move || {
            // The client has closed the connection.
            let _ = send(stream, rate);
        });
    }
}

fn send(stream: TcpStream, rate: u64) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let accepted = tungstenite::accept(stream).map_err(io::Error::other)?;
    let mut stream = accepted.get_ref().try_clone()?;
    let mut number = FIRST;
    if rate == 0 {
        loop {
            stream.write_all(&frames(&mut number, CHUNK))?;
        }
    }
    let begin = Instant::now();
    loop {
        let due = (begin.elapsed().as_secs_f64() * rate as f64) as u64;
        let count = due.saturating_sub(number - FIRST);
        stream.write_all(&frames(&mut number, count as usize))?;
        #[allow(clippy::disallowed_methods, reason = "a thread of its own, which may block")]
        thread::sleep(Duration::from_millis(1));
    }
}

/// The next frames.
fn frames(number: &mut u64, count: usize) -> Vec<u8> {
    let at = now();
    let mut frames = Vec::with_capacity(count * FRAME);
    for _ in 0..count {
        frames.extend([0x81, 126, 0, SIZE as u8]);
        let end = frames.len() + SIZE;
        write!(frames, r#"{{"seq":{number},"at":{at},"pad":""#).expect("a vector takes all");
        frames.resize(end - 2, b'x');
        frames.extend(br#""}"#);
        *number += 1;
    }
    frames
}
