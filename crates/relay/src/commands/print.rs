//! Standard output, which may be closed by its reader.

use std::{
    fmt,
    io::{self, Write},
};

/// Prints a line. Returns whether somebody still reads.
pub(super) fn line(text: impl fmt::Display) -> bool {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).is_ok()
}
