//! Lines on standard error, and the two ways to end: a text on standard output, or an exit code with
//! such a line.

use std::{
    fmt::Display,
    io::{self, Write},
    process::ExitCode,
};

use websocket_heartbeat_smol::backend::printable;

use crate::standard::Standard;

/// Everything that was taken from standard input was written, and nothing failed.
pub(crate) const SUCCESS: u8 = 0;
/// A failure that has no code of its own.
pub(crate) const FAILURE: u8 = 1;
/// The arguments are wrong.
pub(crate) const USAGE: u8 = 2;
/// The session was closed on request, and some lines were not written.
pub(crate) const UNSENT: u8 = 3;
/// The attempts or another limit are exhausted.
pub(crate) const GAVE_UP: u8 = 4;
/// A failure that no further attempt heals.
pub(crate) const REFUSED: u8 = 5;
/// A line or a message is larger than allowed.
pub(crate) const TOO_LARGE: u8 = 6;
/// Standard output was closed or cannot be written.
pub(crate) const OUTPUT_CLOSED: u8 = 7;

/// A program that was to be started does not exist; shells have the same code.
pub(crate) const MISSING: u8 = 127;

/// Writes one line to standard error. If that fails there is no place left to report it.
pub(crate) fn note(text: &dyn Display) {
    let line = format!("{}\n", printable(&text.to_string()));
    let _ = Standard::Error.write_all(line.as_bytes());
}

/// Writes one line to standard error. The session continues.
pub(crate) fn warn(text: &str) {
    note(&format_args!("wsbeat: warning: {text}"));
}

/// Writes one line to standard error and returns `code`.
pub(crate) fn fail(code: u8, error: &dyn Display) -> ExitCode {
    note(&format_args!("wsbeat: {error}"));
    code.into()
}

/// Writes to standard output. A reader that closed the pipe does not need the rest.
pub(crate) fn print(text: &[u8]) -> ExitCode {
    match Standard::Output.write_all(text) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            fail(OUTPUT_CLOSED, &format!("standard output cannot be written: {error}"))
        }
        _ => ExitCode::SUCCESS,
    }
}
