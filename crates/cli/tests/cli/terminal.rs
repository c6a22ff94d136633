//! Text of a server cannot control the terminal.

use std::{
    fs::{File, OpenOptions},
    io::Read,
    process::{Command, Stdio},
    thread,
};

use async_tungstenite::tungstenite::{
    Message,
    handshake::server::{Request, Response},
    protocol::{CloseFrame, frame::coding::CloseCode},
};
use rustix::{
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

use crate::{
    program::Program,
    server::{NOBODY, Server},
};

const EVIL: &str = "\x1b]0;owned\x07\x1b[2J\u{9b}2J\u{7f}\r\u{202e}\nforged";
/// The message: its second line is indented.
const SHOWN_MESSAGE: &str =
    "< \\u{1b}]0;owned\\u{7}\\u{1b}[2J\\u{9b}2J\\u{7f}\\r\\u{202e}\r\n  forged\r\n";
const SHOWN: &str = r"\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}2J\u{7f}\r\u{202e}\nforged";

/// A server that sends control characters in a message and in a close frame. The client must offer
/// a subprotocol.
fn hostile() -> Server {
    Server::tcp(|_, stream| {
        #[allow(clippy::result_large_err, reason = "tungstenite's signature")]
        let choose = |_: &Request, mut response: Response| {
            response.headers_mut().insert("sec-websocket-protocol", "v1".parse().unwrap());
            Ok(response)
        };
        let Ok(mut peer) = async_tungstenite::tungstenite::accept_hdr(stream, choose) else {
            return;
        };
        let _ = peer.send(Message::text(EVIL));
        let reason = EVIL.into();
        let _ = peer.close(Some(CloseFrame { code: CloseCode::from(4000), reason }));
        while peer.read().is_ok() {}
    })
}

/// Runs the program on a terminal, without input, and returns both outputs.
fn on_a_terminal(args: &[&str]) -> String {
    // Wide enough for each text in one row.
    on_a_wide_terminal(500, args)
}

fn on_a_wide_terminal(columns: u16, args: &[&str]) -> String {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&terminal, size).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
    let open = || Stdio::from(OpenOptions::new().read(true).write(true).open(&name).unwrap());
    let mut command = Command::new(env!("CARGO_BIN_EXE_wsbeat"));
    command.args(args).arg("--no-footer").env("NO_COLOR", "1");
    let mut child = command.stdin(Stdio::null()).stdout(open()).stderr(open()).spawn().unwrap();
    drop(command);
    let reader = thread::spawn(move || {
        let (mut seen, mut buffer) = (Vec::new(), [0; 4096]);
        let mut terminal = File::from(terminal);
        // The read fails when the program has closed the other side.
        while let Ok(count @ 1..) = terminal.read(&mut buffer) {
            seen.extend_from_slice(&buffer[..count]);
        }
        seen
    });
    child.wait().unwrap();
    String::from_utf8(reader.join().unwrap()).unwrap()
}

fn has_controls(text: &str) -> bool {
    let lines = text.replace("\r\n", "");
    lines.chars().any(|c| c.is_control() || c == '\u{202e}')
}

#[test]
fn a_terminal_shows_control_characters_as_escapes() {
    let url = hostile().url();
    let seen = on_a_terminal(&["connect", &url, "--subprotocol", "v1", "--repeat-limit", "0"]);
    assert!(!has_controls(&seen), "{seen:?}");
    assert!(seen.contains(SHOWN_MESSAGE), "{seen:?}");
    // The close reason at the loss and in the reason of the exit code.
    assert_eq!(seen.matches(SHOWN).count(), 2, "{seen}");
    assert!(!seen.lines().any(|line| line.starts_with("forged")), "{seen}");
    let json =
        on_a_terminal(&["connect", &url, "--subprotocol", "v1", "--repeat-limit", "0", "--json"]);
    assert!(!has_controls(&json) && json.contains("u009b2J"), "{json:?}");
}

#[test]
fn a_long_message_is_wrapped_at_the_width_of_the_terminal() {
    let server = Server::new(|_, mut peer, _| {
        let _ = peer.send(Message::text("abcdefghij".repeat(8)));
        let _ = peer.close(None);
        while peer.read().is_ok() {}
    });
    for (columns, rows) in [(82, 1), (42, 2), (22, 4)] {
        let seen = on_a_wide_terminal(columns, &["connect", &server.url(), "--repeat-limit", "0"]);
        let full = "abcdefghij".repeat(usize::from(columns - 2) / 10);
        let wrapped = vec![full; rows].join("\r\n  ");
        assert!(seen.contains(&format!("< {wrapped}\r\n")), "{seen:?}");
    }
}

#[test]
fn bytes_that_control_a_terminal_are_refused_there() {
    for format in ["raw", "nul", "length"] {
        let seen = on_a_terminal(&["connect", NOBODY, "--out", format, "--repeat-limit", "0"]);
        assert!(seen.contains("or use --out base64"), "{seen}");
    }
}

#[test]
fn control_characters_in_a_refusal_are_shown_as_escapes() {
    let refusals = [
        "HTTP/1.1 403 No\r\n\r\n\x1b[2J\u{9b}\u{202e}gone",
        "HTTP/1.1 302 No\r\nLocation: /\u{9b}2J\u{202e}\r\n\r\n",
        "\x1b[2J\u{9b}",
        "HTTP/1.1 \x1b[2J\u{9b}\r\n\r\n",
    ];
    for refusal in refusals {
        let server = Server::refusing(refusal);
        let seen = on_a_terminal(&["connect", &server.url(), "--repeat-limit", "0"]);
        assert!(!has_controls(&seen), "{seen:?}");
        assert!(seen.contains("2J"), "{seen}");
    }
}

#[test]
fn a_pipe_gets_messages_without_changes() {
    let mut program = Program::start(&[
        "connect",
        &hostile().url(),
        "--subprotocol",
        "v1",
        "--repeat-limit",
        "0",
    ]);
    program.end();
    let seen = program.seen.join("\n");
    assert_eq!(seen, EVIL);
}
