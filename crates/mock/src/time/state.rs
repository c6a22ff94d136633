//! The state of a clock: [`State`].

use std::{collections::BTreeMap, task::Waker, time::Duration};

use websocket_heartbeat::Timestamp;

use super::{leader::Leader, timer_quirks::TimerQuirks};
use crate::rng::Rng;

/// Counts of the sleeps of a [`Clock`](crate::Clock).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SleepCounts {
    /// Sleeps created so far.
    pub created: u64,
    /// Sleeps that exist now.
    pub alive: u64,
    /// Existing sleeps that were polled and wait for their instant.
    pub waiting: u64,
    /// Wakers called so far because a sleep ended.
    pub wakes: u64,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) now: Timestamp,
    /// The servers' clock minus `now`.
    pub(super) ahead: Duration,
    pub(super) sleeps: BTreeMap<(Timestamp, u64), Waker>,
    /// Ordered by the servers' clock.
    pub(super) actions: BTreeMap<(Timestamp, u64), Action>,
    /// Keeps entries of one instant in order of creation.
    pub(super) last_id: u64,
    pub(super) quirks: TimerQuirks,
    pub(super) counts: SleepCounts,
    /// The number of polls of tasks by runners so far.
    pub(super) turn: u64,
    pub(super) entropy: Rng,
    pub(super) leader: Option<Leader>,
}

pub(super) type Action = Box<dyn FnOnce() + Send>;

impl State {
    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    pub(super) fn servers_now(&self) -> Option<Timestamp> {
        self.now.checked_add(self.ahead)
    }

    /// The waker of the task that moves this clock, if it sleeps too long.
    pub(super) fn take_follower(&mut self) -> Option<Waker> {
        let next = self.next_instant()?;
        self.leader.as_mut()?.wake_before(next)
    }

    pub(super) fn next_action(&self) -> Option<Timestamp> {
        let ((at, _), _) = self.actions.first_key_value()?;
        Some(Timestamp::from_epoch(at.since_epoch().saturating_sub(self.ahead)))
    }

    pub(super) fn next_instant(&self) -> Option<Timestamp> {
        let sleep = self.sleeps.first_key_value().map(|((at, _), _)| *at);
        let next = sleep.into_iter().chain(self.next_action()).min()?;
        Some(next.max(self.now))
    }
}
