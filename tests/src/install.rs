//! Installs the servers on demand, so that `cargo test` needs no preparation.

use std::{
    fs::{self, File},
    io,
    process::{Command, Stdio},
};

use rustix::fs::{FlockOperation, flock};

use crate::Software;

/// Installs the package unless it is installed. Only one process or thread installs it.
pub(crate) fn install(software: Software) -> Result<(), String> {
    let folder = software.folder();
    fs::create_dir_all(&folder).map_err(|error| format!("cannot make {folder:?}: {error}"))?;
    let lock = File::create(folder.with_extension("lock")).map_err(|error| error.to_string())?;
    // The lock is held until `lock` is dropped.
    flock(&lock, FlockOperation::LockExclusive).map_err(|error| error.to_string())?;

    if installed_version(software)?.as_deref() == Some(software.version()) {
        return Ok(());
    }
    run(&mut software.installer(&folder))?;
    match installed_version(software)? {
        Some(version) if version == software.version() => Ok(()),
        other => Err(format!("{software} is {other:?} after the installation")),
    }
}

/// The version that the interpreter finds; an error if there is no interpreter.
fn installed_version(software: Software) -> Result<Option<String>, String> {
    let mut command = software.interpreter();
    command.args(software.version_program()).stdin(Stdio::null());
    let output = command.output().map_err(|error| not_started(&command, &error))?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Ok(output.status.success().then_some(version))
}

fn run(command: &mut Command) -> Result<(), String> {
    let output =
        command.stdin(Stdio::null()).output().map_err(|error| not_started(command, &error))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    Err(format!("{} failed with {}: {last}", program(command), output.status))
}

fn not_started(command: &Command, error: &io::Error) -> String {
    format!("{} could not be started: {error}", program(command))
}

fn program(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}
