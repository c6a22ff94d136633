//! Values of options of wsbeat, and the frames of its standard input.

use std::time::Duration;

use crate::{cuts::Cuts, duration, values};

// The folder of wsbeat's module `framing`.
#[path = "../../../crates/cli/src/framing"]
mod framing {
    #[allow(dead_code, reason = "a file of wsbeat")]
    mod split;

    use split::{Delimited, Frame, Prefixed};

    use super::MAX_LENGTH;

    /// How frames are found.
    #[derive(Clone, Copy)]
    pub(super) enum Framing {
        Separator(Option<u8>),
        Length,
    }

    /// The frames of pieces, as text, after a check of their lengths.
    pub(super) fn frames<'a>(
        framing: Framing,
        pieces: impl Iterator<Item = &'a [u8]>,
    ) -> Vec<String> {
        let mut frames = Vec::new();
        let mut add = |frame: Frame| frames.push(frame);
        match framing {
            Framing::Separator(separator) => {
                let mut delimited = Delimited::new(separator, MAX_LENGTH);
                pieces.for_each(|piece| delimited.feed(piece, &mut add));
                delimited.finish().map(add);
            }
            Framing::Length => {
                let mut prefixed = Prefixed::new(MAX_LENGTH);
                pieces.for_each(|piece| prefixed.feed(piece, &mut add));
                prefixed.finish().map(add);
            }
        }
        for frame in &frames {
            match frame {
                Frame::Whole(bytes) | Frame::TooLong(bytes) => {
                    assert!(bytes.len() <= MAX_LENGTH, "{frame:?}");
                }
                // With the four bytes of its length.
                Frame::Incomplete(bytes) => assert!(bytes.len() <= MAX_LENGTH + 4, "{frame:?}"),
            }
        }
        frames.iter().map(|frame| format!("{frame:?}")).collect()
    }
}

use framing::{Framing, frames};

/// A small limit, so that short inputs exceed it.
const MAX_LENGTH: usize = 16;

pub(crate) fn run(data: &[u8]) {
    for framing in [
        Framing::Separator(Some(b'\n')),
        Framing::Separator(Some(0)),
        Framing::Separator(None),
        Framing::Length,
    ] {
        let found = Cuts::all(data).map(|cuts| frames(framing, pieces(data, cuts)));
        assert_eq!(found[0], found[1], "in one piece, and byte by byte");
        assert_eq!(found[0], found[2], "in one piece, and in random pieces");
    }
    if let Ok(text) = str::from_utf8(data) {
        text.lines().for_each(value);
    }
}

fn pieces(data: &[u8], mut cuts: Cuts) -> impl Iterator<Item = &[u8]> {
    let mut rest = data;
    std::iter::from_fn(move || {
        let (piece, after) = rest.split_at_checked(cuts.next().min(rest.len()))?;
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

fn value(text: &str) {
    if let Ok(time) = checked(duration::parse(text)) {
        let _ = (duration::show(time), duration::to_millis(time), duration::to_fine_millis(time));
        let range = checked(duration::parse_range(&format!("{text}..{text}")));
        assert_eq!(range, Ok((time, time)));
    }
    if let Ok((low, high)) = checked(values::range(text)) {
        assert!(!low.is_zero() && low <= high, "{text:?}");
    }
    assert_ne!(checked(values::positive(text)), Ok(Duration::ZERO));
    let _ = (checked(values::time(text)), checked(values::number(text)));
    assert_ne!(checked(values::count(text)), Ok(0));
    let _ = checked(values::status(text)).map(|status| assert!((200..600).contains(&status)));
}

/// An error has words.
fn checked<T>(value: Result<T, String>) -> Result<T, String> {
    value.inspect_err(|words| assert!(!words.is_empty()))
}
