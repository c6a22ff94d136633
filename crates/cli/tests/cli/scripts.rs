//! Sessions that end by themselves, and their exit codes.

use std::{
    fs::File,
    io::Write,
    process::{Command, Stdio},
    thread,
};

use async_tungstenite::tungstenite::Message;
use serde_json::json;

use crate::{
    program::Program,
    server::{NOBODY, Server, echo_one},
};

/// A server that only reads.
fn silent() -> Server {
    Server::new(|_, mut peer, _| while peer.read().is_ok() {})
}

/// Writes lines until the program reads no more.
fn flood(program: &mut Program) -> thread::JoinHandle<()> {
    let mut stdin = program.take_stdin();
    thread::spawn(move || while stdin.write_all(b"nineteen bytes here\n").is_ok() {})
}

#[test]
fn one_line_gets_one_answer() {
    let server = Server::new(|_, mut peer, heard| {
        if echo_one(&mut peer, heard).is_ok() {
            let _ = peer.send(Message::text("one more"));
            while peer.read().is_ok() {}
        }
    });
    for one in [&["-1"][..], &["-n", "1"], &["--close-on-eof", "--messages", "1"]] {
        let mut program = Program::start(&[&["connect", &server.url()], one].concat());
        program.say("hi\n");
        program.end_stdin();
        assert_eq!(program.end(), 0);
        assert_eq!(program.seen, ["hi"]);
        let closed = program.seen_err.last().unwrap();
        assert!(closed.ends_with("■ closed      closed after 1 message"), "{closed}");
    }
}

#[test]
fn a_number_of_messages_ends_a_flood_of_lines_without_losses() {
    let server = Server::echo();
    let mut program = Program::json(&server.url(), &["-n", "2000"]);
    let writer = flood(&mut program);
    assert_eq!(program.end(), 0);
    writer.join().unwrap();
    assert_eq!(program.events_named("message").len(), 2_000);
    assert_eq!(program.events_named("unsent"), [json!(null); 0]);
}

#[test]
fn a_signal_during_a_flood_of_lines_causes_no_losses() {
    let server = Server::echo();
    let mut program = Program::json(&server.url(), &[]);
    let writer = flood(&mut program);
    for _ in 0..1_000 {
        program.event("message");
    }
    program.signal("-TERM");
    assert_eq!(program.event("closed")["detail"], "closed by the user");
    assert_eq!(program.end(), 0);
    writer.join().unwrap();
    assert_eq!(program.events_named("unsent"), [json!(null); 0]);
}

#[test]
fn missing_messages_are_a_failure() {
    let server = Server::echo();
    let mut program = Program::json(&server.url(), &["-n", "3", "--duration", "200ms"]);
    program.say("only one\n");
    program.event("message");
    assert_eq!(program.end(), 1);
    assert_eq!(program.seen_err, ["wsbeat: 1 of 3 messages came"]);
}

#[test]
fn close_on_eof_says_so() {
    let server = silent();
    for (wait, words) in [
        (&[][..], "closed at the end of standard input"),
        (
            &["--wait", "1ms"],
            "closed at the end of standard input, after 1.00 ms without a message",
        ),
    ] {
        let mut program = Program::json(&server.url(), &[&["--close-on-eof"], wait].concat());
        program.say("hi\n");
        program.end_stdin();
        let closed = program.event("closed");
        assert_eq!((&closed["reason"], &closed["detail"]), (&json!("user"), &json!(words)));
        assert_eq!(program.end(), 0);
    }
}

#[test]
fn a_wait_keeps_the_session_open_for_answers() {
    let server = Server::new(|_, mut peer, heard| {
        let _ = echo_one(&mut peer, heard);
        // The answer to the heartbeat, long after the end of input.
        while peer.read().is_ok_and(|message| !message.is_text()) {}
        let _ = peer.send(Message::text("late"));
        while peer.read().is_ok() {}
    });
    let more = ["--close-on-eof", "--wait", "1h", "-n", "2", "--ping-msg", "?"];
    let mut program =
        Program::json(&server.url(), &[&more[..], &["--ping-timeout", "50ms"]].concat());
    program.say("first\n");
    program.end_stdin();
    assert_eq!(program.event("message")["text"], "first");
    assert_eq!(program.event("message")["text"], "late");
    assert_eq!(program.end(), 0);
}

#[test]
fn lines_that_cannot_be_sent_are_a_failure() {
    let mut program = Program::json(NOBODY, &["--reconnect-timeout", "1h"]);
    program.event("lost");
    program.say("one\ntwo\n");
    await_queued(&mut program, 2);
    program.signal("-TERM");
    assert_eq!(program.end(), 3);
    assert_eq!(program.seen_err, ["wsbeat: 2 lines were not sent"]);
}

#[test]
fn lines_that_wait_for_room_are_counted_at_the_end() {
    let more = ["--reconnect-timeout", "1h", "--keep-offline", "2"];
    // The order of the last steps of two threads varies.
    for _ in 0..30 {
        let mut program = Program::json(NOBODY, &more);
        program.event("lost");
        program.say("one\ntwo\nthree\n");
        await_queued(&mut program, 2);
        program.signal("-TERM");
        assert_eq!(program.end(), 3);
        assert_eq!(program.seen_err, ["wsbeat: 3 lines were not sent"]);
    }
}

#[test]
fn a_line_over_the_limit_has_its_exit_code() {
    let server = Server::echo();
    let mut program = Program::json(&server.url(), &["--outbox-bytes", "8", "--close-on-eof"]);
    program.say("123456789\nfits\n");
    program.end_stdin();
    assert_eq!(program.end(), 6);
    assert_eq!(program.seen_err, ["wsbeat: 1 line was not sent: longer than --outbox-bytes"]);
}

#[test]
fn a_message_over_the_limit_ends_the_session() {
    let server = Server::new(|_, mut peer, _| {
        // The head of a frame of 4 GiB.
        let _ = peer.get_mut().write_all(&[0x82, 127, 0, 0, 0, 1, 0, 0, 0, 0]);
        while peer.read().is_ok() {}
    });
    for preset in ["original", "resilient"] {
        let mut program = Program::json(&server.url(), &["--preset", preset]);
        assert_eq!(program.event("closed")["reason"], "stopped");
        assert_eq!(program.end(), 6);
        assert_eq!(program.events_named("connecting").len(), 1);
        let line = program.seen_err.last().unwrap();
        assert!(line.starts_with("wsbeat: a message of the server is longer"), "{line}");
    }
}

#[test]
fn a_failure_of_standard_input_ends_the_session() {
    let server = Server::echo();
    let output = Command::new(env!("CARGO_BIN_EXE_wsbeat"))
        .args(["connect", &server.url()])
        // A directory can be opened, and not read.
        .stdin(Stdio::from(File::open(".").unwrap()))
        .output()
        .unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("closed because standard input cannot be read"), "{errors}");
    let last = errors.lines().last().unwrap();
    assert!(last.starts_with("wsbeat: standard input cannot be read: "), "{errors}");
}

#[test]
fn many_unsent_lines_are_summed_up() {
    const LINES: u64 = 12_000;
    let lines: String = (0..LINES).map(|number| format!("{number:>6}\n")).collect();
    let more = ["--reconnect-timeout", "1h", "--keep-offline", "20000"];

    let mut program = Program::json(NOBODY, &more);
    program.event("lost");
    program.say(&lines);
    await_queued(&mut program, LINES);
    program.signal("-TERM");
    let sum = program.event("unsent_summary");
    assert_eq!((&sum["dropped"], &sum["unknown"]), (&json!(2_000), &json!(0)));
    assert_eq!(sum["bytes"], 12_000);
    assert_eq!(program.event("closed")["reason"], "user");
    assert_eq!(program.end(), 3);
    let listed = program.events_named("unsent");
    assert_eq!(listed.len(), 10_000);
    assert_eq!(listed[9_999]["text"], "  9999");
    assert_eq!(program.seen_err, ["wsbeat: 12000 lines were not sent"]);

    let mut program = Program::start(&[&["connect", NOBODY], &more[..]].concat());
    program.await_err("retry");
    program.say("a\nb\nc\nd\ne\nf\ng\n");
    program.signal("-USR1");
    while !program.await_err(" queued, ").contains(" 7 queued, ") {
        program.signal("-USR1");
    }
    program.signal("-TERM");
    assert_eq!(program.end(), 3);
    let unsent: Vec<_> = program.seen_err.iter().filter(|row| row.contains("! unsent")).collect();
    assert_eq!(unsent.len(), 6, "{unsent:?}");
    assert!(unsent[5].ends_with("2 more lines, 2 bytes"), "{unsent:?}");
}

/// Waits until so many lines wait in the outbox.
fn await_queued(program: &mut Program, lines: u64) {
    loop {
        program.signal("-USR1");
        if program.event("status")["queued_messages"] == lines {
            return;
        }
    }
}
