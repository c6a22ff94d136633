//! Exact counts by `valgrind --tool=callgrind`. They are differences of two runs, so they do not
//! contain the costs of the set-up.

mod counts;

use std::{
    env, fs,
    path::PathBuf,
    process::{Command, Stdio},
};

pub(crate) use self::counts::{Counts, locked_addresses};
use crate::{
    case::Case,
    contender::Contender,
    process::{self, is_installed},
    subprocess::{self, ServerProcess},
};

/// The reason why valgrind cannot be used, or `None` if it can.
pub(crate) fn absence() -> Option<String> {
    (!is_installed("valgrind")).then(|| "valgrind is not installed".to_owned())
}

/// The reason why objdump cannot be used, or `None` if it can.
pub(crate) fn disassembler_absence() -> Option<String> {
    (!is_installed("objdump")).then(|| "objdump is not installed".to_owned())
}

/// Runs this program with `arguments` under callgrind and returns the profile.
pub(crate) fn profile(arguments: &[String], options: &[&str]) -> Result<String, String> {
    let program = env::current_exe().map_err(|error| error.to_string())?;
    let file = output_file()?;
    let status = Command::new("valgrind")
        .args(["--tool=callgrind", "--compress-strings=no", "--compress-pos=no"])
        .args(options)
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(program)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !status.is_ok_and(|status| status.success()) {
        return Err(format!("no profile of {}", arguments.join(" ")));
    }
    let text = fs::read_to_string(&file).map_err(|error| error.to_string())?;
    fs::remove_file(&file).map_err(|error| error.to_string())?;
    Ok(text)
}

fn output_file() -> Result<PathBuf, String> {
    let folder = process::output_folder().map_err(|error| error.to_string())?;
    Ok(folder.join(format!("callgrind.{}", std::process::id())))
}

/// The sum of all instructions in a profile.
pub(crate) fn instructions(profile: &str) -> Result<u64, String> {
    profile
        .lines()
        .find_map(|line| line.strip_prefix("totals:")?.trim().parse().ok())
        .ok_or_else(|| "the profile has no total".to_owned())
}

/// The instructions of a client per message, without those of the set-up.
pub(crate) fn per_message(contender: Contender, case: Case) -> Result<f64, String> {
    const COUNTS: [u64; 2] = [20_000, 60_000];
    let mut totals = [0; 2];
    for (total, count) in totals.iter_mut().zip(COUNTS) {
        let server = ServerProcess::start().map_err(|error| error.to_string())?;
        let arguments = subprocess::client_arguments(contender, case, count, server.address);
        *total = instructions(&profile(&arguments, &[])?)?;
    }
    Ok((totals[1] as f64 - totals[0] as f64) / (COUNTS[1] - COUNTS[0]) as f64)
}
