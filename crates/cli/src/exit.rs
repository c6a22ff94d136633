//! Exit codes, and the line on standard error that explains a failure.

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
