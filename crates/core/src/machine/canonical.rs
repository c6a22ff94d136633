//! The canonical form of a machine, for a model checker (`tests/model`).
//!
//! Machines with the same canonical form behave alike from now on, apart from the times that they
//! report. Times are moved so that it is [`NOW`]. A time in the past is moved closer, as far as no
//! rule can notice the difference. Counters stop behind their limits. So a session of any length has
//! finitely many forms.

use std::time::Duration;

use super::{
    Machine, OpenConnection, State, Writing,
    beat::Beat,
    intake::Countdown,
    learning::{Answers, IN_A_ROW, Knowledge},
    pacing::Pacing,
    rules::Rules,
    stall::{Clock, REPORT},
};
use crate::{time::Timestamp, transport::Predecessor};

/// The present in a canonical machine: far from both ends of time.
pub(crate) const NOW: Timestamp = Timestamp::from_epoch(Duration::from_secs(1_000_000_000));

/// More than this, a time is beyond a limit.
const BEYOND: Duration = Duration::from_nanos(1);

/// Counts of attempts without a limit stop here.
const MANY: u32 = 2;

/// Moves times from the present of a machine to [`NOW`].
#[derive(Clone, Copy)]
struct Shift {
    now: Timestamp,
}

impl Shift {
    /// No rule distinguishes times that are past for `limit` or longer.
    fn apply(self, at: &mut Timestamp, limit: Duration) {
        let age = self.now.saturating_since(*at).min(limit);
        let ahead = at.saturating_since(self.now);
        let past = NOW.since_epoch().saturating_sub(age);
        *at = Timestamp::from_epoch(past.saturating_add(ahead));
    }

    fn apply_any(self, at: &mut Option<Timestamp>, limit: Duration) {
        if let Some(at) = at {
            self.apply(at, limit);
        }
    }
}

impl Machine {
    /// Makes this the canonical machine of those that behave like it from `now` on. All outputs must
    /// be fetched.
    pub(crate) fn make_canonical(&mut self, now: Timestamp) {
        let now = self.observe(now);
        let (rules, shift) = (self.rules, Shift { now });
        self.now = NOW;
        self.connection = self.connection.min(1);
        // A limit of the peer is only reported.
        self.endings = None;
        shift.apply_any(&mut self.drain_deadline, Duration::ZERO);
        self.forget_rows_that_ended();
        match &mut self.state {
            State::Idle | State::Deciding { .. } | State::Paused(None) | State::Closed => {}
            State::Connecting { deadline } | State::Closing { deadline } => {
                shift.apply_any(deadline, Duration::ZERO);
            }
            State::Waiting { until, .. } => shift.apply_any(until, Duration::ZERO),
            State::Retiring { close: Countdown::Running { until } } => {
                shift.apply_any(until, Duration::ZERO);
            }
            State::Retiring { close: Countdown::Standing { .. } } => {}
            State::Open(open) | State::Paused(Some(open)) => open.make_canonical(&rules, shift),
        }
        self.make_learning_canonical(shift);
        let many = rules.many_attempts();
        if let State::Waiting { number, .. } | State::Deciding { number, .. } = &mut self.state {
            *number = (*number).min(many + 1);
        }
        self.pacing.make_canonical(&rules, shift);
        match self.state {
            State::Closed => self.pacing = Pacing::new(),
            // The next loss sets it again.
            State::Connecting { .. } => self.pacing.before = Predecessor::None,
            _ if self.may_write() => self.pacing.before = Predecessor::None,
            _ => {}
        }
    }

    /// A frame ends a row of unanswered probes, and so does another connection.
    fn forget_rows_that_ended(&mut self) {
        let heard = self.open().map(|open| open.last_move);
        if let Some(learning) = &mut self.learning
            && let Knowledge::Unknown { silent, .. } = &mut learning.server
        {
            *silent = silent.filter(|row| heard.is_some_and(|heard| heard <= row.since));
        }
    }

    fn make_learning_canonical(&mut self, shift: Shift) {
        let heard = self.open().map(|open| open.last_move);
        let Some(learning) = &mut self.learning else { return };
        if let Knowledge::Unknown { silent: Some(row), .. } = &mut learning.server {
            row.misses = row.misses.min(IN_A_ROW);
            // Only its order with the times of frames matters.
            row.since = heard.unwrap_or(NOW);
        }
        if let Some((last, gap)) = &mut learning.reconnect {
            shift.apply(last, *gap);
        }
    }
}

impl OpenConnection {
    fn make_canonical(&mut self, rules: &Rules, shift: Shift) {
        let timeout = rules.heartbeat.map_or(Duration::ZERO, |heartbeat| heartbeat.timeout);
        let every = rules.heartbeat.map_or(Duration::ZERO, |heartbeat| heartbeat.every);
        let wait = timeout.max(rules.recheck);
        // A blocked probe is judged one wait after it was requested or the last move, and it matters
        // whether this is noticed late by more than another wait.
        let judged = 2 * wait + BEYOND;
        let asked = judged.max(every);
        shift.apply(&mut self.since, rules.stable_after);
        shift.apply(&mut self.last_life, asked + timeout);
        shift.apply(&mut self.last_move, judged);
        if self.answers == Answers::Required {
            self.last_life = NOW;
        }
        // They only matter for a limit of the peer.
        self.last_frame = NOW;
        self.survived = 0;
        shift.apply_any(&mut self.proof_due, Duration::ZERO);
        match &mut self.beat {
            Beat::Off | Beat::SilenceReported { .. } => {}
            Beat::Resting { due }
            | Beat::Proving { due, .. }
            | Beat::Unjudged { due }
            | Beat::Watching { due, .. } => shift.apply_any(due, Duration::ZERO),
            Beat::Unwritten { asked: at, heard, .. } => {
                shift.apply(at, asked);
                shift.apply_any(heard, every);
            }
            Beat::Outstanding { asked: at, sent, wait, until, .. } => {
                shift.apply(at, asked);
                *sent = NOW;
                shift.apply_any(until, *wait + BEYOND);
            }
        }
        if let Writing::Blocked(stall) = &mut self.writing {
            let limit = if rules.write_timeout == Duration::MAX {
                REPORT
            } else {
                rules.write_timeout.max(REPORT)
            };
            let limit = limit + rules.recheck + BEYOND;
            match &mut stall.clock {
                Clock::Running { began } => shift.apply(began, limit),
                Clock::Standing { ran } => *ran = limit.min(*ran),
            }
        }
        shift.apply_any(&mut self.retire, rules.close_timeout);
    }
}

impl Pacing {
    fn make_canonical(&mut self, rules: &Rules, shift: Shift) {
        let pace = &rules.pace;
        let limited = |limit: u32| if limit == u32::MAX { 0 } else { limit + 1 };
        let timeout = rules.connect_timeout;
        let longest = timeout.of(u32::MAX);
        let mut growing = 0;
        while timeout.of(growing) < longest {
            growing += 1;
        }
        self.attempt = self.attempt.min(rules.many_attempts());
        self.failures = self.failures.min(growing);
        self.flaps = self.flaps.min(limited(pace.flap_limit));
        shift.apply_any(&mut self.dialled, pace.minimum_gap);
        let outage = pace.outage_limit.checked_add(BEYOND).unwrap_or(Duration::ZERO);
        shift.apply_any(&mut self.down_since, outage);
    }
}

impl Rules {
    /// An attempt with a number beyond this one is like one with this number.
    fn many_attempts(&self) -> u32 {
        let beyond = |limit| if limit == u32::MAX { MANY } else { limit + 1 };
        let initial = self.pace.last_initial_attempt.map_or(0, beyond);
        beyond(self.pace.last_attempt).max(initial)
    }
}
