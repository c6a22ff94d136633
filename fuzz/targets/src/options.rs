//! Values of options of wsbeat, and the lines of its standard input.

use std::time::Duration;

use crate::{
    cuts::Cuts,
    duration,
    lines::{InputLine, LineSplitter},
    values,
};

/// A small limit, so that short inputs exceed it.
const MAX_LINE: usize = 16;

pub(crate) fn run(data: &[u8]) {
    let lines = Cuts::all(data).map(|cuts| split(data, cuts));
    assert_eq!(lines[0], lines[1], "in one piece, and byte by byte");
    assert_eq!(lines[0], lines[2], "in one piece, and in random pieces");
    if let Ok(text) = str::from_utf8(data) {
        text.lines().for_each(value);
    }
}

fn split(data: &[u8], mut cuts: Cuts) -> Vec<InputLine> {
    let mut splitter = LineSplitter::new(MAX_LINE);
    let mut lines = Vec::new();
    let mut rest = data;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(cuts.next().min(rest.len()));
        splitter.feed(piece, |line| lines.push(line));
        rest = after;
    }
    lines.extend(splitter.finish());
    for line in &lines {
        let (InputLine::Whole(bytes) | InputLine::TooLong(bytes)) = line;
        assert!(bytes.len() <= MAX_LINE && !bytes.contains(&b'\n'), "{line:?}");
    }
    lines
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
