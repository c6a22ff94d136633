//! The commands of the user.

use super::{
    Delay, Machine, State,
    loss::{End, Loss},
    output::Question,
};
use crate::time::Timestamp;

impl Machine {
    /// Ends the session, and closes an open connection gracefully.
    pub(crate) fn handle_close(&mut self, now: Timestamp) {
        let now = self.observe(now);
        let deadline = now.checked_add(self.rules.close_timeout);
        match &self.state {
            State::Open(_) | State::Paused(Some(_)) => {
                self.probe = false;
                self.pending().close_frame = true;
                self.state = State::Closing { deadline };
            }
            State::Retiring { .. } => {
                // If the close frame is not written yet, the user's close frame replaces it.
                self.pending().close_frame = true;
                self.state = State::Closing { deadline };
            }
            State::Closing { .. } | State::Closed => {}
            State::Idle
            | State::Connecting { .. }
            | State::Deciding { .. }
            | State::Waiting { .. }
            | State::Paused(None) => self.end(End::User),
        }
    }

    /// Ends the session now.
    pub(crate) fn handle_abort(&mut self, now: Timestamp) {
        self.observe(now);
        if !self.is_closed() {
            self.end(End::Aborted);
        }
    }

    /// Replaces the connection, or makes the next attempt begin now.
    pub(crate) fn handle_reconnect_now(&mut self, now: Timestamp) {
        let now = self.observe(now);
        match self.state {
            State::Idle => self.handle_start(now),
            State::Open(_) => self.lose(now, Loss::Replaced),
            State::Deciding { number, .. } => {
                self.state = State::Deciding { delay: Delay::None, number };
            }
            State::Waiting { number, .. } => self.wait(self.at_once(now), number),
            // While connecting, an attempt is already under way. In the other states an earlier
            // command applies.
            State::Connecting { .. }
            | State::Paused(_)
            | State::Retiring { .. }
            | State::Closing { .. }
            | State::Closed => {}
        }
    }

    /// Sends a probe with a short deadline.
    pub(crate) fn handle_probe_now(&mut self, now: Timestamp) {
        let now = self.observe(now);
        let recheck = self.rules.recheck;
        if let State::Open(open) = &mut self.state
            && open.beat.probe_now(now, recheck)
        {
            self.probe = true;
        }
    }

    /// Pauses: an open connection is kept, and no attempt begins.
    pub(crate) fn handle_pause(&mut self, now: Timestamp) {
        let now = self.observe(now);
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Open(open) => self.state = State::Paused(Some(open)),
            // A connection whose close frame was sent cannot be kept.
            begun @ (State::Connecting { .. } | State::Retiring { .. }) => {
                self.state = begun;
                self.lose(now, Loss::Paused);
            }
            State::Deciding { .. } => {
                let question = self.pending.as_mut().and_then(|pending| pending.question.take());
                if let Some(Question::Loss { fresh: true, .. }) = question {
                    self.pacing.keep_fresh();
                }
                self.state = State::Paused(None);
            }
            State::Idle | State::Waiting { .. } => self.state = State::Paused(None),
            other => self.state = other,
        }
    }

    /// Ends the pause: with a connection, sends a probe; without one, begins an attempt at once.
    pub(crate) fn handle_resume(&mut self, now: Timestamp) {
        let now = self.observe(now);
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Paused(Some(mut open)) => {
                open.last_move = now;
                if let Some(stall) = open.stall_mut() {
                    stall.accepted(now);
                }
                self.probe |= open.beat.renew(now, self.rules.recheck);
                self.state = State::Open(open);
            }
            State::Paused(None) => {
                // The pause was no outage.
                self.pacing.go_down(now);
                let number = self.pacing.next();
                match self.pacing.refuses(number, &self.rules.pace) {
                    Some(end) => self.end(end),
                    None => self.wait(self.at_once(now), number),
                }
            }
            other => self.state = other,
        }
    }
}
