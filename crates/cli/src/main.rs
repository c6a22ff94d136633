//! `wsbeat`: a WebSocket connection that never silently dies, on the command line.
#![forbid(unsafe_code)]

mod args;
mod check;
mod completions;
mod connect;
mod demo;
mod duration;
mod exit;
mod framing;
mod history;
mod record;
mod relay;
mod report;
mod serve;
mod server;
mod session;
mod standard;
mod terminal;
mod usage;
mod utc;
mod values;

use std::process::ExitCode;

use websocket_heartbeat_smol::SmolTimer;

use crate::{
    args::{Command, Parsed},
    exit::{USAGE, fail, print},
    usage::UsageError,
};

fn main() -> ExitCode {
    // The timer's epoch is the start of the program, and `t_ms` counts from there.
    let timer = SmolTimer::new();
    run(timer).unwrap_or_else(|error| fail(USAGE, &error))
}

fn run(timer: SmolTimer) -> Result<ExitCode, UsageError> {
    let command = match args::parse(std::env::args_os().skip(1))? {
        Parsed::Command(command) => command,
        Parsed::Text(text) => return Ok(print(text.as_bytes())),
    };
    Ok(match command {
        Command::Connect(args) => connect::run(&args, timer)?,
        Command::Check(args) => check::run(&args, timer)?,
        Command::Report(args) => report::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Demo(_) => demo::run(timer),
        Command::Relay(args) => relay::run(&args),
        Command::Completions(args) => print(&args.text(args::definition())),
        Command::Man(args) => print(&args.text(args::definition())?),
    })
}
