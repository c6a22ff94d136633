//! The line that is being typed, and the lines before it.

use std::collections::VecDeque;

use unicode_width::UnicodeWidthChar;

use super::keys::Key;

/// The maximum number of remembered lines, which bounds the memory. They are not stored on disk.
const HISTORY: usize = 500;

#[derive(Debug)]
pub(crate) struct Editor {
    line: String,
    /// A position in `line`, in bytes.
    cursor: usize,
    /// The maximum length of a line to send, in bytes.
    limit: usize,
    /// The newest is at the back.
    history: VecDeque<String>,
    /// The position in the history of the line that is shown, and the line that was typed before.
    recalled: Option<(usize, String)>,
}

/// The action of the program after a key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Edit {
    /// Show the line.
    Show,
    /// Take this complete line.
    Line(String),
    /// End the input.
    End,
    ClearScreen,
}

impl Editor {
    /// A line that is longer than `limit` bytes takes no more characters, since an endless one must
    /// not fill the memory. It is not cut to the limit: the caller can see that it is too long.
    pub(crate) fn new(limit: usize) -> Self {
        let line = String::new();
        Self { line, cursor: 0, limit, history: VecDeque::new(), recalled: None }
    }

    /// The text before the cursor, and the text from there.
    pub(crate) fn parts(&self) -> (&str, &str) {
        self.line.split_at(self.cursor)
    }

    pub(crate) fn key(&mut self, key: Key) -> Edit {
        match key {
            Key::Char(c) => self.insert(c),
            Key::Enter => return Edit::Line(self.take()),
            Key::EndOrDelete if self.line.is_empty() => return Edit::End,
            Key::EndOrDelete | Key::Delete => self.delete_to(self.right()),
            Key::Backspace => self.delete_to(self.left()),
            Key::DeleteWord => self.delete_to(self.word_left()),
            Key::DeleteToStart => self.delete_to(0),
            Key::DeleteToEnd => self.delete_to(self.line.len()),
            Key::Left => self.cursor = self.left(),
            Key::Right => self.cursor = self.right(),
            Key::WordLeft => self.cursor = self.word_left(),
            Key::WordRight => self.cursor = self.word_right(),
            Key::Start => self.cursor = 0,
            Key::End => self.cursor = self.line.len(),
            Key::Older => self.recall_older(),
            Key::Newer => self.recall_newer(),
            Key::ClearScreen => return Edit::ClearScreen,
        }
        Edit::Show
    }

    fn insert(&mut self, c: char) {
        if self.line.len() <= self.limit {
            self.line.insert(self.cursor, c);
            self.cursor += c.len_utf8();
        }
    }

    fn take(&mut self) -> String {
        let line = std::mem::take(&mut self.line);
        (self.cursor, self.recalled) = (0, None);
        if !line.is_empty() && self.history.back() != Some(&line) {
            if self.history.len() == HISTORY {
                self.history.pop_front();
            }
            self.history.push_back(line.clone());
        }
        line
    }

    fn delete_to(&mut self, other: usize) {
        let (from, to) = (self.cursor.min(other), self.cursor.max(other));
        self.line.drain(from..to);
        self.cursor = from;
    }

    /// A character is one with its combining characters, which have no column of their own.
    fn left(&self) -> usize {
        let before = self.line[..self.cursor].char_indices();
        before.rev().find(|(_, c)| c.width() != Some(0)).map_or(0, |(at, _)| at)
    }

    fn right(&self) -> usize {
        let mut after = self.line[self.cursor..].char_indices().skip(1);
        let next = after.find(|(_, c)| c.width() != Some(0));
        next.map_or(self.line.len(), |(at, _)| self.cursor + at)
    }

    /// The start of the word at the left. Words are separated by spaces.
    fn word_left(&self) -> usize {
        let words = self.line[..self.cursor].trim_end();
        words.rfind(char::is_whitespace).map_or(0, |at| {
            let space = words[at..].chars().next().map_or(0, char::len_utf8);
            at + space
        })
    }

    /// The end of the word at the right.
    fn word_right(&self) -> usize {
        let after = &self.line[self.cursor..];
        let word = after.len() - after.trim_start().len();
        after[word..]
            .find(char::is_whitespace)
            .map_or(self.line.len(), |at| self.cursor + word + at)
    }

    fn recall_older(&mut self) {
        let place = self.recalled.as_ref().map_or(self.history.len(), |(place, _)| *place);
        let Some(older) = place.checked_sub(1) else { return };
        let typed = match self.recalled.take() {
            Some((_, typed)) => typed,
            None => self.line.clone(),
        };
        self.recalled = Some((older, typed));
        self.show(self.history[older].clone());
    }

    fn recall_newer(&mut self) {
        let Some((place, typed)) = self.recalled.take() else { return };
        match self.history.get(place + 1).cloned() {
            Some(newer) => {
                self.recalled = Some((place + 1, typed));
                self.show(newer);
            }
            None => self.show(typed),
        }
    }

    fn show(&mut self, line: String) {
        self.cursor = line.len();
        self.line = line;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The line after these keys, with `|` at the cursor.
    fn line(editor: &mut Editor, keys: &[Key]) -> String {
        keys.iter().for_each(|key| assert_eq!(editor.key(*key), Edit::Show));
        let (before, after) = editor.parts();
        format!("{before}|{after}")
    }

    fn typed(text: &str) -> Editor {
        let mut editor = Editor::new(1_000);
        text.chars().for_each(|c| drop(editor.key(Key::Char(c))));
        editor
    }

    #[test]
    fn keys_move_and_delete() {
        for (keys, wanted) in [
            (&[Key::Left, Key::Left, Key::Right][..], "one two thre|e"),
            (&[Key::WordLeft, Key::WordLeft], "one |two three"),
            (&[Key::Start, Key::WordRight, Key::WordRight], "one two| three"),
            (&[Key::Backspace], "one two thre|"),
            (&[Key::WordLeft, Key::DeleteWord], "one |three"),
            (&[Key::WordLeft, Key::DeleteToEnd], "one two |"),
            (&[Key::WordLeft, Key::DeleteToStart], "|three"),
            (&[Key::Start, Key::Delete, Key::EndOrDelete], "|e two three"),
            (&[Key::Start, Key::Backspace, Key::Left, Key::DeleteWord], "|one two three"),
            (&[Key::Delete, Key::Right, Key::WordRight, Key::End], "one two three|"),
        ] {
            assert_eq!(line(&mut typed("one two three"), keys), wanted, "{keys:?}");
        }
    }

    #[test]
    fn a_character_is_deleted_with_its_combining_characters() {
        assert_eq!(line(&mut typed("ae\u{301}"), &[Key::Backspace]), "a|");
        assert_eq!(line(&mut typed("e\u{301}b"), &[Key::Start, Key::Delete]), "|b");
        assert_eq!(line(&mut typed("日本"), &[Key::Left, Key::Backspace]), "|本");
    }

    #[test]
    fn the_history_keeps_the_line_that_was_being_typed() {
        let mut editor = Editor::new(1_000);
        for text in ["first", "second", "second", ""] {
            text.chars().for_each(|c| drop(editor.key(Key::Char(c))));
            assert_eq!(editor.key(Key::Enter), Edit::Line(text.to_owned()));
        }
        "half".chars().for_each(|c| drop(editor.key(Key::Char(c))));
        assert_eq!(line(&mut editor, &[Key::Older]), "second|");
        assert_eq!(line(&mut editor, &[Key::Older, Key::Older, Key::Older]), "first|");
        assert_eq!(line(&mut editor, &[Key::Newer]), "second|");
        assert_eq!(line(&mut editor, &[Key::Newer, Key::Newer]), "half|");
    }

    #[test]
    fn the_end_of_input_needs_an_empty_line() {
        assert_eq!(typed("").key(Key::EndOrDelete), Edit::End);
        assert_eq!(typed("x").key(Key::EndOrDelete), Edit::Show);
    }

    #[test]
    fn lines_and_the_history_are_bounded() {
        let mut editor = Editor::new(4);
        let keys = ['a', 'b', 'c', 'd', 'é', 'f', 'g'].map(Key::Char);
        assert_eq!(line(&mut editor, &keys), "abcdé|");
        for number in 0..=HISTORY {
            number.to_string().chars().for_each(|c| drop(editor.key(Key::Char(c))));
            editor.key(Key::Enter);
        }
        assert_eq!(editor.history.len(), HISTORY);
    }
}
