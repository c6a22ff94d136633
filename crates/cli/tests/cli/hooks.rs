//! Commands that run at events.

use std::{fs, process::Command};

use async_tungstenite::tungstenite::{Message, protocol::CloseFrame};

use crate::{
    program::Program,
    recording::path,
    server::{NOBODY, Server},
};

#[test]
fn commands_get_their_event_in_order() {
    let server = Server::new(|number, mut peer, _| {
        if number == 1 {
            let _ = peer.send(Message::text("one"));
            let _ = peer.send(Message::binary(&b"\0two\n"[..]));
            let _ = peer.close(Some(CloseFrame { code: 4001.into(), reason: "en\0ough".into() }));
        }
        while peer.read().is_ok() {}
    });
    let folder = path("hooks");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir(&folder).unwrap();
    let log = folder.display();
    let on_open = format!(
        "echo $WSBEAT_EVENT $WSBEAT_CONNECTION ${{WSBEAT_OUTAGE_MS:+outage}} >>{log}/open; echo out"
    );
    let on_lost =
        format!("echo $WSBEAT_EVENT $WSBEAT_CAUSE $WSBEAT_CODE \"$WSBEAT_DETAIL\" >>{log}/lost");
    let on_message =
        format!("(echo $WSBEAT_EVENT $WSBEAT_KIND $WSBEAT_CONNECTION; cat; echo) >>{log}/message");
    let more = ["--on-open", &on_open, "--on-lost", &on_lost, "--on-message", &on_message];
    let mut program =
        Program::json(&server.url(), &[&more[..], &["--reconnect-timeout", "100ms"]].concat());
    while program.event("open")["connection"] != 2 {}
    program.signal("-TERM");
    assert_eq!(program.end(), 0);
    let read = |name: &str| fs::read_to_string(format!("{log}/{name}")).unwrap();
    assert_eq!(read("open"), "open 1\nopen 2 outage\n");
    let detail = r"closed by the server with code 4001 (en\u{0}ough)";
    assert_eq!(read("lost"), format!("lost closed_by_peer 4001 {detail}\n"));
    assert_eq!(read("message"), "message text 1\none\nmessage binary 1\n\0two\n\n");
    // Standard output has nothing else than records.
    assert!(program.seen_err.contains(&"out".to_owned()), "{:?}", program.seen_err);
    program.events();
}

#[test]
fn a_failed_attempt_is_not_a_lost_connection() {
    let more = ["--on-lost", "echo it ran", "--repeat-limit", "0"];
    let mut program = Program::start(&[&["connect", NOBODY], &more[..]].concat());
    program.end();
    let notes = program.seen_err.join("\n");
    assert!(notes.contains("lost") && !notes.contains("it ran"), "{notes}");
}

#[test]
fn a_command_does_not_see_our_variables() {
    let server = Server::new(|_, mut peer, _| {
        let _ = peer.close(None);
    });
    let output = Command::new(env!("CARGO_BIN_EXE_wsbeat"))
        .args(["connect", &server.url(), "--repeat-limit", "0"])
        .args(["--on-open", "echo [$OTHER_VALUE$WSBEAT_TOKEN]"])
        .envs([("WSBEAT_TOKEN", "hush"), ("OTHER_VALUE", "other")])
        .output()
        .unwrap();
    let notes = String::from_utf8(output.stderr).unwrap();
    assert!(notes.contains("[other]") && !notes.contains("hush"), "{notes}");
}

#[test]
fn a_failing_command_is_reported_once_with_the_number_at_the_end() {
    let server = Server::echo();
    let more = ["--on-message", "exit 3", "--close-on-eof"];
    let mut program = Program::start(&[&["connect", &server.url()], &more[..]].concat());
    program.say("a\nb\nc\n");
    program.end_stdin();
    assert_eq!(program.end(), 0);
    let notes = program.seen_err.join("\n");
    assert_eq!(notes.matches("failed: exit status: 3").count(), 1, "{notes}");
    assert_eq!(notes.matches("--on-message failed 3 times").count(), 1, "{notes}");
}

#[test]
fn a_command_that_does_not_end_is_killed_and_blocks_nothing() {
    let server = Server::echo();
    // The descendant of the shell has standard error open. If it were alive, there would be no end
    // of that.
    let more = ["--on-message", "sleep 1000 & wait", "--close-on-eof"];
    let mut program = Program::start(&[&["connect", &server.url()], &more[..]].concat());
    let lines: Vec<String> = (0..200).map(|n| n.to_string()).collect();
    program.say(&(lines.join("\n") + "\n"));
    program.end_stdin();
    assert_eq!(program.end(), 0);
    assert_eq!(program.seen, lines);
    let notes = program.seen_err.join("\n");
    assert!(notes.contains("--on-message is slower than the events"), "{notes}");
    assert!(notes.contains("did not run, or not to its end, for 200 of 200 events"), "{notes}");
}
