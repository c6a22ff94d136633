//! Installing the servers on demand, so that `cargo test` is the whole test command.

use std::{
    env,
    fs::{self, File},
    path::PathBuf,
    process::{Command, Stdio},
};

use rustix::fs::{FlockOperation, flock};

use crate::Software;

/// Where the servers are installed: `peers` in cargo's target folder.
pub(crate) fn root() -> PathBuf {
    let program = env::current_exe().expect("the path of this program");
    // Cargo runs `<target>/<profile>/deps/<test>`.
    let target = program.ancestors().nth(3).expect("a target folder");
    target.join("peers")
}

/// Installs the package unless it is there, whichever process or thread comes first.
pub(crate) fn install(software: Software) -> Result<(), String> {
    let folder = software.folder();
    fs::create_dir_all(&folder).map_err(|error| format!("cannot make {folder:?}: {error}"))?;
    let lock = File::create(folder.with_extension("lock")).map_err(|error| error.to_string())?;
    // Held until `lock` is dropped.
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
    let words = String::from_utf8_lossy(&output.stderr);
    let last = words.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    Err(format!("{} failed with {}: {last}", program(command), output.status))
}

fn not_started(command: &Command, error: &std::io::Error) -> String {
    format!("{} could not be started: {error}", program(command))
}

fn program(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}
