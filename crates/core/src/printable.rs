//! Text of a peer, made safe to print: [`printable`].

use std::borrow::Cow;

/// Returns the text with every character escaped that can control a terminal or change the order in
/// which text is displayed: control characters (C0, DEL, C1), controls of bidirectional text, and the
/// separators of lines and paragraphs. The escapes are those of Rust, for example `\u{1b}` or `\n`.
///
/// This crate applies it to all text of a server that `Display` and error messages contain. The
/// payloads of messages are never changed.
///
/// # Examples
///
/// ```
/// assert_eq!(websocket_heartbeat::backend::printable("\x1b[2Jgone"), r"\u{1b}[2Jgone");
/// ```
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_control) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_control(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown.into()
}

fn is_control(c: char) -> bool {
    char::is_control(c)
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped_and_nothing_else() {
        assert!(matches!(printable("né 例え 🦀 a\u{301} \\"), Cow::Borrowed(_)));
        assert_eq!(printable("a\x1b[2J\r\n\t\x7f\u{9b}b"), r"a\u{1b}[2J\r\n\t\u{7f}\u{9b}b");
        assert_eq!(printable("a\u{202e}b\u{2066}\u{200f}c"), r"a\u{202e}b\u{2066}\u{200f}c");
        let all = (0..=0x9f).chain(0x2028..=0x202e).chain(0x2066..=0x2069);
        for c in all.filter_map(char::from_u32) {
            let shown = printable(c.encode_utf8(&mut [0; 4])).into_owned();
            assert!(!shown.chars().any(is_control), "{c:?}");
        }
    }
}
