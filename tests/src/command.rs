//! Runs other programs.

use std::{
    io::{self, ErrorKind},
    process::{Command, Stdio},
};

/// Runs a command and returns its output. An error is the last line of its standard error.
pub(crate) fn run(command: &mut Command) -> Result<String, String> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| not_started(command, &error))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    Err(format!("{} failed with {}: {last}", program(command), output.status))
}

/// The error of a program that did not start.
pub(crate) fn not_started(command: &Command, error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => format!("{} is not installed", program(command)),
        _ => format!("{} could not be started: {error}", program(command)),
    }
}

fn program(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}
