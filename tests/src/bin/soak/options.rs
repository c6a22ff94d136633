//! The arguments of the program: [`Options`].

use std::{process::exit, time::Duration};

use websocket_heartbeat_tests::monotonic;

const USAGE: &str = "soak [--seconds N] [--sessions N] [--seed N] [--first N] [--runtime NAME]";

/// The sessions to run, and their time.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// The time of all runtimes together. It is also the time in which no new session begins.
    pub(crate) time: Duration,
    /// How many sessions there are at once.
    pub(crate) sessions: u64,
    /// With the number of a session it determines the plan of this session and the faults of its
    /// server.
    pub(crate) seed: u64,
    /// The number of the first session.
    pub(crate) first: u64,
    /// The only runtime to use. Otherwise all take turns.
    pub(crate) runtime: Option<String>,
}

impl Options {
    /// Reads the arguments. Ends the program if one is wrong.
    pub(crate) fn read(arguments: impl Iterator<Item = String>) -> Self {
        let mut options = Self {
            time: Duration::from_secs(60),
            sessions: 300,
            seed: monotonic().as_micros() as u64 % 1_000_000_000,
            first: 1,
            runtime: None,
        };
        let mut arguments = arguments;
        while let Some(name) = arguments.next() {
            let value = arguments.next().unwrap_or_else(|| refuse(&format!("{name} has no value")));
            let number = || -> u64 {
                value.parse().unwrap_or_else(|_| refuse(&format!("{name}: {value} is no number")))
            };
            match &*name {
                "--seconds" => options.time = Duration::from_secs(number()),
                "--sessions" => options.sessions = number().max(1),
                "--seed" => options.seed = number(),
                "--first" => options.first = number(),
                "--runtime" => options.runtime = Some(value),
                _ => refuse(&format!("unknown argument {name}")),
            }
        }
        options
    }

    /// The command that runs a session again, over the same runtime.
    pub(crate) fn command(&self, session: u64, runtime: &str) -> String {
        format!(
            "cargo run -p websocket-heartbeat-tests --bin soak -- --seed {} --first {session} \
             --sessions {} --seconds {} --runtime {runtime}",
            self.seed,
            self.sessions,
            self.time.as_secs()
        )
    }
}

fn refuse(words: &str) -> ! {
    eprintln!("{words}\n{USAGE}");
    exit(2)
}
