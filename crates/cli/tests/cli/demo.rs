//! The demo tells its story.

use crate::program::Program;

#[test]
fn the_demo_tells_every_chapter_and_ends_well() {
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
        "2. The server falls silent.",
        "heartbeat not answered",
        "detected",
        "↻ retry",
        "● open",
        "after an outage of",
        "3. The server dies.",
        "✗ lost",
        "refused",
        "is back",
        "● open",
        "4. The client says goodbye.",
        "■ closed      closed by the user",
        "Summary",
        "connections",
        "heartbeats",
        "median RTT",
        "heartbeat_timeout",
        "longest outage",
        "messages",
    ] {
        let at =
            rest.find(part).unwrap_or_else(|| panic!("no {part:?} where it belongs:\n{story}"));
        rest = &rest[at + part.len()..];
    }
    assert!(!story.contains('\x1b'), "colour in a pipe");
}
