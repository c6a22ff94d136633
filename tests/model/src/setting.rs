//! The settings of sessions that are checked: [`Setting`].

use std::time::Duration;

use crate::{
    config::{ConnectTimeout, Trigger},
    machine::{HeartbeatRules, Means, Pace, Rules, WithoutPings},
};

/// Time passes in steps of 30 s. All times of a setting are multiples of it. So the fixed times of
/// the machine, one of 60 s and one of 30 min, need few steps.
pub(crate) const STEP: Duration = Duration::from_secs(30);

pub(crate) const fn steps(count: u32) -> Duration {
    Duration::from_secs(30 * count as u64)
}

/// The whole steps in a time.
pub(crate) fn in_steps(time: Duration) -> u8 {
    u8::try_from(time.as_secs() / STEP.as_secs()).unwrap_or(u8::MAX)
}

/// The steps in which a probe must be answered.
pub(crate) fn timeout(rules: &Rules) -> u8 {
    in_steps(rules.heartbeat.map_or(rules.recheck, |heartbeat| heartbeat.timeout))
}

/// The steps in which a recheck must be answered.
pub(crate) fn recheck(rules: &Rules) -> u8 {
    in_steps(rules.recheck)
}

/// One kind of session, and the part of its environment that is explored.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) name: &'static str,
    pub(crate) rules: Rules,
    /// The kind of probes that connections can send.
    pub(crate) means: Means,
    /// How old connections may become.
    pub(crate) max_age: Option<Duration>,
    pub(crate) scope: Scope,
}

/// The inputs of the environment besides attempts, frames, endings, probes, time, and the commands
/// `close`, `abort`, `reconnect_now` and `probe_now`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope {
    /// Messages are written.
    pub(crate) messages: bool,
    /// Writes are blocked, go on, and are acknowledged.
    pub(crate) blocks: bool,
    /// Nothing is read for some time.
    pub(crate) full: bool,
    /// The user pauses and resumes.
    pub(crate) pauses: bool,
    /// The shared budget postpones attempts.
    pub(crate) budget: bool,
    /// Two inputs may come before the outputs are fetched, as in one poll of the driver.
    pub(crate) pairs: bool,
}

/// How much of the environment is explored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Breadth {
    /// One part for each setting.
    Narrow,
    /// Almost all for each setting.
    Wide,
}

const NONE: Scope = Scope {
    messages: false,
    blocks: false,
    full: false,
    pauses: false,
    budget: false,
    pairs: false,
};
const FULL: Scope = Scope { full: true, ..NONE };
const PAUSES: Scope = Scope { pauses: true, ..NONE };

/// The rules of a preset: its times are those of the preset, in steps instead of 5 s. Other times
/// are chosen: the minimum gap, and the write timeout of `Resilient`.
fn original() -> Rules {
    Rules {
        heartbeat: Some(HeartbeatRules {
            trigger: Trigger::Idle,
            every: steps(3),
            timeout: steps(2),
            max_missed: 0,
            slot: Duration::ZERO,
        }),
        without_pings: WithoutPings::SendText,
        recheck: steps(1),
        stable_after: Duration::ZERO,
        connect_timeout: ConnectTimeout::fixed(steps(2)),
        close_timeout: steps(1),
        write_timeout: Duration::MAX,
        pace: Pace {
            minimum_gap: steps(1),
            outage_limit: Duration::MAX,
            last_attempt: u32::MAX,
            last_initial_attempt: None,
            flap_limit: u32::MAX,
        },
    }
}

fn resilient() -> Rules {
    Rules {
        without_pings: WithoutPings::Watch { silence: steps(3) },
        stable_after: steps(1),
        connect_timeout: ConnectTimeout::growing(steps(1), steps(2)),
        write_timeout: steps(4),
        ..original()
    }
}

fn heartbeat(change: fn(&mut HeartbeatRules)) -> Rules {
    let mut rules = resilient();
    rules.heartbeat.as_mut().map(change);
    rules
}

/// All settings that are checked.
pub(crate) fn all(breadth: Breadth) -> Vec<Setting> {
    let setting = |name, rules, means, narrow: Scope| {
        let wide = Scope { full: true, pauses: true, budget: true, ..narrow };
        let scope = if breadth == Breadth::Wide { wide } else { narrow };
        Setting { name, rules, means, max_age: None, scope }
    };
    let limits = Pace {
        outage_limit: steps(6),
        last_attempt: 2,
        last_initial_attempt: Some(1),
        flap_limit: 1,
        ..resilient().pace
    };
    let pings = Means::Pings;
    vec![
        setting("original", original(), pings, FULL),
        setting("original-text", original(), Means::Messages, PAUSES),
        setting("resilient", resilient(), pings, FULL),
        setting("pauses", resilient(), pings, PAUSES),
        setting("budget", resilient(), pings, Scope { budget: true, ..NONE }),
        setting("proofs", resilient(), pings, Scope { messages: true, ..NONE }),
        setting("writes", resilient(), pings, Scope { blocks: true, ..NONE }),
        setting("long-writes", original(), pings, Scope { blocks: true, messages: true, ..FULL }),
        setting("pairs", resilient(), pings, Scope { pairs: true, ..PAUSES }),
        setting("messages", resilient(), Means::Messages, NONE),
        setting("watching", resilient(), Means::Nothing, Scope { full: true, ..PAUSES }),
        setting("no-heartbeat", Rules { heartbeat: None, ..resilient() }, pings, FULL),
        setting("period", heartbeat(|rules| rules.trigger = Trigger::Period), pings, NONE),
        setting("misses", heartbeat(|rules| rules.max_missed = 1), pings, NONE),
        setting("limits", Rules { pace: limits, ..resilient() }, pings, NONE),
        Setting { max_age: Some(steps(2)), ..setting("maximum-age", resilient(), pings, FULL) },
    ]
}
