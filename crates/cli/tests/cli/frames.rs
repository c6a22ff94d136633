//! The limit on messages of the server, and the close frame of this end.

use async_tungstenite::tungstenite::Message;

use crate::{
    program::Program,
    server::{NOBODY, Server, echo_one},
};

#[test]
fn a_message_over_the_limit_ends_the_connection_with_the_option() {
    let server = Server::new(|_, mut peer, heard| {
        let _ = peer.send(Message::text("x".repeat(1_000)));
        let _ = peer.send(Message::text("x".repeat(1_001)));
        while echo_one(&mut peer, heard).is_ok() {}
    });
    let mut program =
        Program::start(&["connect", &server.url(), "--max-message", "1000", "--repeat-limit", "0"]);
    program.await_err("raise the limit with --max-message");
    program.end();
    assert_eq!(program.seen, ["x".repeat(1_000)]);
    assert!(program.seen_err.join("\n").contains("1001 bytes"));
}

#[test]
fn a_higher_limit_also_admits_a_larger_frame() {
    // The default limit on a frame is 16 MiB.
    const BYTES: usize = 17 << 20;
    let server = Server::new(|_, mut peer, _| {
        let _ = peer.send(Message::text("x".repeat(BYTES)));
        let _ = peer.close(None);
        while peer.read().is_ok() {}
    });
    let more = ["--max-message", "18000000", "--repeat-limit", "0"];
    let mut program = Program::start(&[&["connect", &server.url()], &more[..]].concat());
    program.end();
    assert_eq!(program.seen.iter().map(String::len).collect::<Vec<_>>(), [BYTES]);
}

#[test]
fn the_close_frame_has_the_code_and_the_reason_of_the_user() {
    let server = Server::new(|_, mut peer, heard| {
        while let Ok(message) = peer.read() {
            if let Message::Close(frame) = message {
                heard.lock().unwrap().extend(frame.map(|frame| frame.to_string()));
            }
        }
    });
    for (more, frame) in [
        (&["--close-code", "4001", "--close-reason", "bye"][..], "bye (4001)"),
        (&["--close-reason", "bye"], "bye (1000)"),
        (&["--close-code", "3000"], " (3000)"),
        (&[], " (1000)"),
    ] {
        let mut program = Program::json(&server.url(), more);
        program.event("open");
        program.signal("-TERM");
        assert_eq!(program.end(), 0);
        assert_eq!(server.heard.lock().unwrap().pop().as_deref(), Some(frame));
    }
    for (option, value) in [("--close-code", "1006"), ("--close-reason", &*"x".repeat(124))] {
        let mut program = Program::start(&["connect", NOBODY, option, value]);
        assert_eq!(program.end(), 2);
        assert!(program.seen_err[0].contains("; write "), "{:?}", program.seen_err);
    }
}
