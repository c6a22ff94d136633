//! `wsbeat connect --tui` on a terminal.

use crate::{
    program::Program,
    pty::{Setup, Terminal},
    server::{NOBODY, Server},
};

fn tui(url: &str, rows: u16, columns: u16, more: &[&str]) -> Terminal {
    let setup = Setup { rows, columns, ..Setup::default() };
    setup.wsbeat(&[&["connect", url, "--tui"], more].concat())
}

fn shows(rows: &[String], text: &str) -> bool {
    rows.iter().any(|row| row.contains(text))
}

#[test]
fn both_sizes_show_all_parts() {
    let server = Server::echo();
    for (rows, columns) in [(24, 80), (50, 200)] {
        let mut terminal = tui(&server.url(), rows, columns, &["--ping-timeout", "100ms"]);
        let screen = terminal.until(|rows| {
            !shows(rows, "heartbeats 0 of") && shows(rows, "█") && shows(rows, "round trip ")
        });
        assert_eq!(screen.len(), usize::from(rows), "{screen:#?}");
        for part in [
            "● open",
            &format!("127.0.0.1:{}", server.port),
            "counters",
            "the last 5 minutes",
            "messages",
            "q quit",
        ] {
            assert!(shows(&screen, part), "{part}: {screen:#?}");
        }
        terminal.press("q");
        assert_eq!(terminal.end(), 0);
        assert!(terminal.reads_lines(), "the terminal is as before");
    }
}

#[test]
fn typed_messages_are_sent_and_a_filter_selects() {
    let server = Server::echo();
    let mut terminal = tui(&server.url(), 24, 80, &[]);
    terminal.until_row("● open");
    for text in ["apple", "pear"] {
        terminal.press(&format!("i{text}\r"));
        terminal
            .until(|rows| shows(rows, &format!("> {text}")) && shows(rows, &format!("< {text}")));
    }
    terminal.press("/APP\r");
    let screen = terminal.until_row("messages with \"APP\"");
    assert!(shows(&screen, "< apple") && !shows(&screen, "< pear"), "{screen:#?}");
    terminal.press("\u{1b}");
    terminal.until(|rows| shows(rows, "< pear"));
    terminal.press("q");
    assert_eq!(terminal.end(), 0);
    assert_eq!(*server.heard.lock().unwrap(), ["apple", "pear"]);
}

#[test]
fn keys_control_the_session() {
    let server = Server::echo();
    let mut terminal = tui(&server.url(), 50, 200, &[]);
    terminal.until_row("● open");
    terminal.press("p");
    terminal.until_row("heartbeats 1 of 1");
    terminal.press("r");
    terminal.until_row("connections 2 of 2 attempts");
    terminal.press("z");
    terminal.until_row("  paused");
    terminal.press("z");
    // The end of a pause probes.
    terminal.until(|rows| shows(rows, "heartbeats 2 of 2") && !shows(rows, "  paused"));
    terminal.press("-");
    terminal.until_row("the last 15 minutes");
    terminal.press("c");
    terminal.until_row("● closed");
    terminal.press("q");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn an_outage_shows_the_attempts_and_the_last_cause() {
    let mut terminal = tui(NOBODY, 50, 200, &["--reconnect-timeout", "1h"]);
    terminal.until(|rows| {
        ["● waiting", "attempt 1 in ", "lost: 1 connect", "░"].iter().all(|text| shows(rows, text))
    });
    // A key that is typed is a message while there is no connection, and it is kept.
    terminal.press("ikept\r");
    terminal.until_row("queue 1");
    terminal.press("\u{3}");
    terminal.end();
}

#[test]
fn text_of_a_server_cannot_control_the_terminal() {
    let server = Server::new(|_, mut peer, _| {
        let _ = peer.send(async_tungstenite::tungstenite::Message::text("\x1b[2Jgone\n\u{9b}"));
        while peer.read().is_ok() {}
    });
    let mut terminal = tui(&server.url(), 24, 80, &[]);
    terminal.until(|rows| shows(rows, r"\u{1b}[2Jgone\n\u{9b}") && shows(rows, "q quit"));
    terminal.press("q");
    terminal.end();
}

#[test]
fn a_signal_ends_the_program_and_restores_the_terminal() {
    let server = Server::echo();
    let mut terminal = tui(&server.url(), 24, 80, &[]);
    terminal.until_row("● open");
    terminal.signal("-TERM");
    assert_eq!(terminal.end(), 0);
    assert!(terminal.reads_lines(), "the terminal is as before");
    let mut terminal = tui(NOBODY, 24, 80, &["--reconnect-timeout", "1h"]);
    terminal.until_row("● waiting");
    terminal.signal("-TERM");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn keys_work_while_messages_always_arrive() {
    let server =
        Server::new(
            |_, mut peer, _| {
                while peer.send(async_tungstenite::tungstenite::Message::text("x")).is_ok() {}
            },
        );
    let mut terminal = tui(&server.url(), 24, 80, &[]);
    terminal.until_row("< x");
    terminal.press("-");
    terminal.until_row("the last 15 minutes");
    terminal.press("q\u{3}");
    terminal.end();
}

#[test]
fn any_size_of_the_terminal_is_enough() {
    let server = Server::echo();
    for (rows, columns) in [(1, 1), (1, 80), (5, 20), (200, 1), (3, 500)] {
        let mut terminal = tui(&server.url(), rows, columns, &[]);
        terminal.until(|rows| !rows.is_empty());
        terminal.press("i漢字e\u{301}\rq");
        assert_eq!(terminal.end(), 0, "{rows} rows, {columns} columns");
        assert!(terminal.reads_lines(), "{rows} rows, {columns} columns");
    }
}

/// Each of these characters has two columns.
#[test]
fn the_end_of_a_wide_text_is_shown_as_it_is_typed() {
    let server = Server::echo();
    let mut terminal = tui(&server.url(), 24, 80, &[]);
    terminal.until_row("● open");
    terminal.press(&format!("i{}end", "漢".repeat(60)));
    let rows = terminal.until_row("end█");
    assert!(shows(&rows, "> 漢"), "{rows:#?}");
    terminal.press("\r/");
    terminal.press(&format!("{}END", "字".repeat(60)));
    terminal.until_row("END█");
    terminal.press("\rq");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn warnings_are_on_the_screen() {
    let server = Server::echo();
    let url = server.url().replace("ws://", "ws://user:secret@");
    let mut terminal = tui(&url, 24, 80, &[]);
    let screen = terminal.until_row("! the URL contains a password");
    assert!(!shows(&screen, "secret"), "{screen:#?}");
    terminal.press("q");
    terminal.end();
}

#[test]
fn without_a_terminal_it_is_refused() {
    let mut program = Program::start(&["connect", NOBODY, "--tui"]);
    assert_eq!(program.end(), 2);
    let message = "wsbeat: --tui needs a terminal for input and output; leave it out";
    assert_eq!(program.seen_err, [message]);
}
