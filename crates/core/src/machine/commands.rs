//! The user's commands.

use super::{
    Delay, Machine, State,
    transition::{End, Loss},
};
use crate::time::Timestamp;

impl Machine {
    /// End the session, gracefully where there is a connection.
    pub(crate) fn handle_close(&mut self, now: Timestamp) {
        let now = self.observe(now);
        let deadline = now.after(self.rules.close_timeout);
        match &self.state {
            State::Open(_) | State::Paused(Some(_)) => {
                self.probe = false;
                self.pending().close_frame = true;
                self.state = State::Closing { deadline };
            }
            State::Retiring { .. } => {
                // Where its close frame is not written yet, the user's takes its place.
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

    /// End the session now.
    pub(crate) fn handle_abort(&mut self, now: Timestamp) {
        self.observe(now);
        if !self.is_closed() {
            self.end(End::Aborted);
        }
    }

    /// Replace the connection, or wait no longer for the next attempt.
    pub(crate) fn handle_reconnect_now(&mut self, now: Timestamp) {
        let now = self.observe(now);
        match self.state {
            State::Idle => self.handle_start(now),
            State::Open(_) => self.lose(now, Loss::Replaced),
            State::Deciding { number, .. } => {
                self.state = State::Deciding { delay: Delay::None, number };
            }
            State::Waiting { number, .. } => self.wait(self.at_once(now), number),
            // An attempt under way is what was asked for; the others are the user's will.
            State::Connecting { .. }
            | State::Paused(_)
            | State::Retiring { .. }
            | State::Closing { .. }
            | State::Closed => {}
        }
    }

    /// Ask the peer for a sign of life, with a short deadline.
    pub(crate) fn handle_probe_now(&mut self, now: Timestamp) {
        let now = self.observe(now);
        let recheck = self.rules.recheck;
        if let State::Open(open) = &mut self.state
            && open.beat.probe_now(now, recheck)
        {
            self.probe = true;
        }
    }

    /// Rest: keep a connection that is open, begin nothing.
    pub(crate) fn handle_pause(&mut self, now: Timestamp) {
        let now = self.observe(now);
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Open(open) => self.state = State::Paused(Some(open)),
            // One that has said close_frame cannot be kept.
            begun @ (State::Connecting { .. } | State::Retiring { .. }) => {
                self.state = begun;
                self.lose(now, Loss::Paused);
            }
            State::Deciding { .. } => {
                if let Some(pending) = &mut self.pending {
                    pending.question = None;
                }
                self.state = State::Paused(None);
            }
            State::Idle | State::Waiting { .. } => self.state = State::Paused(None),
            other => self.state = other,
        }
    }

    /// Go on: with a connection by asking it for a sign of life, without one by an attempt at once.
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
