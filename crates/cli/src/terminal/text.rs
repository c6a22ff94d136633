//! The columns that text takes on a terminal.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};
use websocket_heartbeat_smol::backend::printable;

/// On a narrower terminal, rows are not indented.
const USEFUL: usize = 20;

/// A text in rows of at most `width` columns: the first begins at the column `first`, and the others
/// are indented to `indent`. The last column is not used, since there terminals differ.
pub(crate) fn wrap(text: &str, width: Option<usize>, first: usize, indent: usize) -> String {
    let Some(width) = width else { return text.to_owned() };
    let width = width.saturating_sub(1);
    let indent = if width < indent + USEFUL { 0 } else { indent };
    let rows = rows(text, width.saturating_sub(first), width - indent);
    let rows: Vec<_> = rows.into_iter().map(str::trim_end).collect();
    rows.join(&format!("\n{:indent$}", ""))
}

/// The columns of a text without control characters.
pub(crate) fn columns(text: &str) -> usize {
    text.width()
}

/// The end of a text that has at most `room` columns. Control characters are shown as escapes.
pub(crate) fn tail(text: &str, room: usize) -> String {
    let mut left = room;
    let mut start = text.len();
    for (at, c) in text.char_indices().rev() {
        let Some(rest) = left.checked_sub(columns(&cell(c))) else { break };
        (left, start) = (rest, at);
    }
    printable(&text[start..]).into_owned()
}

/// A character as it is shown: a control character as an escape.
pub(crate) fn cell(c: char) -> String {
    printable(c.encode_utf8(&mut [0; 4])).into_owned()
}

/// Splits a text into rows: the first has at most `first` columns, and each other at most `rest`.
/// A row ends at a space if possible. The spaces at the end of a row stay in it, beyond its
/// columns: the rows together are the text.
pub(crate) fn rows(text: &str, first: usize, rest: usize) -> Vec<&str> {
    let mut rows = Vec::new();
    let mut left = text;
    let mut room = first.max(1);
    while let Some(end) = end(left, room) {
        let (row, after) = left.split_at(end);
        rows.push(row);
        left = after;
        room = rest.max(1);
    }
    if !left.is_empty() || rows.is_empty() {
        rows.push(left);
    }
    rows
}

/// The length in bytes of the first row of `text`. `None` if all of it fits.
fn end(text: &str, room: usize) -> Option<usize> {
    let mut used = 0;
    let mut word = None;
    for (at, c) in text.char_indices() {
        if c == ' ' {
            word = Some(at + 1);
            used += 1;
            continue;
        }
        used += c.width().unwrap_or(0);
        if used > room {
            // At least one character, even if it is wider than the row.
            let whole = if at == 0 { c.len_utf8() } else { at };
            return Some(word.unwrap_or(whole));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_end_at_spaces_and_lose_nothing() {
        let text = "one two  three fourteen";
        assert_eq!(rows(text, 8, 8), ["one two  ", "three ", "fourteen"]);
        assert_eq!(rows(text, 4, 99), ["one ", "two  three fourteen"]);
        assert_eq!(rows(text, 99, 9), [text]);
        assert_eq!(rows("", 3, 3), [""]);
        for width in 1..30 {
            assert_eq!(rows(text, width, width + 2).concat(), text);
        }
    }

    #[test]
    fn wrapped_rows_are_indented_and_fit() {
        let text = "one two three four five six seven eight";
        let wanted = "one two three\n    four five six seven\n    eight";
        assert_eq!(wrap(text, Some(25), 8, 4), wanted);
        assert_eq!(wrap(text, None, 8, 4), text);
        for width in 0..60 {
            let wrapped = wrap(text, Some(width), 0, 4);
            let widest = wrapped.lines().map(columns).max().unwrap();
            assert!(widest < width.max(2), "{wrapped} in {width}");
        }
    }

    #[test]
    fn the_end_of_a_text_is_counted_in_columns() {
        assert_eq!(tail("日本語ab", 5), "語ab");
        assert_eq!(tail("日本語", 3), "語");
        assert_eq!(tail("ab\x1b", 7), r"b\u{1b}");
        assert_eq!(tail("ab", 0), "");
    }

    #[test]
    fn a_long_word_is_split_by_columns() {
        assert_eq!(rows("abcdefgh", 3, 4), ["abc", "defg", "h"]);
        // Each of these has two columns.
        assert_eq!(rows("日本語", 5, 5), ["日本", "語"]);
        assert_eq!(rows("日本", 1, 1), ["日", "本"]);
    }
}
