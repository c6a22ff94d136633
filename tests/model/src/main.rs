//! Checks core's machine with the model checker stateright.
//!
//! The machine is the file of core and not a copy. It runs in every behaviour of its environment
//! (`input.rs`), and each rule (`rule.rs`) must hold in every state that is reached.
//!
//! `cargo run -p model` checks each setting (`setting.rs`) with a part of its environment, and at
//! most three million transitions. `cargo run -p model -- deep` has almost the whole environment and
//! at most twenty million transitions. Another argument is the name of a setting, to check it alone.

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
mod fates;
mod input;
mod prospects;
mod rule;
mod session;
mod setting;
mod walk;
mod watch;

use std::{fmt::Debug, hash::Hash, process::ExitCode, time::Instant};

use stateright::{Checker, HasDiscoveries, Model};

use self::{fates::Fates, session::Session, setting::Breadth};

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

/// The numbers of transitions after which the check of a setting ends, if it is not complete.
const SHORT: usize = 3_000_000;
const DEEP: usize = 20_000_000;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let (breadth, only) = match &arguments[..] {
        [] => (Breadth::Narrow, None),
        [deep] if deep == "deep" => (Breadth::Wide, None),
        [name] => (Breadth::Narrow, Some(name)),
        [deep, name] if deep == "deep" => (Breadth::Wide, Some(name)),
        _ => {
            eprintln!("usage: model [deep] [SETTING]");
            return ExitCode::FAILURE;
        }
    };
    let most = if breadth == Breadth::Wide { DEEP } else { SHORT };
    let mut settings = setting::all(breadth);
    settings.retain(|setting| only.is_none_or(|only| only == setting.name));
    let fates = only.is_none_or(|only| only == "fates");
    if settings.is_empty() && !fates {
        eprintln!("there is no such setting");
        return ExitCode::FAILURE;
    }
    let (start, mut right) = (Instant::now(), true);
    if fates {
        right &= check("fates", Fates, most);
    }
    for setting in settings {
        let name = setting.name;
        if let Err(difference) = walk::check(&setting) {
            println!("{name}: the canonical machine differs: {difference}");
            right = false;
        }
        right &= check(name, Session { setting }, most);
    }
    println!("{:.1} s", start.elapsed().as_secs_f32());
    if right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Checks a model. Returns whether all rules hold.
fn check<M>(name: &str, model: M, most: usize) -> bool
where
    M: Model<
            State: Clone + Debug + Hash + PartialEq + Send + Sync,
            Action: Clone + Debug + PartialEq,
        > + Send
        + Sync
        + 'static,
{
    let start = Instant::now();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let checker = model
        .checker()
        .threads(threads)
        .finish_when(HasDiscoveries::AnyFailures)
        .target_state_count(most)
        .spawn_bfs()
        .join();
    let discoveries = checker.discoveries();
    let complete = checker.state_count() < most && discoveries.is_empty();
    println!(
        "{name:13} {:>8} states, {:>9} transitions, {} {:>2}, {:>5.1} s",
        checker.unique_state_count(),
        checker.state_count(),
        if complete { "all, depth" } else { "to depth  " },
        checker.max_depth(),
        start.elapsed().as_secs_f32()
    );
    for (rule, path) in &discoveries {
        println!("\nThe rule is broken: {rule}\n{path}");
    }
    discoveries.is_empty()
}
