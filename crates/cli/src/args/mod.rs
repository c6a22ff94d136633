//! The command line: one enum of commands. The options of a command stand with its code.

use std::ffi::OsString;

use clap::{CommandFactory, Parser, Subcommand};

use crate::{
    check, completions, connect, demo, relay, report, serve,
    usage::{UsageError, explain},
};

/// The result of the arguments.
pub(crate) enum Parsed {
    Command(Command),
    /// A help text or the version, for standard output.
    Text(String),
}

#[derive(Parser)]
#[command(
    name = "wsbeat",
    version,
    about = "A WebSocket connection that never silently dies",
    after_help = AFTER_HELP,
    max_term_width = 100,
    args_override_self = true
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
wsbeat COMMAND -h lists the options of a command, and wsbeat help COMMAND describes them.

Examples:
  wsbeat connect wss://example.org/feed
  wsbeat check wss://example.org/feed
  wsbeat serve 8080

Exit codes: 0 success, 1 failure, 2 wrong arguments. wsbeat connect and wsbeat
relay have more, see wsbeat help COMMAND.";

/// The commands, in the order of the help text.
#[derive(Subcommand)]
pub(crate) enum Command {
    Connect(Box<connect::Args>),
    Check(Box<check::Args>),
    Report(report::Args),
    Serve(Box<serve::Args>),
    Demo(demo::Args),
    Relay(relay::Args),
    Completions(completions::CompletionsArgs),
    Man(completions::ManArgs),
}

/// The definition of all commands, for completions and manual pages.
pub(crate) fn definition() -> clap::Command {
    Cli::command()
}

/// Parses the arguments without the name of the program.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Parsed, UsageError> {
    let args: Vec<OsString> = args.into_iter().collect();
    match Cli::try_parse_from([OsString::from("wsbeat")].iter().chain(&args)) {
        Ok(cli) => Ok(Parsed::Command(cli.command)),
        Err(error) if !error.use_stderr() => Ok(Parsed::Text(error.render().to_string())),
        Err(error) => Err(explain(&error, &args, &definition())),
    }
}

#[cfg(test)]
mod tests;
