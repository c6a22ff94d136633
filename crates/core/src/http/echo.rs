//! [`without_echo`]: what a server says, without what it repeats of the request.

/// So many bytes in a row are no chance.
const RUN: usize = 8;

/// A shorter secret is found as a whole word, if it has so many bytes.
const WORD: usize = 4;

/// The text with `..` in place of everything that it repeats of `secrets`: 8 bytes or more in a row,
/// and whole words of 4 bytes or more.
///
/// Servers name in their errors what they were asked for: "Cannot GET /feed/token". Path, query,
/// header values and subprotocols can be secrets, so words of errors that contain something a server
/// sent have passed through here.
///
/// What the end of the text cuts off counts from 4 bytes on.
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

/// How many bytes at the beginning of `text` repeat something of `secret`; 0 for nothing.
fn echo(text: &[u8], secret: &[u8], begins_word: bool) -> usize {
    let common = |from: usize| text.iter().zip(&secret[from..]).take_while(|(a, b)| a == b).count();
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
        && secret.split(|&b| !is_word(b)).any(|piece| *piece == text[..word]);
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
    fn what_is_repeated_is_hidden_and_nothing_else() {
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
            // The end cuts it off.
            ("bad abcde", "bad .."),
            ("bad abc", "bad abc"),
        ] {
            assert_eq!(shown(text, &[target]), wanted, "{text}");
        }
        assert_eq!(shown("a Bearer hush9", &["x", "Bearer hush9"]), "a ..");
        assert_eq!(shown("hush9 expired", &["x", "Bearer hush9"]), ".. expired");
        assert_eq!(shown("as it is", &[]), "as it is");
    }
}
