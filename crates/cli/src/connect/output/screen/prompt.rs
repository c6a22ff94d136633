//! The line that the user is typing, as one row of the terminal.

use crate::terminal::{cell, columns, tail};

/// The text before each typed line.
pub(crate) const MARK: &str = "> ";

/// A line that is being typed: the text before the cursor, and the text from there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Prompt {
    pub(crate) before: String,
    pub(crate) after: String,
}

impl Prompt {
    /// The row of at most `width` columns, and the column of the cursor. Of a longer line it shows
    /// the part with the cursor.
    pub(crate) fn row(&self, width: usize) -> (String, usize) {
        let room = width.saturating_sub(columns(MARK));
        // One column is left for the cursor behind the last character.
        let mut row = String::from(MARK);
        row.push_str(&tail(&self.before, room.saturating_sub(1)));
        let cursor = columns(&row);
        let mut left = width.saturating_sub(cursor);
        for cell in self.after.chars().map(cell) {
            let Some(rest) = left.checked_sub(columns(&cell)) else { break };
            left = rest;
            row.push_str(&cell);
        }
        match width > cursor {
            true => (row, cursor),
            // The terminal is too narrow for a line.
            false => (String::new(), 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(before: &str, after: &str, width: usize) -> (String, usize) {
        Prompt { before: before.into(), after: after.into() }.row(width)
    }

    #[test]
    fn a_long_line_shows_the_part_with_the_cursor() {
        assert_eq!(row("hello", "", 20), ("> hello".into(), 7));
        assert_eq!(row("hel", "lo", 20), ("> hello".into(), 5));
        assert_eq!(row("0123456789", "", 8), ("> 56789".into(), 7));
        assert_eq!(row("0123456789", "abc", 8), ("> 56789a".into(), 7));
        assert_eq!(row("01", "23456789", 8), ("> 012345".into(), 4));
    }

    #[test]
    fn columns_count_not_characters() {
        assert_eq!(row("日本語", "", 7), ("> 本語".into(), 6));
        assert_eq!(row("a\tb\x1b", "", 20), (r"> a\tb\u{1b}".into(), 12));
        assert_eq!(row("e\u{301}", "", 20), ("> e\u{301}".into(), 3));
    }

    #[test]
    fn a_row_is_never_wider_than_the_terminal() {
        for width in 0..12 {
            for before in ["", "ab", "日本語日本語", "\t\t\t\t"] {
                let (row, cursor) = row(before, "日本\tlanguage", width);
                assert!(columns(&row) <= width && cursor <= width, "{row:?} in {width}");
            }
        }
    }
}
