//! The demo shows all its steps.

use crate::program::Program;

#[test]
fn the_demo_shows_every_step_and_succeeds() {
    let mut program = Program::start(&["demo"]);
    assert_eq!(program.end(), 0, "{:#?}", program.seen_err);
    let story = program.seen.join("\n");
    let mut rest = &*story;
    for part in [
        "1. A connection opens",
        "● open",
        "reading 1",
        "♥ heartbeat",
        "answered in",
        "2. The server goes silent.",
        "heartbeat not answered",
        "detected",
        "↻ retry",
        "● open",
        "after an outage of",
        "3. The server stops.",
        "✗ lost",
        "refused",
        "restarted at the same port",
        "● open",
        "4. The client closes",
        "■ closed      closed by the user",
        "Summary",
        "connections",
        "heartbeats",
        "median RTT",
        "heartbeat_timeout",
        "longest outage",
        "messages",
    ] {
        let at = rest.find(part).unwrap_or_else(|| panic!("no {part:?} at its place:\n{story}"));
        rest = &rest[at + part.len()..];
    }
    assert!(!story.contains('\x1b'), "a pipe has colours");
}
