//! Steps that several inputs share: an attempt is scheduled or begins, a connection is lost, the
//! session ends.

use std::time::Duration;

use super::{
    Delay, Machine, State,
    loss::{End, Loss},
    output::{Dial, Drain, Question},
    pacing::Stability,
};
use crate::time::Timestamp;

impl Machine {
    pub(super) fn dial(&mut self, now: Timestamp, number: u32) {
        // The deadline may be noticed late.
        if !self.pacing.is_in_time(Some(now), &self.rules.pace) {
            return self.end(End::OutageLimit);
        }
        if self.drain_deadline.take().is_some() {
            self.pending().drain = Some(Drain::End);
        }
        let deadline = now.checked_add(self.connect_timeout());
        self.connection += 1;
        self.pacing.begin(now, number);
        let dial = Dial { attempt: number, deadline, follows: self.pacing.before() };
        let pending = self.pending();
        pending.dial = Some(dial);
        pending.connecting = true;
        self.state = State::Connecting { deadline };
    }

    pub(super) fn connect_timeout(&self) -> Duration {
        self.rules.connect_timeout.of(self.pacing.failures())
    }

    /// The earliest time at which an attempt may begin.
    pub(super) fn at_once(&self, now: Timestamp) -> Option<Timestamp> {
        self.pacing.moment(now, Duration::ZERO, &self.rules.pace)
    }

    /// Schedules an attempt. If the attempt would begin after the limit of the outage, for any
    /// reason, the session ends at once.
    pub(super) fn wait(&mut self, until: Option<Timestamp>, number: u32) {
        if self.pacing.is_in_time(until, &self.rules.pace) {
            self.state = State::Waiting { until, number };
        } else {
            self.end(End::OutageLimit);
        }
    }

    /// The attempt or the connection has ended.
    pub(super) fn lose(&mut self, now: Timestamp, loss: Loss) {
        self.probe = false;
        if let Some(pending) = &mut self.pending {
            pending.dial = None;
            pending.close_frame = false;
        }
        let opened = match &self.state {
            State::Connecting { .. } => None,
            State::Open(open) | State::Paused(Some(open)) => {
                let stable = now.saturating_since(open.since) >= self.rules.stable_after;
                Some(if stable { Stability::Proven } else { Stability::Unproven })
            }
            // It reached its maximum age.
            State::Retiring { .. } => Some(Stability::Proven),
            State::Closing { .. } => return self.end(End::User),
            State::Idle
            | State::Deciding { .. }
            | State::Waiting { .. }
            | State::Paused(None)
            | State::Closed => return,
        };
        if loss != Loss::Reported {
            self.pending().abandon = Some(loss);
            if opened.is_some() {
                self.endings = None;
            }
        }
        // The loss of a retired connection is always reported with its age as the cause.
        let retired = matches!(self.state, State::Retiring { .. }) && loss != Loss::Paused;
        let loss = if retired { Loss::MaxAge } else { loss };
        // An intentional end is no failure.
        let wanted = matches!(loss, Loss::Replaced | Loss::Paused | Loss::MaxAge);
        let attempt = self.pacing.attempt();
        self.pacing.lose(now, opened, wanted, &self.rules.pace);
        let connection = self.connection;
        let opened = opened.is_some();
        self.pending().lost = Some((connection, opened, loss));
        let delay = Delay::AsDecided;
        match self.state {
            _ if loss == Loss::Paused => self.state = State::Paused(None),
            State::Paused(_) => self.state = State::Paused(None),
            // An intentional end needs no verdict and no backoff.
            _ if wanted => {
                self.pacing.begin_row();
                self.pending().question = Some(Question::Replacement);
                self.state = State::Deciding { delay, number: 0 };
            }
            _ => {
                let fresh = self.pacing.take_fresh();
                self.pending().question = Some(Question::Loss { fresh, opened, attempt });
                self.state = State::Deciding { delay, number: self.pacing.next() };
            }
        }
    }

    pub(super) fn end(&mut self, end: End) {
        self.probe = false;
        let up = matches!(self.state, State::Connecting { .. }) || self.may_write();
        let draining = self.drain_deadline.take().is_some();
        let pending = self.pending();
        pending.question = None;
        pending.dial = None;
        pending.close_frame = false;
        pending.retry = None;
        if up {
            pending.drain = None;
            pending.abandon = Some(Loss::Ended);
        } else if draining {
            pending.drain = Some(Drain::End);
        }
        pending.closed = Some(end);
        self.state = State::Closed;
    }
}
