//! The command line of the measurements; see the README.

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    bench::main()
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!("bench: skipped, the measurements need Linux");
    ExitCode::SUCCESS
}
