//! [`SCRIPTS`]: the behaviour of the server for each path, as data.
//!
//! A server is small: it reads a request, finds the [`Script`] of its path, gives the [`Answer`] and
//! executes each [`Step`]. It does nothing else: it answers a ping or a close frame only if a step
//! says so. After the last step it ends its side of the stream, and reads until the client ends, too.
//! A server in another language or for another transport can interpret the same data.
//!
//! The query of a request names its connection: `?id=` and a number. A second connection, to
//! [`OBSERVER`] with the same number, controls the script and returns what the server has seen. It has
//! the commands of [`Command`], each a text message, and each is answered by one text message.

/// The behaviour of the server for one path.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Script {
    /// The path of the request, without its query.
    pub path: &'static str,
    /// The answer to the request.
    pub answer: Answer,
    /// The steps of the server after it has accepted.
    pub steps: &'static [Step],
}

/// The answer to a request.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Answer {
    /// Accepts the upgrade.
    Accept,
    /// Accepts the upgrade, and sends these frames in the same write.
    AcceptWith(&'static [Item]),
    /// Sends these parts in place of an acceptance, with [`PAUSE_MS`] between them, and ends the stream.
    Reply(&'static [&'static str]),
    /// Sends this in place of an acceptance, and nothing more until the client ends the stream.
    Stall(&'static str),
}

/// A step of a script. If the client does something else, or nothing for ten seconds, it has broken a
/// rule.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Step {
    /// Sends a frame.
    Send(Item),
    /// Sends the first fragment of a text.
    Begin(&'static [u8]),
    /// Sends the last fragment of a text.
    Finish(&'static [u8]),
    /// Sends these bytes, which are not valid.
    Bytes(&'static [u8]),
    /// Sends this many pings without a pause.
    Pings(u32),
    /// Sends this many texts without a pause: the decimal numbers from 0.
    Numbers(u32),
    /// Sends the URL of a port on which no program listens. It stays free until the script ends.
    ClosedPort,
    /// Reads exactly this frame.
    Expect(Item),
    /// Sends each message back until the client sends a close frame, and answers that.
    Echo,
    /// Reads binary messages until the text `end` or the end of the stream, and counts them. Each
    /// begins with its number from 0, as eight bytes in little-endian order.
    Count,
    /// Reads nothing until the observer sends [`Command::Go`].
    Wait,
    /// Waits until bytes have arrived, and leaves them unread.
    LeaveUnread,
    /// Resets the connection. It is the last step.
    Reset,
    /// Ends this side of the stream.
    End,
    /// Reads the end of the stream: no frame and no reset. It is the last step.
    ExpectEnd,
    /// Reads the end of the stream or a reset, and no frame before it. It is the last step.
    ExpectGone,
}

/// A frame in a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "RFC 6455 section 5.2 has these frames")]
pub enum Item {
    /// A text message.
    Text(&'static str),
    /// A binary message.
    Binary(&'static [u8]),
    /// A ping.
    Ping(&'static str),
    /// A pong.
    Pong(&'static str),
    /// A close frame with a code and a reason.
    Close(u16, &'static str),
    /// A close frame without a code.
    CloseEmpty,
}

/// A command of an observer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command {
    /// Ends the wait of [`Step::Wait`]. The answer is `ok`.
    Go,
    /// Waits until a request with this number has arrived. The answer is `ok`.
    Arrived,
    /// Whether a request with this number has arrived: the answer is `yes` or `no`.
    Seen,
    /// Waits until the script has ended. The answer is `kept`, or `kept` and the number of messages
    /// that [`Step::Count`] has read, or `broken` and what the client did.
    Verdict,
}

impl Command {
    /// All commands.
    pub const ALL: [Self; 4] = [Self::Go, Self::Arrived, Self::Seen, Self::Verdict];

    /// The text of the command.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Go => "go",
            Self::Arrived => "arrived",
            Self::Seen => "seen",
            Self::Verdict => "verdict",
        }
    }

    /// The command with this text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|command| command.name() == text)
    }
}

/// The path of observers.
pub const OBSERVER: &str = "/observe";

/// The milliseconds between the parts of an [`Answer::Reply`]. A client that waits for a late body
/// waits longer.
pub const PAUSE_MS: u64 = 20;

/// The script of a path.
pub fn script(path: &str) -> Option<&'static Script> {
    SCRIPTS.iter().find(|script| script.path == path)
}

const fn accept(path: &'static str, steps: &'static [Step]) -> Script {
    Script { path, answer: Answer::Accept, steps }
}

const fn reply(path: &'static str, parts: &'static [&'static str]) -> Script {
    Script { path, answer: Answer::Reply(parts), steps: &[] }
}

const fn stall(path: &'static str, part: &'static str) -> Script {
    Script { path, answer: Answer::Stall(part), steps: &[] }
}

use self::{Item::*, Step::*};

/// All scripts.
pub const SCRIPTS: &[Script] = &[
    // Reading.
    accept("/echo", &[Echo]),
    accept("/ping", &[Send(Ping("ping")), Expect(Pong("ping")), Send(Text("done"))]),
    accept("/pong", &[Send(Pong("unasked")), Send(Text("done"))]),
    accept(
        "/messages",
        &[
            Send(Text("")),
            Send(Text("text, né")),
            Send(Binary(b"")),
            Send(Binary(&[0, 255])),
            Send(Text("done")),
        ],
    ),
    // The first fragment ends within a character.
    accept(
        "/fragments",
        &[
            Begin(b"h\xc3"),
            Send(Ping("between")),
            Expect(Pong("between")),
            Finish(b"\xa9llo"),
            Send(Text("done")),
        ],
    ),
    accept("/half", &[Begin(b"first "), Wait, Finish(b"second")]),
    Script {
        path: "/with-answer",
        answer: Answer::AcceptWith(&[Text("first"), CloseEmpty]),
        steps: &[Expect(CloseEmpty)],
    },
    // Violations, until the client ends the connection.
    accept("/violation-reserved-opcode", &[Bytes(&[0x83, 0])]),
    accept("/violation-masked", &[Bytes(&[0x82, 0x80, 0, 0, 0, 0])]),
    accept("/violation-reserved-bit", &[Bytes(&[0xc2, 0])]),
    accept("/violation-no-utf8", &[Bytes(&[0x81, 1, 0xff])]),
    accept("/violation-nothing-to-continue", &[Bytes(&[0x80, 0])]),
    accept("/violation-fragment-of-a-ping", &[Bytes(&[0x09, 0])]),
    accept("/close-999", &[Bytes(&[0x88, 2, 0x03, 0xe7])]),
    accept("/close-1005", &[Bytes(&[0x88, 2, 0x03, 0xed])]),
    accept("/close-half-a-code", &[Bytes(&[0x88, 1, 0x03])]),
    accept("/pings", &[Pings(2_000), Send(Text("done"))]),
    accept("/numbers", &[Numbers(2_000)]),
    accept("/text-on-go", &[Wait, Send(Text("now"))]),
    // Endings.
    accept(
        "/close-4001",
        &[Send(Text("before")), Send(Close(4001, "go")), Expect(Close(4001, "go"))],
    ),
    accept("/close-empty", &[Send(CloseEmpty), Expect(CloseEmpty)]),
    accept("/close-and-wait", &[Send(Close(4001, "go")), Expect(Close(4001, "go")), Wait]),
    accept("/close-and-end", &[Send(Close(1000, "")), Expect(Close(1000, "")), ExpectEnd]),
    accept("/end", &[Send(Text("last"))]),
    accept("/reset", &[Expect(Text("go")), Reset]),
    accept("/answer-close", &[Expect(Close(1000, "bye")), Send(Close(1000, "bye"))]),
    accept("/answer-close-and-end", &[Expect(Close(1000, "")), Send(Close(1000, "")), ExpectEnd]),
    accept(
        "/answer-close-late",
        &[
            Expect(Close(1000, "bye")),
            Send(Text("late")),
            Send(Close(1000, "bye")),
            End,
            ExpectGone,
        ],
    ),
    // Writing.
    accept("/ping-and-pong", &[Expect(Ping("ours")), Send(Pong("ours")), Expect(Pong("unasked"))]),
    accept("/count", &[Wait, Count]),
    accept(
        "/last-words",
        &[LeaveUnread, Send(Text("last words")), Send(Close(4002, "overloaded")), Reset],
    ),
    // Drops.
    accept("/gone", &[Numbers(2), ExpectGone]),
    accept(
        "/close-and-read-late",
        &[Send(Close(1000, "")), Wait, Expect(Text("last")), Expect(Close(1000, "")), ExpectGone],
    ),
    // Attempts.
    accept("/closed-port", &[ClosedPort, Wait]),
    stall("/hang", ""),
    reply("/refuse-401", &["HTTP/1.1 401 Unauthorized\r\n\r\n"]),
    reply("/refuse-503", &["HTTP/1.1 503 Busy\r\nX-Reason: rest\r\nRetry-After: 7\r\n\r\nnot now"]),
    reply(
        "/refuse-503-until-a-date",
        &["HTTP/1.1 503 Busy\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
           Retry-After: Sun, 06 Nov 1994 08:50:37 GMT\r\n\r\nnot now"],
    ),
    reply(
        "/refuse-503-without-a-date",
        &["HTTP/1.1 503 Busy\r\nRetry-After: Sun, 06 Nov 1994 08:50:37 GMT\r\n\r\nnot now"],
    ),
    reply(
        "/refuse-503-in-words",
        &["HTTP/1.1 503 Busy\r\nRetry-After: when it suits you\r\n\r\nnot now"],
    ),
    reply("/refuse-503-late-body", &["HTTP/1.1 503 Busy\r\nContent-Length: 7\r\n\r\n", "not now"]),
    stall("/refuse-503-no-body", "HTTP/1.1 503 Busy\r\nContent-Length: 7\r\n\r\n"),
    reply("/answer-ssh", &["SSH-2.0-OpenSSH_9.9\r\n\r\n"]),
    reply("/answer-101-bare", &["HTTP/1.1 101 Switching Protocols\r\n\r\n"]),
    reply(
        "/answer-101-other-key",
        &["HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
           Sec-WebSocket-Accept: bm90IHRoZSBrZXk=\r\n\r\n"],
    ),
    reply("/answer-nothing", &[]),
    reply("/answer-half", &["HTTP/1.1 101 Switch"]),
    // Sessions.
    accept(
        "/close-1001",
        &[Expect(Text("one")), Send(Text("one")), Send(Close(1001, "")), Expect(Close(1001, ""))],
    ),
    accept("/end-after-echo", &[Expect(Text("two")), Send(Text("two"))]),
    accept("/silent", &[Wait]),
    accept("/answer-close-1000", &[Expect(Close(1000, "")), Send(Close(1000, ""))]),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_path_has_one_script_and_each_name_one_command() {
        let paths: HashSet<_> = SCRIPTS.iter().map(|script| script.path).collect();
        assert_eq!(paths.len(), SCRIPTS.len());
        assert!(!paths.contains(OBSERVER) && paths.iter().all(|path| path.starts_with('/')));
        for command in Command::ALL {
            assert_eq!(Command::parse(command.name()), Some(command));
        }
        assert_eq!(Command::parse("stop"), None);
    }

    #[test]
    fn each_script_is_used_by_a_rule() {
        let rules = [
            "attempts", "closing", "dropping", "numbers", "polling", "reading", "sessions",
            "writing",
        ];
        let sources = rules.map(|name| {
            let path = format!("{}/src/rules/{name}.rs", env!("CARGO_MANIFEST_DIR"));
            std::fs::read_to_string(path).expect("the source of rules")
        });
        for Script { path, .. } in SCRIPTS {
            let name = format!("\"{path}\"");
            assert!(sources.iter().any(|source| source.contains(&name)), "no rule uses {path}");
        }
    }
}
