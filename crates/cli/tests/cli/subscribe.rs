//! Messages that are sent on each connection.

use std::{fs, sync::Mutex};

use crate::{
    program::Program,
    recording::path,
    server::{NOBODY, Peer, Server, echo_one},
};

#[test]
fn subscriptions_are_sent_first_on_each_connection() {
    // The first connection ends after the two subscriptions and one line.
    let treat = |number: usize, mut peer: Peer, heard: &Mutex<Vec<String>>| {
        let count = if number == 1 { 3 } else { usize::MAX };
        for _ in 0..count {
            if echo_one(&mut peer, heard).is_err() {
                return;
            }
        }
        let _ = peer.close(None);
        while peer.read().is_ok() {}
    };
    let server = Server::new(treat);
    let path = path("subscription");
    fs::write(&path, "{\n  \"channel\": \"b\"\n}\n").unwrap();
    let file = format!("@{}", path.display());
    let more = ["--subscribe", "a", "--subscribe", &file, "--reconnect-timeout", "100ms"];
    let mut program = Program::json(&server.url(), &more);
    program.say("one\n");
    program.event("lost");
    program.say("two\n");
    while program.event("message")["text"] != "two" {}
    program.signal("-TERM");
    assert_eq!(program.end(), 0);
    let b = "{\n  \"channel\": \"b\"\n}";
    assert_eq!(*server.heard.lock().unwrap(), ["a", b, "one", "a", b, "two"]);
    assert_eq!(program.events_named("unsent").len(), 0);
}

#[test]
fn a_subscription_that_cannot_be_sent_is_refused_at_the_start() {
    for (more, cause) in [
        (&["--subscribe", "@/missing/file"][..], "the file /missing/file cannot be read"),
        (&["--subscribe", "12345", "--outbox-bytes", "4"], "raise --outbox-bytes"),
        (&["--subscribe", "1", "--subscribe", "2", "--keep-offline", "1"], "raise --keep-offline"),
    ] {
        let mut program = Program::start(&[&["connect", NOBODY], more].concat());
        assert_eq!(program.end(), 2);
        assert!(program.seen_err[0].contains(cause), "{:?}", program.seen_err);
        assert_eq!(program.seen_err.len(), 1);
    }
}
