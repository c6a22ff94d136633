//! The two ways to end: a text on standard output, or an exit code with a line on standard error.

use std::{
    fmt::Display,
    io::{self, Write},
    process::ExitCode,
};

use websocket_heartbeat_smol::backend::printable;

/// The session gave up, or the program failed.
pub(crate) const FAILURE: u8 = 1;
/// The arguments are wrong.
pub(crate) const USAGE: u8 = 2;

/// Writes one line to standard error. The session continues.
pub(crate) fn warn(text: &str) {
    let _ = writeln!(io::stderr(), "wsbeat: warning: {}", printable(text));
}

/// Writes one line to standard error and returns `code`.
pub(crate) fn fail(code: u8, error: &dyn Display) -> ExitCode {
    let _ = writeln!(io::stderr(), "wsbeat: {}", printable(&error.to_string()));
    code.into()
}

/// Writes to standard output. An error means that the reader closed the pipe, so it does not need
/// the rest.
pub(crate) fn print(text: &[u8]) {
    let _ = io::stdout().write_all(text);
}
