//! Measures websocket-heartbeat side by side with the raw sockets below it and with its peers.
//!
//! `bench table` prints the tables, `bench guard` is the regression guard; see the README.

#[cfg(target_os = "linux")]
mod harness;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    harness::main()
}

#[cfg(not(target_os = "linux"))]
fn main() -> std::process::ExitCode {
    eprintln!("bench: skipped, it measures by means that only Linux has");
    std::process::ExitCode::SUCCESS
}
