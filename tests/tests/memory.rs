//! The memory that a silent connection keeps after a burst. These tests measure their process, so
//! they run alone in it.
#![cfg(unix)]

use std::{
    alloc::System,
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use websocket_heartbeat::{Event, Heartbeat, Message};
use websocket_heartbeat_tests::{
    Backend, accept_upgrade, over_every_backend, run_alone, serve_one, title, with_time_limit,
};
use websocket_heartbeat_tungstenite::Request;

over_every_backend! { run_alone; a_silent_connection_frees_the_buffers_of_a_burst }

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const UPLOAD: usize = 32 << 20;
const DOWNLOAD: usize = 8 << 20;

fn a_silent_connection_frees_the_buffers_of_a_burst<B: Backend>() {
    let kept = with_time_limit(&title::<B>("a burst"), kept::<B>);
    println!("{}: {} KiB", B::NAME, kept >> 10);
    assert!(kept < 256 << 10, "a silent connection keeps {} KiB", kept >> 10);
}

/// How many bytes a connection keeps after a large upload, a large download and a silence.
fn kept<B: Backend>() -> usize {
    let (address, server) = serve_one(serve);
    let kept = B::block_on(async {
        let silence = Heartbeat::idle(Duration::from_millis(200)).ping();
        let request = Request::new(&format!("ws://{address}/")).expect("a URL");
        let settings = B::connect(request).heartbeat(silence);
        let mut session = settings.build().expect("valid settings");
        let handle = session.handle();
        let mut before = 0;
        let (mut large, mut probes) = (0, 0);
        loop {
            match session.next().await.expect("the session continues") {
                Event::Open(_) => {
                    before = in_use();
                    handle.try_queue(Message::binary(vec![0; UPLOAD])).expect("accepted");
                }
                Event::Message(message) if message.len() > AFTER_PING.len() => {
                    large += 1;
                    probes = handle.status().counters.probes_sent;
                }
                // Buffers are freed when a ping is due. The first one after the burst may have been
                // due before its end.
                Event::Message(_)
                    if large == 2 && handle.status().counters.probes_sent >= probes + 2 =>
                {
                    break;
                }
                Event::Message(_) | Event::Connecting(_) => {}
                other => panic!("the connection stays open: {other:?}"),
            }
        }
        in_use().saturating_sub(before)
    });
    server.join().expect("the server's checks pass");
    kept
}

/// The message after each ping.
const AFTER_PING: &[u8] = b"after";

/// Reads a large message and sends two: one in a single frame, one in three fragments. Then it answers
/// each ping with a small message. It stores no data, since its memory is also measured.
fn serve(mut stream: TcpStream) {
    accept_upgrade(&mut stream);
    let mut piece = vec![0; 64 << 10];
    // A header and a mask.
    stream.read_exact(&mut piece[..14]).expect("a message");
    for _ in 0..UPLOAD / piece.len() {
        stream.read_exact(&mut piece).expect("a message");
    }
    piece.fill(0);
    for (first_byte, size) in
        [(0x82, DOWNLOAD), (0x02, DOWNLOAD / 2), (0x00, DOWNLOAD / 2), (0x80, DOWNLOAD / 2)]
    {
        stream.write_all(&[first_byte, 127]).expect("sent");
        stream.write_all(&(size as u64).to_be_bytes()).expect("sent");
        for _ in 0..size / piece.len() {
            stream.write_all(&piece).expect("sent");
        }
    }
    // A header, a mask and the number of the ping; until the client ends the connection.
    while stream.read_exact(&mut piece[..14]).is_ok() {
        assert_eq!(piece[0], 0x89);
        let sent = stream.write_all(&[0x81, AFTER_PING.len() as u8]);
        // The client may have ended the connection.
        let _ = sent.and_then(|()| stream.write_all(AFTER_PING));
    }
}

fn in_use() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated.saturating_sub(stats.bytes_deallocated)
}
