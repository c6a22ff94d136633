//! A client that answers each message gets its answers sent before the close frame that reports a
//! protocol error of the server.
#![cfg(unix)]

use std::io::{Read, Write};

use websocket_heartbeat::{CloseReason, Event};
use websocket_heartbeat_tests::{
    Backend, ClientFrames, accept_upgrade, over_every_backend, run_blocking, serve_one,
};
use websocket_heartbeat_tungstenite::Request;

over_every_backend! {
    run_blocking;
    an_answer_is_sent_before_a_protocol_error_is_reported
    many_answers_are_sent_before_a_protocol_error_is_reported
}

fn an_answer_is_sent_before_a_protocol_error_is_reported<B: Backend>() {
    answers_are_sent::<B>(1);
}

fn many_answers_are_sent_before_a_protocol_error_is_reported<B: Backend>() {
    answers_are_sent::<B>(600);
}

/// Frames that a client must not accept.
const ILLEGAL: [(&str, &[u8]); 6] = [
    ("a reserved bit", &[0xc1, 1, b'x', 0x89, 0]),
    ("a reserved opcode for data", &[0x83, 0, 0x89, 0]),
    ("a reserved opcode for data, with a payload", &[0x86, 1, b'x', 0x89, 0]),
    ("a reserved opcode for control", &[0x8b, 0]),
    ("a fragmented control frame", &[0x09, 1, b'x']),
    ("a continuation without a first fragment", &[0x00, 1, b'x', 0x81, 1, b'y']),
];

fn answers_are_sent<B: Backend>(count: usize) {
    for (name, illegal) in ILLEGAL {
        answers_are_sent_before::<B>(name, illegal, count);
    }
}

fn answers_are_sent_before<B: Backend>(name: &str, illegal: &'static [u8], count: usize) {
    let (address, server) = serve_one(move |mut stream| {
        accept_upgrade(&mut stream);
        // One write, so that the client can read the illegal frame together with the messages.
        let mut bytes = [0x81, 1, b'a'].repeat(count);
        bytes.extend_from_slice(illegal);
        stream.write_all(&bytes).expect("sent");
        let mut received = Vec::new();
        // A reset is also an end, once all was read.
        let _ = stream.read_to_end(&mut received);
        received
    });
    let unknown = B::block_on(async {
        let request = Request::new(&format!("ws://{address}/")).expect("a URL");
        let mut session = B::connect(request).build().expect("valid settings");
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
    let mut frames = ClientFrames::default();
    frames.feed(&server.join().expect("the server's checks pass"));
    let (mut messages, mut code) = (0, None);
    for frame in frames {
        match frame.opcode {
            1 => {
                assert_eq!(frame.payload, b"a");
                messages += 1;
            }
            8 => code = Some(u16::from_be_bytes([frame.payload[0], frame.payload[1]])),
            _ => {}
        }
    }
    assert_eq!((messages, code), (count, Some(1002)), "{name}");
    assert_eq!(unknown, 0, "{name}: messages are written once the flush is complete");
}
