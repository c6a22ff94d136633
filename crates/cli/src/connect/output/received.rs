//! A received text on a terminal: [`rows`].

use std::fmt::Write;

use websocket_heartbeat_smol::backend::printable;

use crate::utc::Utc;

/// The text after `< `, with the time before that if there is one. The further lines of the text,
/// and the parts of a line that is wider than the terminal, are indented: so a server cannot make
/// a row that looks like another message. Control characters are shown as escapes.
pub(super) fn rows(text: &str, time: Option<Utc>, width: usize) -> String {
    let mut rows = time.map_or_else(String::new, |time| format!("{time} "));
    rows.push_str("< ");
    let indent = rows.len();
    let room = width.saturating_sub(indent).max(MINIMUM_ROOM);
    for (number, line) in text.split('\n').enumerate() {
        let line = printable(line.strip_suffix('\r').unwrap_or(line));
        for (part_number, part) in parts(&line, room).enumerate() {
            if number + part_number > 0 {
                let _ = write!(rows, "\n{:indent$}", "");
            }
            rows.push_str(part);
        }
    }
    rows
}

/// The minimum number of columns for a text. On a terminal that is too narrow for the time, rows
/// are wider than the terminal.
const MINIMUM_ROOM: usize = 8;

/// The parts of at most `room` columns, at least one.
fn parts(line: &str, room: usize) -> impl Iterator<Item = &str> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let line = rest?;
        let mut columns = 0;
        let end = line.char_indices().find(|(_, c)| {
            columns += columns_of(*c);
            columns > room
        });
        let (part, after) = line.split_at(end.map_or(line.len(), |(at, _)| at));
        rest = (!after.is_empty()).then_some(after);
        Some(part)
    })
}

/// An upper bound, unlike [`terminal::columns`](crate::terminal::columns): terminals differ in the
/// columns of symbols, and a row that is wider than the terminal could look like another message. The
/// scripts and symbols that take two columns begin at U+1100.
fn columns_of(c: char) -> usize {
    if c < '\u{1100}' { 1 } else { 2 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_shown_with_its_direction_and_time() {
        assert_eq!(rows("hello", None, 80), "< hello");
        assert_eq!(rows("", None, 80), "< ");
        let time = Utc::from_millis(0);
        assert_eq!(rows("hello", Some(time), 80), "1970-01-01T00:00:00.000Z < hello");
    }

    #[test]
    fn further_lines_are_indented() {
        assert_eq!(rows("{\r\n  \"a\": 1\n}", None, 80), "< {\n    \"a\": 1\n  }");
        let time = Some(Utc::from_millis(0));
        let indented = format!("1970-01-01T00:00:00.000Z < a\n{:27}b", "");
        assert_eq!(rows("a\nb", time, 80), indented);
    }

    #[test]
    fn a_long_line_is_wrapped_at_the_width() {
        assert_eq!(rows("abcdefghijklmn", None, 12), "< abcdefghij\n  klmn");
        assert_eq!(rows("abcdefghij", None, 12), "< abcdefghij");
        assert_eq!(rows("日本語日本語", None, 12), "< 日本語日本\n  語");
        // The terminal is too narrow for any text.
        assert_eq!(rows("abcdefghij", None, 3), "< abcdefgh\n  ij");
    }

    #[test]
    fn controls_are_escaped_and_cannot_forge_a_row() {
        let shown = rows("a\u{1b}[2J\r\u{9b}\n< b", None, 80);
        assert_eq!(shown, "< a\\u{1b}[2J\\r\\u{9b}\n  < b");
        let forged = format!("{:78}< forged", "");
        assert!(rows(&forged, None, 80).lines().skip(1).all(|row| row.starts_with("  ")));
    }
}
