//! Servers that open a connection and then send illegal frames, or too many legal ones.

use std::time::Duration;

use websocket_heartbeat::ErrorKind;
use websocket_heartbeat_tests::{Backend, title, with_time_limit};

use crate::{
    figures::{Outcome, measured_open},
    server::Server,
};

/// The allocation limit of an illegal frame: an error message and buffers.
const LITTLE: usize = 256 << 10;

/// The allocation limit of a message that reaches the limit of 64 MiB: the sum of all sizes of a
/// doubling buffer.
const MESSAGE: usize = 320 << 20;

/// The limit of the processor time of a case, in a debug build.
const CPU: Duration = Duration::from_secs(10);

/// The number of frames in a flood.
const FLOOD: usize = 200_000;

const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;
const FIN: u8 = 0x80;

struct Case {
    server: Server,
    outcome: Outcome,
    messages: usize,
    memory: usize,
}

/// A frame of at most 125 bytes.
fn frame(first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    let length = u8::try_from(payload.len()).ok().filter(|length| *length < 126);
    [&[first, length.expect("short")], payload].concat()
}

/// The head of a frame with this length, in 64 bits.
fn head(first: u8, length: u64) -> Vec<u8> {
    [&[first, 127][..], &length.to_be_bytes()].concat()
}

fn close(code: u16, reason: &[u8]) -> Vec<u8> {
    frame(FIN | CLOSE, [&code.to_be_bytes()[..], reason].concat())
}

fn then_close(frames: Vec<u8>) -> Vec<u8> {
    [frames, close(1000, b"")].concat()
}

/// Frames that violate RFC 6455.
fn violations() -> Vec<(String, Vec<u8>)> {
    let mut cases: Vec<(String, Vec<u8>)> = vec![
        ("a masked frame".into(), [FIN | TEXT, 0x80 | 2, 1, 2, 3, 4, b'h' ^ 1, b'i' ^ 2].into()),
        ("a masked close frame".into(), [FIN | CLOSE, 0x80, 1, 2, 3, 4].into()),
        ("text that is not UTF-8".into(), frame(FIN | TEXT, [0xff])),
        ("text that ends within a character".into(), frame(FIN | TEXT, [0xf0, 0x9f, 0xa6])),
        ("a surrogate in text".into(), frame(FIN | TEXT, [0xed, 0xa0, 0x80])),
        (
            "text that is not UTF-8 over two frames".into(),
            [frame(TEXT, [0xf0, 0x9f]), frame(FIN, [0xff, 0x80])].concat(),
        ),
        (
            "text that ends within a character over two frames".into(),
            [frame(TEXT, [0xf0, 0x9f]), frame(FIN, [0xa6])].concat(),
        ),
        ("a continuation without a first fragment".into(), frame(FIN, "more")),
        ("a message within another".into(), [frame(TEXT, "a"), frame(FIN | TEXT, "b")].concat()),
        ("a ping in fragments".into(), frame(PING, "half")),
        ("a close frame in fragments".into(), frame(CLOSE, 1000_u16.to_be_bytes())),
        ("a ping of 126 bytes".into(), [&[FIN | PING, 126, 0, 126][..], &[0; 126]].concat()),
        (
            "a close frame of 126 bytes".into(),
            [&[FIN | CLOSE, 126, 0, 126, 3, 232][..], &[b'x'; 124]].concat(),
        ),
        ("a close frame of one byte".into(), frame(FIN | CLOSE, [3])),
        ("a close reason that is not UTF-8".into(), close(1000, &[0xff])),
    ];
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, u16::MAX] {
        cases.push((format!("close code {code}"), close(code, b"reason")));
    }
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        cases.push((format!("opcode {opcode}"), frame(FIN | opcode, "x")));
    }
    for bit in [0x40, 0x20, 0x10] {
        for opcode in [TEXT, PING, CLOSE] {
            cases.push((
                format!("reserved bit {bit:#x} of opcode {opcode}"),
                frame(FIN | bit | opcode, ""),
            ));
        }
    }
    cases
}

fn cases() -> Vec<Case> {
    use Outcome::{Breaks, Closes};
    let mut cases = Vec::new();
    let mut case = |server, outcome, messages, memory| {
        cases.push(Case { server, outcome, messages, memory });
    };
    for (name, frames) in violations() {
        // The frame after it is ignored.
        let followed = [&frames[..], &frame(FIN | TEXT, "late")].concat();
        case(Server::sending(&name, frames), Breaks(ErrorKind::Protocol), 0, LITTLE);
        let name = format!("{name}, and more");
        case(Server::sending(name, followed), Breaks(ErrorKind::Protocol), 0, LITTLE);
    }
    for (name, length) in [
        ("2^64 - 1", u64::MAX),
        ("2^63", 1 << 63),
        ("2^62", 1 << 62),
        ("16 MiB + 1", (16 << 20) + 1),
    ] {
        for (kind, first) in
            [("a message", FIN | BINARY), ("a fragment", TEXT), ("a pong", FIN | PONG)]
        {
            let name = format!("{kind} of {name} bytes");
            case(
                Server::sending(name, head(first, length)),
                Breaks(ErrorKind::TooLarge),
                0,
                LITTLE,
            );
        }
    }
    let fragment = [head(0, 32 << 10), vec![b'x'; 32 << 10]].concat();
    case(
        Server::sending("fragments without end", frame(TEXT, "")).then_repeating(&fragment),
        Breaks(ErrorKind::TooLarge),
        0,
        MESSAGE,
    );
    let fragments = [frame(BINARY, ""), frame(0, "x").repeat(FLOOD), frame(FIN, "")].concat();
    case(Server::sending("fragments of one byte", then_close(fragments)), Closes(1000), 1, 2 << 20);
    let fragments = [frame(BINARY, ""), frame(0, "").repeat(FLOOD)].concat();
    case(Server::sending("empty fragments", then_close(fragments)), Closes(1000), 0, LITTLE);
    for payload in ["", &"x".repeat(125)] {
        for (name, first) in [("pings", FIN | PING), ("pongs", FIN | PONG)] {
            let flood = frame(first, payload).repeat(FLOOD);
            let name = format!("{name} of {} bytes, many", payload.len());
            case(Server::sending(name, then_close(flood)), Closes(1000), 0, FLOOD * 256);
        }
    }
    let empty = frame(FIN | TEXT, "").repeat(FLOOD);
    case(Server::sending("empty messages", then_close(empty)), Closes(1000), FLOOD, LITTLE);
    let crab =
        [frame(TEXT, [0xf0, 0x9f]), frame(FIN | PING, ""), frame(FIN, [0xa6, 0x80])].concat();
    case(Server::sending("a character over two frames", then_close(crab)), Closes(1000), 1, LITTLE);
    case(
        Server::sending("a close frame without a code", frame(FIN | CLOSE, "")),
        Closes(0),
        0,
        LITTLE,
    );
    case(
        Server::sending("a close frame, and more without end", close(4000, b"bye"))
            .then_repeating(frame(FIN | TEXT, "more")),
        Closes(4000),
        0,
        LITTLE,
    );
    for (name, frames) in [
        ("nothing, then the end", vec![]),
        ("half a head, then the end", vec![FIN | TEXT]),
        ("half a length, then the end", vec![FIN | TEXT, 127, 0, 0]),
        ("half a message, then the end", [&[FIN | TEXT, 100][..], b"half"].concat()),
        ("half of the fragments, then the end", frame(TEXT, "half")),
    ] {
        case(Server::sending(name, frames).ending(), Breaks(ErrorKind::Ended), 0, LITTLE);
    }
    let slow = then_close([frame(TEXT, "by"), frame(FIN, "tes")].concat());
    case(Server::sending("a message byte by byte", slow).in_bytes(), Closes(1000), 1, LITTLE);
    cases
}

pub(crate) fn hostile_frames_are_bounded_and_reported<B: Backend>() {
    let mut wrong = Vec::new();
    for Case { server, outcome, messages, memory } in cases() {
        let name = title::<B>(&server.name);
        let figures = with_time_limit(&name.clone(), move || measured_open::<B>(server));
        println!("{name}: {figures}");
        let expected = (figures.outcome, figures.messages) == (outcome, messages);
        if !expected || figures.memory > memory || figures.cpu > CPU {
            wrong.push(format!("{name}: {figures}, {} messages", figures.messages));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
