//! Text from somebody else, made fit to be shown.

use std::borrow::Cow;

/// The text with every character escaped that steers a terminal or changes the order of what is
/// read: control characters (C0, DEL, C1), those of bidirectional text, and the separators of lines
/// and paragraphs. They become what Rust writes in a string, `\u{1b}` or `\n`.
///
/// Words of errors and of `Display` that contain something a server sent have passed through here;
/// messages have not.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(steers) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if steers(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown.into()
}

fn steers(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_is_escaped_and_nothing_else() {
        assert!(matches!(printable("né 例え 🦀 a\u{301} \\"), Cow::Borrowed(_)));
        assert_eq!(printable("a\x1b[2J\r\n\t\x7f\u{9b}b"), r"a\u{1b}[2J\r\n\t\u{7f}\u{9b}b");
        assert_eq!(printable("a\u{202e}b\u{2066}\u{200f}c"), r"a\u{202e}b\u{2066}\u{200f}c");
        let all = (0..=0x9f).chain(0x2028..=0x202e).chain(0x2066..=0x2069);
        for c in all.filter_map(char::from_u32) {
            let shown = printable(c.encode_utf8(&mut [0; 4])).into_owned();
            assert!(!shown.chars().any(steers), "{c:?}");
        }
    }
}
