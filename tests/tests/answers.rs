//! An illegal frame costs no answer to what came before it: a client that answers each message has
//! its answers on the wire before the close frame that says what was wrong.
#![cfg(unix)]

use std::{
    io::{Read, Write},
    net::TcpListener,
    thread,
};

use futures::StreamExt;
use websocket_heartbeat::{CloseReason, Event};
use websocket_heartbeat_tests::{AsyncStd, Backend, Smol, Tokio, accept_upgrade, guarded};
use websocket_heartbeat_tungstenite::Request;

/// What a client must not accept, after it got `count` messages.
const ILLEGAL: [(&str, &[u8]); 6] = [
    ("a reserved bit", &[0xc1, 1, b'x', 0x89, 0]),
    ("a reserved opcode for data", &[0x83, 0, 0x89, 0]),
    ("a reserved opcode for data, with a payload", &[0x86, 1, b'x', 0x89, 0]),
    ("a reserved opcode for control", &[0x8b, 0]),
    ("a control frame in fragments", &[0x09, 1, b'x']),
    ("a continuation of nothing", &[0x00, 1, b'x', 0x81, 1, b'y']),
];

/// The messages and the close code that a client has sent, until it was gone.
fn sent(mut bytes: &[u8]) -> (Vec<Vec<u8>>, Option<u16>) {
    let (mut messages, mut code) = (Vec::new(), None);
    while let [first, second, rest @ ..] = bytes {
        // Small frames only, which clients mask.
        assert!(second & 0x80 != 0 && second & 0x7f < 126);
        let (mask, rest) = rest.split_at(4);
        let (payload, rest) = rest.split_at(usize::from(second & 0x7f));
        let payload: Vec<u8> =
            payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
        match first & 0x0f {
            1 => messages.push(payload),
            8 => code = Some(u16::from_be_bytes([payload[0], payload[1]])),
            _ => {}
        }
        bytes = rest;
    }
    (messages, code)
}

fn answers<B: Backend>(count: usize) {
    for (name, illegal) in ILLEGAL {
        guarded(&format!("{name} behind {count} messages over {}", B::NAME), move || {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
            let url = format!("ws://{}/", listener.local_addr().expect("bound"));
            let server = thread::spawn(move || {
                let (mut stream, _) = listener.accept().expect("a client");
                accept_upgrade(&mut stream);
                // All at once, so that the client can read the last with the first.
                let mut bytes = [0x81, 1, b'a'].repeat(count);
                bytes.extend_from_slice(illegal);
                stream.write_all(&bytes).expect("sent");
                let mut heard = Vec::new();
                // A reset ends it as well, once all was read.
                let _ = stream.read_to_end(&mut heard);
                sent(&heard)
            });
            let unknown = B::block_on(async {
                let settings = B::connect(Request::new(&url).expect("a URL"));
                let mut session = settings.build().expect("settings that make sense");
                let handle = session.handle();
                let mut unknown = 0;
                while let Some(event) = session.next().await {
                    match event {
                        Event::Message(message) => handle.try_queue(message).expect("room"),
                        Event::Lost(lost) => {
                            assert_eq!(lost.cause.name(), "broken");
                            unknown += lost.unknown + lost.unsent.len() as u64;
                            handle.abort();
                        }
                        Event::Closed(closed) => assert_eq!(closed.reason, CloseReason::Aborted),
                        _ => {}
                    }
                }
                unknown
            });
            let (messages, code) = server.join().expect("a server that heard all");
            assert_eq!((messages.len(), code), (count, Some(1002)), "{name}");
            assert!(messages.iter().all(|message| message == b"a"));
            assert_eq!(unknown, 0, "a completed flush makes them written");
        });
    }
}

#[test]
fn answers_leave_before_an_illegal_frame_is_told_on_smol() {
    answers::<Smol>(1);
    answers::<Smol>(600);
}

#[test]
fn answers_leave_before_an_illegal_frame_is_told_on_async_std() {
    answers::<AsyncStd>(1);
}

#[test]
fn answers_leave_before_an_illegal_frame_is_told_on_tokio() {
    answers::<Tokio>(1);
    answers::<Tokio>(600);
}
