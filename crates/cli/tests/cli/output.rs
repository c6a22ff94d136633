//! The record in a file, the extent of the timeline, times, and limits.

use std::{fs, path::PathBuf};

use async_tungstenite::tungstenite::Message;
use serde_json::Value;

use crate::{
    program::Program,
    server::{NOBODY, Server, echo_one},
};

/// A path for a file of this test, without a file.
pub(crate) fn path(name: &str) -> PathBuf {
    let name = format!("{name}-{}", std::process::id());
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_file(&path);
    path
}

#[test]
fn the_record_has_the_lines_of_json_and_is_appended_to() {
    let url = Server::echo().url();
    let path = path("record");
    let more = ["--record", path.to_str().unwrap(), "--close-on-eof"];
    let mut program = Program::json(&url, &more);
    program.say("hello\n");
    program.end_stdin();
    assert_eq!(program.end(), 0);
    let first = fs::read_to_string(&path).unwrap();
    assert_eq!(first.lines().collect::<Vec<_>>(), program.seen);

    let mut program = Program::start(&[&["connect", &url], &more[..]].concat());
    program.say("again\n");
    program.end_stdin();
    assert_eq!(program.end(), 0);
    assert_eq!(program.seen, ["again"]);
    let both = fs::read_to_string(&path).unwrap();
    let second: Vec<Value> = both
        .strip_prefix(&first)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let names: Vec<_> = second.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(names, ["connecting", "open", "message", "closed"]);
    assert_eq!(second[2]["text"], "again");
}

#[test]
fn a_line_that_an_earlier_session_cut_is_ended_first() {
    let path = path("cut");
    fs::write(&path, "{}\n{\"t_ms\":1").unwrap();
    let more = ["--record", path.to_str().unwrap(), "--repeat-limit", "0"];
    Program::json(NOBODY, &more).end();
    let record = fs::read_to_string(&path).unwrap();
    let lines: Vec<_> = record.lines().collect();
    assert_eq!(lines[..2], ["{}", "{\"t_ms\":1"]);
    assert!(lines[2].contains("\"connecting\""), "{record}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_reported_once_and_the_session_continues() {
    let url = Server::echo().url();
    let mut program = Program::start(&["connect", &url, "--record", "/dev/full", "--close-on-eof"]);
    program.say("one\ntwo\n");
    program.end_stdin();
    assert_eq!(program.end(), 0);
    assert_eq!(program.seen, ["one", "two"]);
    let notes = program.seen_err.join("\n");
    assert_eq!(notes.matches("the file of --record cannot be written").count(), 1, "{notes}");
}

#[test]
fn a_record_in_a_missing_folder_is_refused_at_the_start() {
    let mut program = Program::start(&["connect", NOBODY, "--record", "/missing/folder/file"]);
    assert_eq!(program.end(), 2);
    assert!(program.seen_err[0].starts_with("wsbeat: --record: the file /missing/folder/file"));
    assert_eq!(program.seen_err.len(), 1);
}

#[test]
fn with_quiet_only_errors_are_on_standard_error() {
    let server = Server::echo();
    let mut program = Program::start(&["connect", &server.url(), "--close-on-eof", "-q"]);
    program.say("hello\n");
    program.end_stdin();
    assert_eq!(program.end(), 0);
    assert_eq!((&program.seen[..], &program.seen_err[..]), (&["hello".to_owned()][..], &[][..]));

    let more = ["--quiet", "--repeat-limit", "0", "--preset", "original", "--close-on-eof"];
    let mut program = Program::start(&[&["connect", NOBODY], &more[..]].concat());
    program.say("hello\n");
    program.end();
    let notes = program.seen_err.join("\n");
    assert!(notes.contains("unsent") && notes.contains("closed"), "{notes}");
    assert!(!notes.contains("connecting") && !notes.contains("✗ lost"), "{notes}");
}

#[test]
fn with_verbose_addresses_and_sent_heartbeats_are_shown() {
    let server = Server::echo();
    let more = ["--heartbeat", "ping", "--ping-timeout", "20ms"];
    for verbose in [true, false] {
        let option: &[&str] = if verbose { &["-v"] } else { &[] };
        let mut program =
            Program::start(&[&["connect", &server.url()], option, &more[..]].concat());
        program.await_err("answered in");
        program.signal("-TERM");
        assert_eq!(program.end(), 0);
        let notes = program.seen_err.join("\n");
        let address = format!(", to 127.0.0.1:{} from 127.0.0.1:", server.port);
        assert_eq!(notes.contains(&address), verbose, "{notes}");
        assert_eq!(notes.contains("sent on connection 1"), verbose, "{notes}");
    }
}

#[test]
fn a_time_is_printed_before_each_line_on_request() {
    let mut program =
        Program::start(&["connect", &Server::echo().url(), "--timestamps", "--close-on-eof"]);
    program.say("hello\n");
    program.end_stdin();
    assert_eq!(program.end(), 0);
    let (time, text) = program.seen[0].split_once(' ').unwrap();
    assert_eq!(text, "hello");
    let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(shape, "0000-00-00T00:00:00.000Z");
}

#[test]
fn a_message_over_the_limit_ends_the_connection_with_the_option() {
    let server = Server::new(|_, mut peer, heard| {
        let _ = peer.send(Message::text("x".repeat(1_000)));
        let _ = peer.send(Message::text("x".repeat(1_001)));
        while echo_one(&mut peer, heard).is_ok() {}
    });
    let mut program =
        Program::start(&["connect", &server.url(), "--max-message", "1000", "--repeat-limit", "0"]);
    program.await_err("raise it by --max-message");
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
