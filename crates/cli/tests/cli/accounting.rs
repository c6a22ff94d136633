//! Every line of standard input is either written or reported.

use std::{
    collections::HashSet,
    io::Write,
    sync::{Arc, Condvar, Mutex},
    thread,
};

use serde_json::{Value, json};

use crate::{
    program::Program,
    server::{NOBODY, Server, echo_one},
};

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("line {number}")).collect()
}

fn texts(events: &[Value]) -> Vec<String> {
    events.iter().map(|event| event["text"].as_str().unwrap().to_owned()).collect()
}

/// Asserts that exactly these lines are reported as unsent, in any order, before `closed`.
fn assert_unsent(program: &Program, expected: &[String]) {
    let mut unsent = texts(&program.events_named("unsent"));
    let mut expected = expected.to_vec();
    unsent.sort();
    expected.sort();
    assert_eq!(unsent, expected);
    assert_eq!(program.events().last().unwrap()["event"], "closed");
}

#[test]
fn without_an_outbox_offline_lines_are_reported_immediately() {
    let mut program = Program::json(NOBODY, &["--reconnect-timeout", "1h", "--keep-offline", "0"]);
    program.event("lost");
    program.say("first\n");
    let unsent = program.event("unsent");
    assert_eq!((&unsent["fate"], &unsent["reason"]), (&json!("dropped"), &json!("offline")));
    assert_eq!((&unsent["text"], &unsent["connection"]), (&json!("first"), &json!(null)));
    program.say("second\n");
    assert_eq!(program.event("unsent")["text"], "second");
}

#[test]
fn piped_input_waits_for_the_first_attempt() {
    let server = Server::echo();
    let mut program = Program::json(&server.url(), &["--close-on-eof"]);
    program.say("early\n");
    program.end_stdin();
    assert_eq!(program.event("message")["text"], "early");
    assert_eq!(program.end(), 0);
    assert_unsent(&program, &[]);
}

#[test]
fn after_giving_up_all_waiting_input_is_reported() {
    for keep in ["0", "10"] {
        let more = ["--repeat-limit", "1", "--reconnect-timeout", "200ms", "--keep-offline", keep];
        let mut program = Program::json(NOBODY, &more);
        let lines = numbered(3_000);
        let text = lines.join("\n") + "\n";
        let mut stdin = program.take_stdin();
        let writer = thread::spawn(move || stdin.write_all(text.as_bytes()));
        assert_eq!(program.end(), 4);
        assert!(program.seen_err.last().unwrap().ends_with("; 3000 lines were not sent"));
        writer.join().unwrap().unwrap();
        assert_unsent(&program, &lines);
    }
}

#[test]
fn close_on_eof_writes_all_queued_lines_first() {
    let server = Server::echo();
    let mut program = Program::json(&server.url(), &["--close-on-eof", "--outbox-bytes", "4096"]);
    let lines = numbered(5_000);
    let text = lines.join("\n");
    let mut stdin = program.take_stdin();
    let writer = thread::spawn(move || stdin.write_all(text.as_bytes()));
    assert_eq!(program.event("closed")["reason"], "user");
    writer.join().unwrap().unwrap();
    assert_eq!(program.end(), 0);
    assert_unsent(&program, &[]);
    assert_eq!(*server.heard.lock().unwrap(), lines);
    assert_eq!(texts(&program.events_named("message")), lines);
}

#[test]
fn kept_lines_wait_for_the_connection() {
    let server = Server::new(|number, mut peer, heard| {
        // The first connection ends after one line.
        let _ = echo_one(&mut peer, heard);
        while number > 1 && echo_one(&mut peer, heard).is_ok() {}
    });
    let more = ["--keep-offline", "100", "--reconnect-timeout", "300ms", "--resend", "3"];
    let mut program = Program::json(&server.url(), &more);
    program.event("open");
    program.say("first\n");
    program.event("retry");
    program.say("kept 1\nkept 2\n");
    program.event("open");
    for text in ["kept 1", "kept 2"] {
        assert_eq!(program.event("message")["text"], text);
    }
}

#[test]
fn old_lines_expire() {
    let more = ["--keep-offline", "9", "--max-age", "10ms", "--reconnect-timeout", "1h"];
    let mut program = Program::json(NOBODY, &more);
    program.say("stale\n");
    let unsent = program.event("unsent");
    assert_eq!((&unsent["reason"], &unsent["text"]), (&json!("expired"), &json!("stale")));
}

#[test]
fn invalid_and_overlong_lines_are_reported() {
    let server = Server::echo();
    let mut program = Program::json(&server.url(), &["--outbox-bytes", "8"]);
    program.event("open");
    let mut stdin = program.take_stdin();
    stdin.write_all(b"\xff\xfe\n123456789\nfits\n").unwrap();
    // The echo may arrive before the reports, which keep the order of the lines.
    let (mut unsent, mut messages) = (Vec::new(), Vec::new());
    while unsent.len() < 2 || messages.is_empty() {
        let event = program.next_event().unwrap();
        match event["event"].as_str().unwrap() {
            "unsent" => unsent.push(event),
            "message" => messages.push(event),
            _ => {}
        }
    }
    assert_eq!((&unsent[0]["reason"], &unsent[0]["base64"]), (&json!("not_utf8"), &json!("//4=")));
    assert_eq!(
        (&unsent[1]["reason"], &unsent[1]["text"]),
        (&json!("too_large"), &json!("12345678"))
    );
    assert_eq!(texts(&messages), ["fits"]);
}

#[test]
fn lines_are_written_or_reported_while_the_server_restarts() {
    const PER_CONNECTION: usize = 150;
    // The echoes do not prove that later lines arrived; pongs do.
    let server = Server::new(|_, mut peer, heard| {
        for _ in 0..PER_CONNECTION {
            if echo_one(&mut peer, heard).is_err() {
                return;
            }
        }
    });
    for (keep, heartbeat) in [("0", "message"), ("50", "message"), ("50", "ping")] {
        server.heard.lock().unwrap().clear();
        let pace = ["--reconnect-timeout", "100ms", "--ping-timeout", "5ms"];
        let more = ["--keep-offline", keep, "--heartbeat", heartbeat];
        let mut program = Program::json(&server.url(), &[pace, more].concat());
        program.event("open");
        let lines = numbered(2_000);
        let mut stdin = program.take_stdin();
        let all = lines.clone();
        let writer = thread::spawn(move || {
            // In portions, so that every state of the connection gets some.
            for portion in all.chunks(40) {
                writeln!(stdin, "{}", portion.join("\n")).unwrap();
            }
            stdin
        });
        let stdin = writer.join().unwrap();
        let (written, unsent) = loop {
            program.signal("-USR1");
            let status = program.event("status");
            let written = status["counters"]["messages_out"].as_u64().unwrap() as usize;
            let unsent = program.events_named("unsent");
            if written + unsent.len() == lines.len() {
                break (written, unsent);
            }
        };
        program.signal("-TERM");
        assert_eq!(program.end(), if unsent.is_empty() { 0 } else { 3 });
        drop(stdin);
        assert_eq!(program.events_named("unsent"), unsent, "a line was reported twice");

        let unsent: HashSet<String> = texts(&unsent).into_iter().collect();
        let heard: HashSet<String> = server.heard.lock().unwrap().iter().cloned().collect();
        assert_eq!(unsent.len() + written, lines.len(), "no line is reported twice");
        let missing =
            lines.iter().filter(|line| !unsent.contains(*line) && !heard.contains(*line)).count();
        let unproven: u64 = program.events().iter().filter_map(|e| e["unproven"].as_u64()).sum();
        assert!(missing as u64 <= unproven, "{missing} lines missing, {unproven} unproven");
    }
}

#[test]
fn a_connection_that_accepts_nothing_stops_standard_input() {
    let gate = Arc::new((Mutex::new(false), Condvar::new()));
    let server = {
        let gate = Arc::clone(&gate);
        Server::new(move |_, mut peer, heard| {
            let (open, changed) = &*gate;
            drop(changed.wait_while(open.lock().unwrap(), |open| !*open).unwrap());
            while echo_one(&mut peer, heard).is_ok() {}
        })
    };
    let more = ["--heartbeat", "off", "--outbox-bytes", "65536", "--close-on-eof"];
    let mut program = Program::json(&server.url(), &more);
    program.event("open");
    // Far more than the capacity of the outbox, two pipes and two socket buffers.
    let lines: Vec<String> = (0..4_000).map(|n| format!("{n:>8000}")).collect();
    let text = lines.join("\n");
    let mut stdin = program.take_stdin();
    let writer = {
        let gate = Arc::clone(&gate);
        thread::spawn(move || {
            stdin.write_all(text.as_bytes()).unwrap();
            *gate.0.lock().unwrap()
        })
    };
    // Until no more lines are written. If this stops too early, the test is still correct.
    let mut written = Value::Null;
    let mut unchanged = 0;
    while unchanged < 200 {
        program.signal("-USR1");
        let status = program.event("status");
        assert!(status["queued_bytes"].as_u64().unwrap() <= 65_536, "{status}");
        let now = status["counters"]["messages_out"].clone();
        unchanged = if now == written { unchanged + 1 } else { 0 };
        written = now;
    }
    assert!(written.as_u64().unwrap() < 4_000);
    *gate.0.lock().unwrap() = true;
    gate.1.notify_all();
    assert_eq!(program.end(), 0);
    assert!(writer.join().unwrap(), "all input was read while nothing could be written");
    assert_unsent(&program, &[]);
    assert!(*server.heard.lock().unwrap() == lines);
}
