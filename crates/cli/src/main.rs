//! `wsbeat`: a WebSocket connection that never silently dies, on the command line.
#![forbid(unsafe_code)]

mod args;
mod connect;
mod demo;
mod duration;
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

use websocket_heartbeat_smol::{SmolTimer, printable};

use crate::args::Command;

/// Gave up, or the demo's story went wrong.
const FAILURE: u8 = 1;
/// Wrong arguments.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    // Its epoch is the program's start, which is what `t_ms` counts from.
    let timer = SmolTimer::new();
    match args::parse(std::env::args_os().skip(1)) {
        Ok(Command::Demo) => demo::run(timer),
        Ok(Command::Connect(options)) => connect::run(&options, timer),
        Ok(Command::Help(topic)) => print(help::text(topic)),
        Ok(Command::Version) => print(&format!("{}\n", help::VERSION)),
        Err(error) => complain(USAGE, &error),
    }
}

fn print(text: &str) -> ExitCode {
    // Whoever closed the pipe does not want the rest.
    let _ = io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

/// One line on standard error.
fn complain(code: u8, what: &dyn std::fmt::Display) -> ExitCode {
    let _ = writeln!(io::stderr(), "wsbeat: {}", printable(&what.to_string()));
    code.into()
}
