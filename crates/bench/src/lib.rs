//! Measures websocket-heartbeat side by side with the raw sockets below it and with its peers.
//!
//! `bench table` prints the tables, `bench guard` is the regression guard; see the README.
#![cfg(target_os = "linux")]

mod callgrind;
mod case;
mod client;
mod contender;
mod guard;
mod original;
mod process;
mod replay;
mod sample;
mod server;
mod subprocess;
mod table;

use std::{env, error::Error, process::ExitCode};

use self::{case::Case, contender::Contender, process::Side, table::Selection};

const USAGE: &str = "usage:
  bench table [--quick] [--runtime NAME] [CASE...]
                                    measure, print tables, write JSON
  bench guard [--write]             compare instruction counts with the committed figures
  bench replay SHAPE KIND COUNT     a run that the guard counts: raw, connection or ours, text or binary
  bench client CONTENDER CASE COUNT ADDRESS
  bench server";

/// The time limit of a client.
const CLIENT_SECONDS: u32 = 90;

/// Runs the command that the arguments of the process name.
pub fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match command(&words) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn command(words: &[&str]) -> Result<ExitCode, Box<dyn Error + Send + Sync>> {
    match *words {
        ["table", ref wanted @ ..] => table::measure(&Selection::parse(wanted)?)?,
        ["guard"] => return Ok(guard::guard(false)?),
        ["guard", "--write"] => return Ok(guard::guard(true)?),
        ["replay", shape, kind @ ("text" | "binary"), count] => {
            process::end_after(CLIENT_SECONDS);
            replay::run(shape.parse()?, kind == "text", count.parse()?)?;
        }
        ["server"] => {
            process::pin(Side::Server);
            process::raise_open_files();
            server::serve()?;
        }
        ["client", contender, case, count, address] => {
            process::end_after(CLIENT_SECONDS);
            process::pin(Side::Client);
            process::raise_open_files();
            let contender: Contender = contender.parse()?;
            let case: Case = case.parse()?;
            let sample = client::run(contender, case, count.parse()?, address.parse()?)?;
            println!("{}", sample.to_json());
        }
        _ => {
            eprintln!("{USAGE}");
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}
