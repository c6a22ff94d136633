//! The program `wsbeat-relay`, which `wsbeat relay` starts.

use std::process::ExitCode;

use clap::Parser;
use wsbeat_relay::commands::Program;

#[tokio::main]
async fn main() -> ExitCode {
    match Program::parse().run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::from(failure.code())
        }
    }
}
