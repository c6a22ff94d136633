//! The last row of a terminal, and the width of the rows above it.

use crate::{
    pty::{Setup, Terminal, above_footer},
    server::{NOBODY, Server},
};

fn last(rows: &[String]) -> &str {
    rows.last().map_or("", String::as_str)
}

#[test]
fn an_open_connection_shows_its_silence_round_trip_and_queue() {
    let server = Server::echo();
    let mut terminal = Terminal::wsbeat(&["connect", &server.url(), "--ping-timeout", "100ms"]);
    terminal.until(|rows| {
        let parts: Vec<_> = last(rows).split(" · ").collect();
        let [state, silence, trip, queue] = parts[..] else { return false };
        state.starts_with("open ")
            && silence.starts_with("silent ")
            && trip.starts_with("round trip ")
            && trip.ends_with(" ms")
            && queue == "queue 0 lines, 0 bytes"
    });
    terminal.signal("-TERM");
    assert_eq!(terminal.end(), 0);
    let rows = terminal.all_rows();
    assert!(!rows.iter().any(|row| row.contains("queue")), "it disappears: {rows:#?}");
}

#[test]
fn the_time_until_the_next_attempt_is_counted_down() {
    let mut terminal = Terminal::wsbeat(&["connect", NOBODY, "--reconnect-timeout", "1h"]);
    let countdown = |rows: &[String]| {
        let (_, rest) = last(rows).split_once("attempt 1 in ")?;
        rest.split(' ').next().map(str::to_owned)
    };
    let first = countdown(&terminal.until(|rows| countdown(rows).is_some()));
    // The events are over: only time changes it.
    terminal.until(|rows| countdown(rows).is_some() && countdown(rows) != first);
    terminal.press("line\r");
    terminal.until(|rows| last(rows).ends_with("queue 1 line, 4 bytes"));
}

#[test]
fn the_footer_is_shown_only_on_request_and_on_a_terminal() {
    let server = Server::echo();
    let mut terminal = Terminal::wsbeat(&["connect", &server.url(), "--no-footer"]);
    terminal.until_prompt();
    terminal.press("one\r");
    terminal.until(|rows| rows.iter().any(|row| row == "< one"));
    terminal.signal("-INT");
    terminal.end();
    let text = String::from_utf8_lossy(&terminal.bytes);
    assert!(!text.contains("queue"), "{text}");
}

#[test]
fn the_area_follows_the_width_of_the_terminal() {
    let server = Server::echo();
    let mut terminal = Terminal::wsbeat(&["connect", &server.url(), "--ping-timeout", "1h"]);
    terminal.until_prompt();
    terminal.until(|rows| last(rows).starts_with("open") && last(rows).contains("queue"));
    terminal.resize(30);
    terminal.until(|rows| last(rows).starts_with("open") && last(rows).chars().count() < 30);
    terminal.press(&"x".repeat(50));
    let line = format!("> {}", "x".repeat(26));
    terminal.until(|rows| above_footer(rows) == line);
    terminal.resize(100);
    let line = format!("> {}", "x".repeat(50));
    terminal.until(|rows| above_footer(rows) == line && last(rows).contains("queue"));
}

#[test]
fn long_rows_are_wrapped_with_an_indent() {
    let server = Server::echo();
    for (columns, wrapped) in [(80, true), (200, false)] {
        let setup = Setup { columns, ..Setup::default() };
        let mut terminal = setup.wsbeat(&["connect", &server.url(), "--no-footer"]);
        terminal.until_prompt();
        terminal.press("\x04");
        let rows = terminal.until_row("closes");
        // The hint has 56 columns, and begins in the column 26.
        let below = rows.iter().any(|row| *row == format!("{:26}closes", ""));
        assert_eq!(below, wrapped, "{rows:#?}");
    }
}
