//! Checks core's machine with the model checker stateright.
//!
//! The machine is the file of core and not a copy. It runs in every behaviour of its environment
//! (`input.rs`), and each rule (`rule.rs`) must hold in every state that is reached.
//!
//! `cargo run -p model` checks each setting up to a number of states. `cargo run -p model -- deep`
//! has a larger bound. `cargo run -p model -- NAME STATES` checks one setting.

// Core's machine, and the files that it needs.
#[path = "../../../crates/core/src/config/connect_timeout.rs"]
#[allow(dead_code, unreachable_pub, reason = "the driver uses more of it")]
mod connect_timeout;
#[path = "../../../crates/core/src/event/cutoff.rs"]
#[allow(dead_code, unreachable_pub, reason = "the driver uses more of it")]
mod cutoff;
#[path = "../../../crates/core/src/machine/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the driver uses more of it")]
mod machine;
#[path = "../../../crates/core/src/error/settings.rs"]
#[allow(dead_code, unreachable_pub, reason = "the driver uses more of it")]
mod settings_error;
#[path = "../../../crates/core/src/time/timestamp.rs"]
#[allow(dead_code, unreachable_pub, reason = "the driver uses more of it")]
mod timestamp;

// The model.
mod driver;
mod input;
mod prospects;
mod rule;
mod session;
mod setting;
mod watch;

use std::{process::ExitCode, time::Instant};

use stateright::{Checker, HasDiscoveries, Model};

use self::{session::Session, setting::Setting};

/// Names by which the machine imports its parts. The types without behaviour are written again.
mod time {
    pub(crate) use crate::timestamp::Timestamp;

    pub(crate) fn earlier(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
        a.into_iter().chain(b).min()
    }
}

mod config {
    pub(crate) use crate::connect_timeout::ConnectTimeout;

    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub(crate) enum Trigger {
        Idle,
        Period,
    }
}

mod error {
    pub(crate) use crate::settings_error::{ConfigError, ensure, not_zero};
}

mod event {
    pub(crate) use crate::cutoff::Cutoff;
}

mod status {
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Phase {
        Idle,
        Connecting,
        Open,
        Waiting,
        Paused,
        Closing,
        Closed,
    }
}

mod transport {
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub(crate) enum Predecessor {
        None,
        Failed,
        GivenUp,
        Lost { stable: bool },
        Replaced { stable: bool },
    }
}

/// The numbers of states at which a check ends.
const SHORT: usize = 300_000;
const DEEP: usize = 20_000_000;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (name, states) = (arguments.next(), arguments.next());
    let (only, most) = match (name.as_deref(), states.as_deref().map(str::parse)) {
        (None, _) => (None, SHORT),
        (Some("deep"), None) => (None, DEEP),
        (Some(name), None) => (Some(name), SHORT),
        (Some(name), Some(Ok(states))) => (Some(name), states),
        (Some(_), Some(Err(error))) => {
            eprintln!("the number of states: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut failed = false;
    for setting in setting::all() {
        if only.is_none_or(|only| only == setting.name) {
            failed |= !check(setting, most);
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Checks one setting up to a number of states. Returns whether all rules hold.
fn check(setting: Setting, most: usize) -> bool {
    let (start, name) = (Instant::now(), setting.name);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let checker = Session { setting }
        .checker()
        .threads(threads)
        .finish_when(HasDiscoveries::AnyFailures)
        .target_state_count(most)
        .spawn_bfs()
        .join();
    let discoveries = checker.discoveries();
    println!(
        "{name:22} {:>9} states, {:>10} transitions, depth {:>3}, {:>6.1} s",
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth(),
        start.elapsed().as_secs_f32()
    );
    for (rule, path) in &discoveries {
        println!("\nThe rule is broken: {rule}\n{path}");
    }
    discoveries.is_empty()
}
