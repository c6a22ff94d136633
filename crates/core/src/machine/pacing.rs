//! The numbers that decide whether and when the next attempt may begin.

use std::time::Duration;

use super::{loss::End, rules::Pace};
use crate::{time::Timestamp, transport::Predecessor};

/// The attempts so far.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Pacing {
    /// The number of the last attempt that began; 0 after a stable connection.
    pub(super) attempt: u32,
    /// The number of attempts and connections in a row that failed or died before they were stable.
    pub(super) failures: u32,
    /// The number of connections in a row that opened and died before they were stable.
    pub(super) flaps: u32,
    /// When the last attempt began.
    pub(super) dialled: Option<Timestamp>,
    /// When the current outage began; `None` while a connection is open.
    pub(super) down_since: Option<Timestamp>,
    /// The next decision begins with fresh delays.
    fresh: bool,
    /// A connection was open and is lost, so the limit of initial attempts is over.
    had_connection: bool,
    /// The predecessor of the next attempt.
    pub(super) before: Predecessor,
}

impl Pacing {
    pub(super) fn new() -> Self {
        Self {
            attempt: 0,
            failures: 0,
            flaps: 0,
            dialled: None,
            down_since: None,
            fresh: true,
            had_connection: false,
            before: Predecessor::None,
        }
    }

    pub(super) fn attempt(&self) -> u32 {
        self.attempt
    }

    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    pub(super) fn before(&self) -> Predecessor {
        self.before
    }

    /// The number of the next attempt, unless it replaces a connection.
    pub(super) fn next(&self) -> u32 {
        if self.dialled.is_none() { 0 } else { self.attempt.saturating_add(1) }
    }

    /// The wait for a connection begins now.
    pub(super) fn go_down(&mut self, now: Timestamp) {
        self.down_since = Some(now);
    }

    /// The attempt begins.
    pub(super) fn begin(&mut self, now: Timestamp, number: u32) {
        self.attempt = number;
        self.dialled = Some(now);
    }

    /// A connection is open. Returns how long the outage was.
    pub(super) fn open(&mut self, now: Timestamp) -> Duration {
        self.down_since.take().map_or(Duration::ZERO, |at| now.saturating_since(at))
    }

    /// A connection or an attempt was lost. `wanted`: the cause is a command of the user or the
    /// maximum age.
    pub(super) fn lose(
        &mut self,
        now: Timestamp,
        opened: Option<Stability>,
        wanted: bool,
        pace: &Pace,
    ) {
        let stable = opened == Some(Stability::Proven);
        self.before = match (opened, wanted) {
            (None, false) => Predecessor::Failed,
            (None, true) => Predecessor::GivenUp,
            (Some(_), false) => Predecessor::Lost { stable },
            (Some(_), true) => Predecessor::Replaced { stable },
        };
        if opened.is_some() && !self.had_connection {
            self.had_connection = true;
            if pace.last_initial_attempt.is_some() {
                // Initial attempts do not count for the other limit.
                self.attempt = 0;
            }
        }
        if stable {
            self.begin_row();
            self.failures = 0;
            self.flaps = 0;
        } else if !wanted {
            self.failures = self.failures.saturating_add(1);
            self.flaps = self.flaps.saturating_add(u32::from(opened.is_some()));
        }
        self.down_since.get_or_insert(now);
    }

    /// Restarts the count of attempts and the delays.
    pub(super) fn begin_row(&mut self) {
        self.attempt = 0;
        self.fresh = true;
    }

    /// Returns whether the next decision begins with fresh delays.
    pub(super) fn take_fresh(&mut self) -> bool {
        std::mem::take(&mut self.fresh)
    }

    /// The decision that was to begin with fresh delays is not asked for, so the next one does.
    pub(super) fn keep_fresh(&mut self) {
        self.fresh = true;
    }

    /// Returns the reason why an attempt with this number is not allowed, if there is one.
    pub(super) fn refuses(&self, number: u32, pace: &Pace) -> Option<End> {
        let again = self.dialled.is_some();
        let initial = pace.last_initial_attempt.filter(|_| !self.had_connection);
        let last = initial.unwrap_or(pace.last_attempt);
        let never_again = again && last == 0;
        if never_again || number > last {
            Some(End::AttemptsExhausted)
        } else if self.flaps > pace.flap_limit {
            Some(End::FlapLimit)
        } else {
            None
        }
    }

    /// The time of an attempt after this delay, but not before the end of the minimum gap. `None`
    /// is never.
    pub(super) fn moment(&self, now: Timestamp, delay: Duration, pace: &Pace) -> Option<Timestamp> {
        let wanted = now.checked_add(delay)?;
        match self.dialled {
            None => Some(wanted),
            Some(last) => last.checked_add(pace.minimum_gap).map(|earliest| earliest.max(wanted)),
        }
    }

    /// When the limit of the outage is over. `None` is never.
    pub(super) fn end_of_outage(&self, pace: &Pace) -> Option<Timestamp> {
        self.down_since?.checked_add(pace.outage_limit)
    }

    /// Returns whether an attempt at this time begins within the limit of the outage.
    pub(super) fn is_in_time(&self, at: Option<Timestamp>, pace: &Pace) -> bool {
        if pace.outage_limit == Duration::MAX {
            return true;
        }
        match (self.down_since, at) {
            (Some(since), Some(at)) => at.saturating_since(since) <= pace.outage_limit,
            (Some(_), None) => false,
            (None, _) => true,
        }
    }
}

/// Whether a connection was open long enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stability {
    Proven,
    Unproven,
}
