//! `wsbeat`: a WebSocket connection that never silently dies, on the command line.
#![forbid(unsafe_code)]

mod args;
mod connect;
mod cutoff;
mod demo;
mod duration;
mod exit;
mod help;
mod json;
mod lines;
mod options;
mod record;
mod report;
mod session;
mod signals;
mod status;
mod stdin;
mod timeline;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use websocket_heartbeat_smol::SmolTimer;

use crate::{
    args::Command,
    exit::{USAGE, fail},
};

fn main() -> ExitCode {
    // The timer's epoch is the start of the program, and `t_ms` counts from there.
    let timer = SmolTimer::new();
    match args::parse(std::env::args_os().skip(1)) {
        Ok(Command::Demo) => demo::run(timer),
        Ok(Command::Connect { request, options }) => connect::run(*request, &options, timer),
        Ok(Command::Help(topic)) => print(&help::text(topic)),
        Ok(Command::Version) => print(&format!("{}\n", help::VERSION)),
        Err(error) => fail(USAGE, &error),
    }
}

fn print(text: &str) -> ExitCode {
    // An error means that the reader closed the pipe, so it does not need the rest.
    let _ = io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}
