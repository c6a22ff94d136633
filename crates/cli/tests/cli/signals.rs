//! Signals.

use std::{
    process::{Command, Stdio},
    sync::mpsc::channel,
};

use async_tungstenite::tungstenite::Message;

use crate::{
    program::{Program, let_cause_pass},
    server::{NOBODY, Server},
};

#[test]
fn each_signal_that_ends_a_program_closes_the_session() {
    for signal in ["-INT", "-TERM", "-HUP", "-QUIT"] {
        let mut program = Program::json(NOBODY, &["--reconnect-timeout", "1h"]);
        program.event("retry");
        program.say("one\ntwo\n");
        program.signal("-USR1");
        while program.event("status")["queued_messages"] != 2 {
            program.signal("-USR1");
        }
        program.signal(signal);
        assert_eq!(program.event("closed")["reason"], "user", "{signal}");
        assert_eq!(program.end(), 3);
        let unsent = program.events_named("unsent");
        let texts: Vec<_> = unsent.iter().map(|record| record["text"].as_str().unwrap()).collect();
        assert_eq!(texts, ["one", "two"]);
    }
}

#[test]
fn signals_of_one_cause_count_once() {
    // It answers the close frame on request.
    let (answer, answers) = channel();
    let answers = std::sync::Mutex::new(answers);
    let server = Server::new(move |_, mut peer, _| {
        answers.lock().unwrap().recv().unwrap();
        while peer.read().is_ok() {}
    });
    let mut program = Program::json(&server.url(), &[]);
    program.event("open");
    // They wait until the program continues, so that it gets all of them at once.
    for signal in ["-STOP", "-TERM", "-INT", "-HUP", "-CONT"] {
        program.signal(signal);
    }
    program.await_err("closing, again to abort");
    // The thread of the signals has taken all of them before this one.
    program.signal("-USR1");
    assert_eq!(program.event("status")["phase"], "closing");
    answer.send(()).unwrap();
    assert_eq!(program.event("closed")["reason"], "user");
    assert_eq!(program.end(), 0);
}

#[test]
fn the_third_signal_ends_a_program_whose_output_is_blocked() {
    let flood =
        Server::new(|_, mut peer, _| while peer.send(Message::text("x".repeat(4_000))).is_ok() {});
    for (signal, code) in [("-INT", 130), ("-TERM", 143), ("-HUP", 129), ("-QUIT", 131)] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_wsbeat"))
            .args(["connect", &flood.url(), "--json"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Nobody reads, so the output is blocked after the first messages.
        let mut first = [0; 100_000];
        let output = child.stdout.as_mut().unwrap();
        std::io::Read::read_exact(output, &mut first).unwrap();
        let status = loop {
            let_cause_pass();
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            let id = child.id().to_string();
            assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        };
        assert_eq!(status.code(), Some(code));
    }
}

#[test]
#[cfg(target_os = "linux")]
fn nohup_keeps_the_session_open() {
    let server = Server::echo();
    let mut program = Program::start_with("nohup", &["connect", &server.url(), "--json"]);
    program.event("open");
    program.signal("-HUP");
    // The signals are taken in their order.
    program.signal("-USR1");
    program.event("status");
    program.say("line\n");
    assert_eq!(program.event("message")["text"], "line");
    program.signal("-INT");
    assert_eq!(program.event("closed")["reason"], "user");
    assert_eq!(program.end(), 0);
}
