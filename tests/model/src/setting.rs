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

/// One kind of session, and the part of its environment that is explored.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) name: &'static str,
    pub(crate) rules: Rules,
    /// The kinds of probes that connections can send.
    pub(crate) means: Means,
    /// How old connections may become.
    pub(crate) max_age: Option<Duration>,
    pub(crate) scope: Scope,
}

/// What the environment does besides frames, endings, probes, time, and the user's `close`,
/// `abort` and `probe_now`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope {
    /// Writes are blocked, go on, and are acknowledged.
    pub(crate) writes: bool,
    /// Nothing is read for some time.
    pub(crate) full: bool,
    /// The user pauses and resumes.
    pub(crate) pauses: bool,
    /// The shared budget postpones attempts.
    pub(crate) budget: bool,
    /// Two inputs may come before the outputs are fetched, as in one poll of the driver.
    pub(crate) pairs: bool,
}

const ALL: Scope = Scope { writes: true, full: true, pauses: true, budget: true, pairs: false };

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
            last_initial_attempt: u32::MAX,
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

/// All settings that are checked.
pub(crate) fn all() -> Vec<Setting> {
    let setting = |name, rules, means, scope| Setting { name, rules, means, max_age: None, scope };
    let heartbeat = |change: fn(&mut HeartbeatRules)| {
        let mut rules = resilient();
        rules.heartbeat.as_mut().map(change);
        rules
    };
    let limited = Pace {
        outage_limit: steps(6),
        last_attempt: 2,
        last_initial_attempt: 1,
        flap_limit: 1,
        ..resilient().pace
    };
    let no_writes = Scope { writes: false, ..ALL };
    let few = Scope { writes: false, full: false, ..ALL };
    vec![
        setting("original", original(), Means::Pings, ALL),
        setting("original-text", original(), Means::Messages, no_writes),
        setting("resilient", resilient(), Means::Pings, ALL),
        setting("resilient-messages", resilient(), Means::Messages, no_writes),
        setting("resilient-watching", resilient(), Means::Nothing, ALL),
        setting("no-heartbeat", Rules { heartbeat: None, ..resilient() }, Means::Pings, ALL),
        setting(
            "period",
            heartbeat(|heartbeat| heartbeat.trigger = Trigger::Period),
            Means::Pings,
            no_writes,
        ),
        setting("misses", heartbeat(|heartbeat| heartbeat.max_missed = 1), Means::Pings, no_writes),
        setting("limits", Rules { pace: limited, ..resilient() }, Means::Pings, few),
        Setting {
            max_age: Some(steps(2)),
            ..setting("maximum-age", resilient(), Means::Pings, ALL)
        },
        setting("pairs", resilient(), Means::Pings, Scope { pairs: true, ..few }),
    ]
}
