//! The commands of the program.

mod apply;
mod check;
mod control;
mod demo;
mod init;
mod print;
mod run;
mod send;
mod status;
mod tail;
#[cfg(test)]
mod tests;

use std::{fmt, path::PathBuf, sync::Arc};

use async_nats::Client;
use clap::{Args, Parser, Subcommand};

use crate::{
    config::{Config, Subscription},
    nats::{self, Patience},
    record::{Bucket, Names},
};

/// Shares WebSocket subscriptions between machines through NATS JetStream: each has one owner, another
/// machine takes over when it dies, and every gap is recorded.
#[derive(Debug, Parser)]
#[command(name = "wsbeat-relay", bin_name = "wsbeat relay", version)]
pub struct Program {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run two workers, kill one, and tell what happens. It takes half a minute, and needs nats-server.
    Demo(demo::Arguments),
    /// Run a worker until SIGTERM or ctrl-C, which begin a drain.
    Run(File),
    /// Explain every mistake of a configuration, by line.
    Check(check::Arguments),
    /// Create the stream and the buckets of a fleet, and write the subscriptions of the file.
    Init(init::Arguments),
    /// Write the subscriptions of the file, while workers run.
    Apply(apply::Arguments),
    /// Show who owns what.
    Status(status::Arguments),
    /// Print the messages and records of a subscription, in order.
    Tail(tail::Arguments),
    /// Let a worker give all its subscriptions to the others, and end.
    Drain(control::Arguments),
    /// Send a text to the upstream of a subscription, and print its fate.
    Send(send::Arguments),
}

/// The configuration file.
#[derive(Debug, Args)]
struct File {
    /// The configuration.
    #[arg(
        long,
        short,
        value_name = "FILE",
        env = "WSBEAT_RELAY_CONFIG",
        default_value = "wsbeat-relay.toml"
    )]
    config: PathBuf,
}

/// Why a command failed. The text says what to do.
#[derive(Debug)]
pub enum Failure {
    /// The arguments or the configuration are wrong: exit code 2.
    Usage(String),
    /// Anything else: exit code 1.
    Failed(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(text) | Self::Failed(text) => f.write_str(text),
        }
    }
}

impl Failure {
    /// The exit code of the program.
    #[must_use]
    pub fn code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Failed(_) => 1,
        }
    }
}

fn failed(error: impl fmt::Display) -> Failure {
    Failure::Failed(error.to_string())
}

impl File {
    fn read(&self) -> Result<Config, Failure> {
        let file = self.config.display().to_string();
        let text = std::fs::read_to_string(&self.config)
            .map_err(|error| Failure::Usage(format!("{file}: {error}")))?;
        Config::parse(&text).map_err(|mistakes| {
            let lines: Vec<_> =
                mistakes.0.iter().map(|mistake| format!("{file}:{mistake}")).collect();
            Failure::Usage(lines.join("\n"))
        })
    }
}

/// The name of a subscription or a worker, which is one token of a subject: another one could mean many.
fn name(text: &str) -> Result<String, String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    match text.len() {
        1..=64 if text.bytes().all(allowed) => Ok(text.to_owned()),
        _ => Err("a name has 1 to 64 characters of A-Z, a-z, 0-9, `-` and `_`".to_owned()),
    }
}

/// A connection to the servers of a configuration, for a short command.
struct Connection {
    config: Config,
    client: Client,
    names: Arc<Names>,
}

impl Connection {
    async fn open(file: &File) -> Result<Self, Failure> {
        let config = file.read()?;
        let client = nats::connect(&config.nats, "wsbeat relay", Patience::None);
        let client = client.await.map_err(failed)?;
        let names = Arc::new(Names::new(&config.nats.group));
        Ok(Self { config, client, names })
    }

    /// The subscription of this name that is wanted; `None` if there is none.
    async fn wished(&self, name: &str) -> Result<Option<Subscription>, Failure> {
        let context = nats::context(&self.client);
        let bucket = context.get_key_value(self.names.bucket(Bucket::Wishes));
        let value = bucket.await.map_err(failed)?.get(name).await.map_err(failed)?;
        value.map(|value| Subscription::from_json(&value)).transpose().map_err(failed)
    }
}

impl Program {
    /// Runs the command.
    ///
    /// # Errors
    ///
    /// Why it failed.
    pub async fn run(self) -> Result<(), Failure> {
        match self.command {
            Command::Demo(arguments) => demo::run(&arguments).await,
            Command::Run(file) => run::run(&file).await,
            Command::Check(arguments) => check::run(&arguments),
            Command::Init(arguments) => init::run(&arguments).await,
            Command::Apply(arguments) => apply::run(&arguments).await,
            Command::Status(arguments) => status::run(&arguments).await,
            Command::Tail(arguments) => tail::run(&arguments).await,
            Command::Drain(arguments) => control::drain(&arguments).await,
            Command::Send(arguments) => send::run(&arguments).await,
        }
    }
}
