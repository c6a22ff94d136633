//! What a connection keeps of a burst once it is silent. Alone in its process, which it measures.
#![cfg(unix)]

use std::{
    alloc::System,
    io::{Read, Write},
    net::TcpListener,
    thread,
    time::Duration,
};

use futures::StreamExt;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use websocket_heartbeat::{Event, Heartbeat, Message};
use websocket_heartbeat_tests::{AsyncStd, Backend, Smol, Tokio, accept_upgrade, guarded};
use websocket_heartbeat_tungstenite::Request;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn in_use() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated.saturating_sub(stats.bytes_deallocated)
}

const UPLOAD: usize = 32 << 20;
const DOWNLOAD: usize = 8 << 20;

/// Takes a large message, sends one that is whole and one in fragments, hears two pings of a silent
/// client, and sends a small message after each. It keeps nothing: its memory is measured as well.
fn serve(listener: &TcpListener) {
    let (mut stream, _) = listener.accept().expect("a client");
    accept_upgrade(&mut stream);
    let mut piece = vec![0; 64 << 10];
    // A header, and a mask.
    stream.read_exact(&mut piece[..14]).expect("a message");
    for _ in 0..UPLOAD / piece.len() {
        stream.read_exact(&mut piece).expect("a message");
    }
    piece.fill(0);
    // A message; three fragments.
    for (first_byte, size) in
        [(0x82, DOWNLOAD), (0x02, DOWNLOAD / 2), (0x00, DOWNLOAD / 2), (0x80, DOWNLOAD / 2)]
    {
        stream.write_all(&[first_byte, 127]).expect("sent");
        stream.write_all(&(size as u64).to_be_bytes()).expect("sent");
        for _ in 0..size / piece.len() {
            stream.write_all(&piece).expect("sent");
        }
    }
    for _ in 0..2 {
        // A header, a mask, the number of the ping.
        stream.read_exact(&mut piece[..14]).expect("a ping");
        assert_eq!(piece[0], 0x89);
        stream.write_all(&[0x81, 5, b'a', b'f', b't', b'e', b'r']).expect("sent");
    }
    // Until the client goes.
    while stream.read(&mut piece).is_ok_and(|count| count > 0) {}
}

fn kept<B: Backend>() -> usize {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("ws://{}/", listener.local_addr().expect("bound"));
    let server = thread::spawn(move || serve(&listener));
    let kept = B::block_on(async {
        let silence = Heartbeat::idle(Duration::from_millis(200)).ping();
        let settings = B::connect(Request::new(&url).expect("a URL")).heartbeat(silence);
        let mut session = settings.build().expect("settings that make sense");
        let handle = session.handle();
        let mut before = 0;
        let mut messages = 0;
        while messages < 4 {
            match session.next().await.expect("the session goes on") {
                Event::Open(_) => {
                    before = in_use();
                    handle.try_queue(Message::binary(vec![0; UPLOAD])).expect("taken");
                }
                Event::Message(_) => messages += 1,
                Event::Connecting(_) => {}
                other => panic!("the connection stays: {other:?}"),
            }
        }
        in_use().saturating_sub(before)
    });
    server.join().expect("the server's side holds");
    kept
}

#[test]
fn a_silent_connection_gives_back_the_buffers_of_a_burst() {
    let backends: [(_, fn() -> usize); 3] = [
        (Smol::NAME, kept::<Smol>),
        (AsyncStd::NAME, kept::<AsyncStd>),
        (Tokio::NAME, kept::<Tokio>),
    ];
    for (name, kept) in backends {
        let kept = guarded(name, kept);
        println!("{name}: {} KiB", kept >> 10);
        assert!(kept < 256 << 10, "over {name} a silent connection keeps {} KiB", kept >> 10);
    }
}
