//! Keys from the bytes that a terminal sends: UTF-8, control characters and the sequences of
//! ECMA-48.

/// One key, by its meaning. The control keys are those of other line editors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    Char(char),
    Enter,
    /// Ctrl-D.
    EndOrDelete,
    Backspace,
    Delete,
    DeleteWord,
    DeleteToStart,
    DeleteToEnd,
    Left,
    Right,
    WordLeft,
    WordRight,
    Start,
    End,
    Older,
    Newer,
    ClearScreen,
}

/// Splits bytes into keys, however they are divided into reads.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    /// The beginning of a key.
    part: Vec<u8>,
}

const ESCAPE: u8 = 0x1b;

/// The maximum length of a sequence. Terminals send shorter ones.
const MAX_SEQUENCE: usize = 32;

impl Keys {
    /// Calls `each` with every key that `bytes` completes.
    pub(crate) fn feed(&mut self, bytes: &[u8], mut each: impl FnMut(Key)) {
        for byte in bytes {
            self.byte(*byte, &mut each);
        }
        // The key Escape alone: the next bytes belong to another key. Terminals write a sequence at
        // once.
        if self.part == [ESCAPE] {
            self.part.clear();
        }
    }

    fn byte(&mut self, byte: u8, each: &mut impl FnMut(Key)) {
        match self.part[..] {
            [] => {}
            [ESCAPE] => return self.after_escape(byte, each),
            [ESCAPE, ..] => return self.sequence(byte, each),
            _ if byte & 0xc0 == 0x80 => return self.character(byte, each),
            // A character without its end.
            _ => {
                self.part.clear();
                each(Key::Char(char::REPLACEMENT_CHARACTER));
            }
        }
        match byte {
            ESCAPE | 0xc2..=0xf4 => self.part.push(byte),
            0x80.. => each(Key::Char(char::REPLACEMENT_CHARACTER)),
            _ => {
                if let Some(key) = ascii(byte) {
                    each(key);
                }
            }
        }
    }

    fn character(&mut self, byte: u8, each: &mut impl FnMut(Key)) {
        self.part.push(byte);
        let length = match self.part[0] {
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            _ => 4,
        };
        if self.part.len() == length {
            let text = String::from_utf8_lossy(&self.part);
            text.chars().for_each(|c| each(Key::Char(c)));
            self.part.clear();
        }
    }

    fn after_escape(&mut self, byte: u8, each: &mut impl FnMut(Key)) {
        let key = match byte {
            b'[' | b'O' => return self.part.push(byte),
            b'b' => Some(Key::WordLeft),
            b'f' => Some(Key::WordRight),
            0x08 | 0x7f => Some(Key::DeleteWord),
            _ => None,
        };
        self.part.clear();
        if let Some(key) = key {
            each(key);
        }
    }

    fn sequence(&mut self, byte: u8, each: &mut impl FnMut(Key)) {
        self.part.push(byte);
        // Parameters and intermediate bytes, then one final byte.
        let ends = !(0x20..=0x3f).contains(&byte) || self.part[1] == b'O';
        if ends {
            if let Some(key) = named(&self.part[2..]) {
                each(key);
            }
            self.part.clear();
        } else if self.part.len() > MAX_SEQUENCE {
            self.part.clear();
        }
    }
}

fn ascii(byte: u8) -> Option<Key> {
    const fn ctrl(letter: u8) -> u8 {
        letter & 0x1f
    }
    const A: u8 = ctrl(b'a');
    const B: u8 = ctrl(b'b');
    const D: u8 = ctrl(b'd');
    const E: u8 = ctrl(b'e');
    const F: u8 = ctrl(b'f');
    const H: u8 = ctrl(b'h');
    const K: u8 = ctrl(b'k');
    const L: u8 = ctrl(b'l');
    const N: u8 = ctrl(b'n');
    const P: u8 = ctrl(b'p');
    const U: u8 = ctrl(b'u');
    const W: u8 = ctrl(b'w');
    Some(match byte {
        b'\r' | b'\n' => Key::Enter,
        b'\t' | b' '..=b'~' => Key::Char(byte.into()),
        H | 0x7f => Key::Backspace,
        A => Key::Start,
        B => Key::Left,
        D => Key::EndOrDelete,
        E => Key::End,
        F => Key::Right,
        K => Key::DeleteToEnd,
        L => Key::ClearScreen,
        N => Key::Newer,
        P => Key::Older,
        U => Key::DeleteToStart,
        W => Key::DeleteWord,
        _ => return None,
    })
}

/// The key of a sequence, after `ESC [` or `ESC O`. A parameter of 3 or 5 is Alt or Ctrl.
fn named(sequence: &[u8]) -> Option<Key> {
    Some(match sequence {
        b"A" => Key::Older,
        b"B" => Key::Newer,
        b"C" => Key::Right,
        b"D" => Key::Left,
        b"1;3C" | b"1;5C" => Key::WordRight,
        b"1;3D" | b"1;5D" => Key::WordLeft,
        b"H" | b"1~" | b"7~" => Key::Start,
        b"F" | b"4~" | b"8~" => Key::End,
        b"3~" => Key::Delete,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(chunks: &[&[u8]]) -> Vec<Key> {
        let mut keys = Keys::default();
        let mut found = Vec::new();
        chunks.iter().for_each(|chunk| keys.feed(chunk, |key| found.push(key)));
        found
    }

    #[test]
    fn sequences_and_characters_may_be_divided() {
        let bytes = "a\u{e9}\u{1f600}\x1b[A\x1b[1;5D\x1bOH\r".as_bytes();
        let wanted = [
            Key::Char('a'),
            Key::Char('é'),
            Key::Char('😀'),
            Key::Older,
            Key::WordLeft,
            Key::Start,
            Key::Enter,
        ];
        assert_eq!(keys(&[bytes]), wanted);
        for at in 0..bytes.len() {
            // A lone Escape at the end of a read is the key Escape.
            if bytes[..at].last() != Some(&ESCAPE) {
                assert_eq!(keys(&[&bytes[..at], &bytes[at..]]), wanted, "{at}");
            }
        }
    }

    #[test]
    fn escape_alone_does_not_swallow_the_next_key() {
        assert_eq!(keys(&[b"\x1b", b"b"]), [Key::Char('b')]);
        assert_eq!(keys(&[b"\x1bb"]), [Key::WordLeft]);
    }

    #[test]
    fn unknown_keys_are_ignored() {
        assert_eq!(keys(&[b"\x1b[15~\x1b[?1;2c\x1b[200~\x00\x1bx\x07"]), []);
        let endless = [b"\x1b[".as_slice(), &[b'1'; 200]].concat();
        assert!(keys(&[&endless, b"\nx"]).ends_with(&[Key::Char('x')]));
    }

    #[test]
    fn bytes_that_are_not_utf8_are_replaced() {
        let bad = Key::Char(char::REPLACEMENT_CHARACTER);
        assert_eq!(keys(&[b"\xff\xc3x\x80"]), [bad, bad, Key::Char('x'), bad]);
    }
}
