//! The planted secrets, and the search for them.

use std::collections::BTreeSet;

use data_encoding::{BASE64, HEXLOWER};

/// A secret: the kind, and the text. The part after `/` or `.` is changed by no encoding of URLs.
pub(crate) type Secret = (&'static str, &'static str);

pub(crate) const USER: Secret = ("user", "u5b0e71c94a2d");
pub(crate) const PASSWORD: Secret = ("password", "p/8c3f60d9e7b1");
pub(crate) const PATH: Secret = ("path", "t/71c0d54e9ab2");
pub(crate) const QUERY: Secret = ("query", "a/8de1f70a44c3");
pub(crate) const HEADER: Secret = ("header", "h/5b2a97f0c61e");
pub(crate) const COOKIE: Secret = ("cookie", "c/0d3e8812b7fa");
pub(crate) const SUBPROTOCOL: Secret = ("subprotocol", "s.19af7c3b5d02");
pub(crate) const PROXY_USER: Secret = ("user of a proxy", "v63a8e0d17c4b");
pub(crate) const PROXY_PASSWORD: Secret = ("password of a proxy", "w/f2907c5be18d");
pub(crate) const PAYLOAD: Secret = ("payload", "m/e4097b1cd35f");
pub(crate) const REASON: Secret = ("close reason", "r/c81f6e20ab94");

/// The secrets of a request.
pub(crate) const OF_REQUEST: [Secret; 7] =
    [USER, PASSWORD, PATH, QUERY, HEADER, COOKIE, SUBPROTOCOL];

/// The secrets of the messages of a session.
pub(crate) const OF_MESSAGES: [Secret; 2] = [PAYLOAD, REASON];

pub(crate) const OF_PROXY: [Secret; 2] = [PROXY_USER, PROXY_PASSWORD];

pub(crate) fn all() -> Vec<Secret> {
    [&OF_REQUEST[..], &OF_MESSAGES, &OF_PROXY].concat()
}

/// The text with every reserved character percent-encoded.
pub(crate) fn percent_encoded(text: &str) -> String {
    text.replace('/', "%2F")
}

/// Fails if the text contains a part of a secret, in any encoding.
#[track_caller]
pub(crate) fn assert_absent(text: &str, secrets: &[Secret]) {
    let secrets = secrets.iter().map(|(name, secret)| (*name, secret.as_bytes()));
    assert_bytes_absent(text, secrets);
}

/// The same for secrets that are bytes.
#[track_caller]
pub(crate) fn assert_bytes_absent<'a>(
    text: &str,
    secrets: impl IntoIterator<Item = (&'a str, &'a [u8])>,
) {
    // `Debug` has a number on each line.
    let dense = text.split_whitespace().collect::<String>();
    // Most lines occur many times.
    let lines: BTreeSet<_> = text.lines().collect();
    let text = &lines.into_iter().collect::<Vec<_>>().join("\n");
    let lower = text.to_ascii_lowercase();
    for (name, secret) in secrets {
        for (encoding, piece) in pieces(secret) {
            let text = match encoding {
                Encoding::Base64 => text,
                Encoding::Numbers => &dense,
                Encoding::Plain | Encoding::Hex => &lower,
            };
            if let Some(at) = text.find(&piece) {
                let begin = boundary(text, at.saturating_sub(200));
                let end = boundary(text, (at + 200).min(text.len()));
                panic!("{name} is shown ({encoding:?}): {}", &text[begin..end]);
            }
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Encoding {
    Plain,
    Base64,
    Hex,
    /// As `Debug` of a slice of bytes.
    Numbers,
}

/// The shortest part of a secret that is a leak, in bytes.
const PART: usize = 8;

/// The parts of a secret in all encodings.
fn pieces(secret: &[u8]) -> Vec<(Encoding, String)> {
    let mut pieces = Vec::new();
    for part in secret.windows(PART) {
        pieces.push((Encoding::Hex, HEXLOWER.encode(part)));
        let numbers: Vec<_> = part.iter().map(u8::to_string).collect();
        pieces.push((Encoding::Numbers, numbers.join(",")));
        if let Ok(text) = str::from_utf8(part) {
            pieces.push((Encoding::Plain, text.to_ascii_lowercase()));
        }
    }
    // A secret can begin at each of three places of the encoded bytes. The characters that depend
    // on the bytes before and after it are left out.
    for (before, skipped) in [(0, 0), (1, 2), (2, 3)] {
        let encoded = BASE64.encode(&[&b"\0\0"[..before], secret].concat());
        let whole = (before + secret.len()) * 8 / 6;
        let whole = &encoded[skipped..whole];
        pieces.extend(whole.as_bytes().windows(PART + 2).map(|part| {
            (Encoding::Base64, String::from_utf8(part.to_vec()).expect("base64 is ASCII"))
        }));
    }
    pieces
}

/// The last boundary of a character up to this byte.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;

    fn finds(text: impl Into<String>) -> bool {
        let text = text.into();
        catch_unwind(|| assert_absent(&text, &all())).is_err()
    }

    #[test]
    fn each_encoding_of_each_secret_is_found() {
        for (_, secret) in all() {
            let bytes = secret.as_bytes();
            for text in [
                secret.to_owned(),
                secret.to_ascii_uppercase(),
                percent_encoded(secret),
                format!("cut off: {}", &secret[..10]),
                format!("{bytes:?}"),
                format!("{bytes:#?}"),
                HEXLOWER.encode(bytes),
                BASE64.encode(bytes),
                BASE64.encode(format!("me:{secret}").as_bytes()),
                BASE64.encode(format!("{secret}:more").as_bytes()),
            ] {
                assert!(finds(&text), "{text}");
            }
        }
        assert!(!finds("m/e409 and r/c81f, 117, 53, 98 dTV"));
    }
}
