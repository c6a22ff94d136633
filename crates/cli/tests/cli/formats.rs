//! The formats of messages on standard input and standard output.

use std::{
    io::Write,
    process::{Command, Output, Stdio},
    thread,
};

use serde_json::{Value, json};

use crate::{
    program::Program,
    server::{NOBODY, Server},
};

/// Runs `wsbeat connect` with this input to its end. An echo server answers before the close frame.
fn pass(url: &str, more: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_wsbeat"))
        .args([&["connect", url, "--close-on-eof"], more].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_vec());
    let writer = thread::spawn(move || stdin.write_all(&input).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    println!("{}", String::from_utf8_lossy(&output.stderr));
    output
}

#[test]
fn an_echo_returns_the_input_in_the_same_format() {
    let url = Server::echo().url();
    for (format, binary, input) in [
        ("lines", false, "one\n\nthr\u{e9}e\n".as_bytes()),
        ("raw", false, b"one\ntwo\n\nno end"),
        ("raw", true, b"\0\xff\n\r\n"),
        ("nul", false, b"one\ntwo\0\0three\r\0"),
        ("nul", true, b"\xff\n\0\xfe\0"),
        ("length", false, b"\0\0\0\x02a\n\0\0\0\0\0\0\0\x01\0"),
        ("length", true, b"\0\0\0\x02\0\xff\0\0\0\0"),
        ("base64", false, b"AP8=\n\nb25l\n"),
    ] {
        let more = ["--in", format, "--out", format];
        let more = if binary { [&more[..], &["--binary"]].concat() } else { more.to_vec() };
        let output = pass(&url, &more, input);
        assert_eq!(output.stdout, input, "{format} {binary}");
    }
}

#[test]
fn json_output_of_one_program_is_input_of_another() {
    let url = Server::echo().url();
    let input = b"{\"text\":\"a\\nb\"}\n{\"base64\":\"AP8=\"}\n";
    let first = pass(&url, &["--in", "json", "--out", "json"], input);
    let second = pass(&url, &["--in", "json", "--out", "json"], &first.stdout);
    for output in [first, second] {
        let lines = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<Value> =
            lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((&lines[0]["text"], &lines[1]["base64"]), (&json!("a\nb"), &json!("AP8=")));
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| line["time"].is_string() && line["connection"] == 1));
    }
    // All events of another session have the messages too.
    let events = pass(&url, &["--in", "json", "--json"], input);
    let messages = pass(&url, &["--in", "json", "--out", "lines"], &events.stdout);
    assert_eq!(messages.stdout, b"a\nb\n");
}

#[test]
fn binary_messages_among_lines_are_shown_with_a_remedy() {
    let output = pass(&Server::echo().url(), &["--binary"], b"one\ntwo\n");
    assert_eq!(output.stdout, b"");
    let notes = String::from_utf8(output.stderr).unwrap();
    assert_eq!(notes.matches("binary, 3 bytes").count(), 2, "{notes}");
    assert_eq!(notes.matches("use for example --out base64").count(), 1, "{notes}");
}

#[test]
fn input_that_is_no_message_is_reported() {
    for (format, input, reasons) in [
        ("json", &b"{\"text\":\"a\"}\nnonsense\n{}\n"[..], &["malformed", "malformed"][..]),
        ("base64", b"YQ==\n*\n", &["malformed"]),
        ("length", b"\0\0\0\x01a\0\0\0\x02b", &["incomplete"]),
        ("nul", b"a\0\xff\0", &["not_utf8"]),
        ("raw", b"\xff", &["not_utf8"]),
    ] {
        let output = pass(&Server::echo().url(), &["--in", format, "--json"], input);
        let lines = String::from_utf8(output.stdout).unwrap();
        let events = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let unsent = events.filter(|event| event["event"] == "unsent");
        let seen: Vec<_> = unsent.map(|event| event["reason"].clone()).collect();
        assert_eq!(seen, reasons, "{format}");
    }
}

/// The message whose end is missing, with these fields, is the only one that is unsent.
fn assert_unfinished(program: &Program, fields: &Value) {
    let unsent = program.events_named("unsent");
    assert_eq!(unsent.len(), 1, "{unsent:?}");
    for (name, value) in fields.as_object().unwrap() {
        assert_eq!(&unsent[0][name], value, "{unsent:?}");
    }
}

#[test]
fn a_message_without_its_end_is_reported_when_the_user_closes() {
    for (format, input, fields) in [
        ("lines", "first\nhalf", json!({"reason": "session_ended", "text": "half"})),
        ("nul", "first\0half", json!({"reason": "session_ended", "text": "half"})),
        ("length", "\0\0\0\x05firsthalf", json!({"reason": "incomplete", "base64": "aGFsZg=="})),
    ] {
        let mut program = Program::json(&Server::echo().url(), &["--in", format]);
        program.event("open");
        program.say(input);
        // The rest was read together with this.
        assert_eq!(program.event("message")["text"], "first");
        program.signal("-TERM");
        assert_eq!(program.end(), 3);
        assert_unfinished(&program, &fields);
    }
}

#[test]
fn a_message_without_its_end_is_reported_when_the_session_gives_up() {
    let mut program = Program::json(NOBODY, &["--in", "raw", "--repeat-limit", "0"]);
    program.say("half");
    assert_eq!(program.end(), 4);
    assert_unfinished(&program, &json!({"reason": "session_ended", "text": "half"}));
}

#[test]
fn input_after_the_messages_of_a_count_is_no_loss() {
    let mut program = Program::json(&Server::echo().url(), &["-n", "1"]);
    program.event("open");
    program.say("first\nhalf");
    assert_eq!(program.end(), 0);
    assert_eq!(program.events_named("unsent"), [] as [Value; 0]);
}

#[test]
fn options_without_effect_are_refused() {
    for (more, message) in [
        (&["--in", "json", "--binary"][..], "--binary has no effect with --in json; leave one out"),
        (&["--out", "raw", "--timestamps"], "--timestamps has no effect with --out raw"),
        (&["--out", "raw", "--json"], "--out contradicts --json; leave one out"),
        (&["--quiet", "-v"], "--quiet contradicts --verbose; leave one out"),
        (&["--out", "hex"], "--out must be lines, raw, nul, length, base64 or json"),
    ] {
        let output = pass(NOBODY, more, b"");
        assert_eq!(output.status.code(), Some(2));
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(message), "{error}");
    }
}
