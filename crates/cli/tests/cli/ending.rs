//! The end of sessions.

use async_tungstenite::tungstenite::Message;

use crate::{
    program::{Program, let_cause_pass},
    server::{NOBODY, Server},
};

#[test]
fn a_signal_while_offline_ends_immediately() {
    let mut program = Program::json(NOBODY, &["--reconnect-timeout", "1h"]);
    program.event("retry");
    program.signal("-TERM");
    assert_eq!(program.event("closed")["reason"], "user");
    assert_eq!(program.end(), 0);
}

#[test]
fn a_second_signal_does_not_wait_for_the_server() {
    // The server does not answer the close frame.
    let server = Server::tcp(|_, stream| {
        let peer = async_tungstenite::tungstenite::accept(stream);
        std::thread::park();
        drop(peer);
    });
    let mut program = Program::json(&server.url(), &[]);
    program.event("open");
    program.signal("-INT");
    // The second signal must be sent after the first one arrived, since signals of one cause count
    // once.
    program.signal("-USR1");
    while program.event("status")["phase"] != "closing" {
        program.signal("-USR1");
    }
    let_cause_pass();
    program.signal("-INT");
    assert_eq!(program.event("closed")["reason"], "aborted");
    assert_eq!(program.end(), 0);
}

#[test]
fn a_duration_ends_the_session() {
    let server = Server::echo();
    let mut program = Program::json(&server.url(), &["--duration", "100ms"]);
    let closed = program.event("closed");
    assert_eq!(closed["reason"], "user");
    assert_eq!(closed["detail"], "closed after the time of --duration, 100 ms");
    assert!(closed["t_ms"].as_u64().unwrap() >= 100);
    assert_eq!(program.end(), 0);
}

#[test]
fn a_closed_standard_output_ends_the_session() {
    let server = Server::new(|_, mut peer, _| while peer.send(Message::text("more")).is_ok() {});
    for json in [&["--json"][..], &[]] {
        let mut program = Program::start(&[&["connect", &server.url()], json].concat());
        assert!(program.line().is_some());
        program.hang_up();
        assert_eq!(program.end(), 7);
        assert_eq!(program.seen_err.last().unwrap(), "wsbeat: standard output was closed");
    }
}

#[test]
fn the_end_of_standard_input_does_not_end_the_session() {
    let server = Server::new(|_, mut peer, _| {
        // The server only answers heartbeats, long after the end of input.
        while let Ok(message) = peer.read() {
            if message.is_text() && peer.send(message).is_err() {
                return;
            }
        }
    });
    let mut program =
        Program::json(&server.url(), &["--ping-timeout", "100ms", "--heartbeat", "message"]);
    program.end_stdin();
    program.event("open");
    for _ in 0..3 {
        program.event("heartbeat");
    }
    program.signal("-TERM");
    assert_eq!(program.end(), 0);
}
