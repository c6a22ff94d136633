//! Random sessions: random settings, policies and drivers, over a server and timers with every
//! quirk of the mock. Each session is checked for the rules that hold in all sessions.
//!
//! The seed decides everything in a session. `WHOLE_SEEDS=4711 cargo test -p websocket-heartbeat
//! --test whole` runs one session and prints it. `WHOLE_SEEDS=0..1000000` runs a range, best with
//! `--release`. [`REGRESSIONS`] has seeds that once failed. It is a process of its own, since it
//! replaces the panic hook and takes its seeds from the environment.

#![allow(clippy::disallowed_types, reason = "a test may have a plain lock of its own")]

mod drive;
mod plan;
mod verdicts;
mod watch;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

use plan::Plan;
use world::World;

/// Seeds of sessions that once broke a rule.
const REGRESSIONS: [u64; 12] =
    [2, 30, 43, 311, 673, 1_446, 3_200, 7_975, 17_891, 26_309, 35_123, 50_089];

/// The number of seeds in one run of the tests.
const SEEDS: u64 = 2_000;

#[test]
fn random_sessions_break_no_rule() {
    let asked = std::env::var("WHOLE_SEEDS").ok();
    let seeds = asked.as_deref().map_or(0..SEEDS, seeds);
    if seeds.end - seeds.start == 1 {
        let plan = Plan::draw(seeds.start);
        println!("{plan:#?}");
        return World::new(plan).run(true);
    }
    // The messages of all failures are printed below.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let mut failures = Vec::new();
    for seed in REGRESSIONS.into_iter().chain(seeds) {
        let session = AssertUnwindSafe(|| World::new(Plan::draw(seed)).run(false));
        if let Err(panic) = catch_unwind(session) {
            let words = panic.downcast_ref::<String>().map(String::as_str);
            let words = words.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("?");
            failures.push(format!("WHOLE_SEEDS={seed}: {words}"));
        }
    }
    std::panic::set_hook(hook);
    let count = failures.len();
    failures.truncate(50);
    assert!(failures.is_empty(), "{count} sessions broke a rule:\n{}", failures.join("\n"));
}

fn seeds(words: &str) -> std::ops::Range<u64> {
    let number = |word: &str| word.parse().expect("WHOLE_SEEDS is a number or two with .. between");
    match words.split_once("..") {
        Some((first, end)) => number(first)..number(end),
        None => number(words)..number(words) + 1,
    }
}
