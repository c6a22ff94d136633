//! Text of a server without the parts of the request that it repeats: [`without_echo`].

/// An equal run of this many bytes is hardly a coincidence.
const RUN: usize = 8;

/// A shorter secret is only recognized as a whole word, and only if it has at least this many bytes.
const WORD: usize = 4;

/// Returns the text with `..` in place of every part of `secrets` that it repeats: runs of 8 bytes or
/// more, and whole words of 4 bytes or more. At the end of the text, where a run may be cut off, 4
/// bytes are enough. Upper and lower case of ASCII are the same, as in a host.
///
/// Servers repeat parts of the request in their errors: "Cannot GET /feed/token". The path, the
/// query, header values and subprotocols can be secrets. So this crate applies this function to all
/// text of a server before it becomes part of an error message. Transports should do the same.
///
/// # Examples
///
/// ```
/// let secrets: [&[u8]; 1] = [b"/feed/4d1c0ffee"];
/// let shown = websocket_heartbeat::backend::without_echo(b"Cannot GET /feed/4d1c0ffee", &secrets);
/// assert_eq!(shown, b"Cannot GET ..");
/// ```
pub fn without_echo(text: &[u8], secrets: &[&[u8]]) -> Vec<u8> {
    let mut shown = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let begins_word = at == 0 || !is_word(text[at - 1]);
        let hidden = secrets.iter().map(|secret| echo(&text[at..], secret, begins_word)).max();
        match hidden {
            Some(count @ 1..) => {
                shown.extend_from_slice(b"..");
                at += count;
            }
            _ => {
                shown.push(text[at]);
                at += 1;
            }
        }
    }
    shown
}

/// Returns how many bytes at the beginning of `text` repeat a part of `secret`.
fn echo(text: &[u8], secret: &[u8], begins_word: bool) -> usize {
    let same = |(a, b): &(&u8, &u8)| a.eq_ignore_ascii_case(b);
    let common = |from: usize| text.iter().zip(&secret[from..]).take_while(same).count();
    if text[0].is_ascii_whitespace() {
        return 0;
    }
    let run = (0..secret.len()).map(common).max().unwrap_or(0);
    let run = text[..run].trim_ascii_end().len();
    if run >= RUN || (run >= WORD && run == text.len()) {
        return run;
    }
    let word = text.iter().take_while(|&&b| is_word(b)).count();
    let is_secret = begins_word
        && word >= WORD
        && secret.split(|&b| !is_word(b)).any(|piece| piece.eq_ignore_ascii_case(&text[..word]));
    if is_secret { word } else { 0 }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80 || matches!(byte, b'_' | b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, secrets: &[&str]) -> String {
        let secrets: Vec<_> = secrets.iter().map(|secret| secret.as_bytes()).collect();
        String::from_utf8(without_echo(text.as_bytes(), &secrets)).unwrap()
    }

    #[test]
    fn repeated_parts_are_hidden_and_nothing_else() {
        let target = "/feed/abcdef123456?pin=4711&t=x";
        for (text, wanted) in [
            ("", ""),
            ("not found", "not found"),
            ("Cannot GET /feed/abcdef123456?pin=4711&t=x.", "Cannot GET ..."),
            ("token abcdef123456 is wrong", "token .. is wrong"),
            ("bad abcdef1234", "bad .."),
            ("<b>/feed/abcdef123456?pin=4711&amp;t=x</b>", "<b>..amp;t=x</b>"),
            ("wrong pin: 4711", "wrong pin: .."),
            ("wrong pin: 47110", "wrong pin: 47110"),
            ("no feeds", "no feeds"),
            ("no feed, no", "no .., no"),
            ("né abcdef123456 né", "né .. né"),
            // The end of the text cuts off the secret.
            ("bad abcde", "bad .."),
            ("bad abc", "bad abc"),
            ("ABCDEF123456 is wrong", ".. is wrong"),
        ] {
            assert_eq!(shown(text, &[target]), wanted, "{text}");
        }
        assert_eq!(shown("a Bearer hush9", &["x", "Bearer hush9"]), "a ..");
        assert_eq!(shown("hush9 expired", &["x", "Bearer hush9"]), ".. expired");
        assert_eq!(shown("as it is", &[]), "as it is");
    }
}
