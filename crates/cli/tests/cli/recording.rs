//! The record of a session in a file.

use std::{fs, path::PathBuf};

use serde_json::Value;

use crate::{
    program::Program,
    server::{NOBODY, Server},
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
