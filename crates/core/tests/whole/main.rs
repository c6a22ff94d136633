//! Random sessions: random settings, policies and drivers, over a server and timers with every
//! quirk of the mock. Each session is checked for the rules that hold in all sessions.
//!
//! There are sessions of minutes, and sessions of days: with idle hours, long outages, and machines that
//! sleep for days. The seed decides everything in a session. `WHOLE_SEEDS=4711 cargo test -p
//! websocket-heartbeat --test whole` runs one session of minutes and prints it, and `DAYS_SEEDS=4711` one
//! of days. `WHOLE_SEEDS=0..1000000` runs a range, best with `--release`. [`REGRESSIONS`] has seeds that
//! once failed. It is a process of its own, since it replaces the panic hook and takes its seeds from the
//! environment.

#![allow(clippy::disallowed_types, reason = "a test may have a plain lock of its own")]

mod drive;
mod plan;
mod random_session;
mod rules;
mod session_state;
mod watch;

use std::{
    fmt,
    ops::AddAssign,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use plan::Plan;
use random_session::RandomSession;

/// Seeds of sessions that once broke a rule.
const REGRESSIONS: [u64; 12] =
    [2, 30, 43, 311, 673, 1_446, 3_200, 7_975, 17_891, 26_309, 35_123, 50_089];

/// The numbers of seeds in one run of the tests.
const SEEDS: u64 = 1_000;
const SEEDS_OF_DAYS: u64 = 12;

#[test]
fn random_sessions_break_no_rule() {
    if std::env::var_os("DAYS_SEEDS").is_none() {
        run("WHOLE_SEEDS", SEEDS, &REGRESSIONS, Plan::draw);
    }
}

#[test]
fn random_sessions_of_days_break_no_rule() {
    if std::env::var_os("WHOLE_SEEDS").is_none() {
        let lived = run("DAYS_SEEDS", SEEDS_OF_DAYS, &[174], Plan::draw_days);
        let enough = DAY / 2 * lived.sessions as u32;
        assert!(lived.driven >= enough, "sessions of days end early: {lived}");
    }
}

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// Runs the seeds that the environment variable names, or else the regressions and `count` seeds.
fn run(variable: &str, count: u64, regressions: &[u64], draw: fn(u64) -> Plan) -> Lived {
    let asked = std::env::var(variable).ok();
    let seeds = asked.as_deref().map_or(0..count, seeds);
    if seeds.end - seeds.start == 1 {
        let plan = draw(seeds.start);
        println!("{plan:#?}");
        return RandomSession::new(plan).run(true);
    }
    // The panic hook is that of the process.
    static ALONE: Mutex<()> = Mutex::new(());
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    // The messages of all failures are printed below.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let start = Instant::now();
    let mut lived = Lived::default();
    let mut failures = Vec::new();
    for seed in regressions.iter().copied().chain(seeds) {
        let session = AssertUnwindSafe(|| RandomSession::new(draw(seed)).run(false));
        match catch_unwind(session) {
            Ok(session) => lived += session,
            Err(panic) => {
                let words = panic.downcast_ref::<String>().map(String::as_str);
                let words = words.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("?");
                failures.push(format!("{variable}={seed}: {words}"));
            }
        }
    }
    std::panic::set_hook(hook);
    drop(alone);
    let rate = lived.sessions as f64 / start.elapsed().as_secs_f64();
    println!("{variable}: {lived}, {rate:.1} sessions per second");
    let count = failures.len();
    failures.truncate(50);
    assert!(failures.is_empty(), "{count} sessions broke a rule:\n{}", failures.join("\n"));
    lived
}

/// The number of sessions, and the virtual time from their beginnings to their ends.
#[derive(Clone, Copy, Debug, Default)]
struct Lived {
    sessions: u64,
    driven: Duration,
    /// The time in which the machine slept.
    asleep: Duration,
}

impl AddAssign for Lived {
    fn add_assign(&mut self, other: Self) {
        self.sessions += other.sessions;
        self.driven += other.driven;
        self.asleep += other.asleep;
    }
}

impl fmt::Display for Lived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = |time: Duration| time.as_secs_f64() / DAY.as_secs_f64();
        let Self { sessions, driven, asleep } = *self;
        write!(f, "{sessions} sessions, {:.1} virtual days", days(driven))?;
        write!(f, ", and {:.1} in which the machine slept", days(asleep))
    }
}

fn seeds(words: &str) -> std::ops::Range<u64> {
    let number = |word: &str| word.parse().expect("seeds are a number, or two with .. between");
    match words.split_once("..") {
        Some((first, end)) => number(first)..number(end),
        None => number(words)..number(words) + 1,
    }
}
