//! The machine: decides, and does nothing else.
//!
//! Pure state. Inputs are the `handle_*` methods, each with the present moment; outputs are
//! `poll_action`, `poll_event` and `poll_deadline`, to be drained in this order after each input.
//! No clock, no waker, no future, no randomness and no closure is known here, and a test of that
//! name keeps it so. Everything in it is `Clone + Eq + Hash`, so that a model checker can run the
//! real thing.
//!
//! # Invariants
//!
//! Each has a test of the same name. Those marked (driver) are kept by the driver on top of what
//! the machine gives it, and stand in `supervisor/engine/mod.rs` again.
//!
//! 1. Proof of life is chosen; only frames of the current connection count.
//! 2. (driver) One sleep, replaced when it fires, when an earlier deadline appears and when a
//!    probe is answered; never because a message arrived.
//! 3. The clock decides, not the sleep.
//! 4. (driver) Read before you judge.
//! 5. Our own back-pressure is not the peer's silence: where nothing is read, no reply, no stuck
//!    write and no close handshake is judged, and a fresh probe precedes the next verdict
//!    (`intake.rs`).
//! 6. A stuck write gates neither reads nor deadlines. Inbound frames, and bytes that leave, extend
//!    the reply deadline. A write of which no byte is accepted is reported after 60 s and costs the
//!    connection after the write timeout, whatever comes in meanwhile (`stall.rs`).
//! 7. Every wait has a deadline.
//! 8. The attempt counter resets after the connection proved stable.
//! 9. The user's will wins in every state.
//! 10. Nothing of an old connection touches the new one.
//! 11. A deadline first seen late never condemns.
//! 12. `now` never runs backward, and overflow means never.
//! 13. Every message accepted ends in exactly one fate (`cursors.rs`).
//! 14. (driver) Read before you bury.

mod beat;
mod input;
mod intake;
mod output;
mod pacing;
mod rules;
mod stall;
#[cfg(test)]
mod tests;
mod transition;

use std::time::Duration;

use self::{beat::Beat, intake::Countdown, output::Pending, pacing::Pacing, stall::Stall};
use crate::{
    status::Phase,
    time::{Span, Timestamp},
};

pub(crate) use self::{
    intake::Intake,
    output::Action,
    rules::{Pace, Pulse, Rules, Ruling},
    transition::{End, Loss, Transition},
};

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Machine {
    rules: Rules,
    /// The latest moment ever seen.
    now: Timestamp,
    state: State,
    intake: Intake,
    /// The number of the last dial.
    connection: u64,
    /// What the attempts so far mean for the next.
    pacing: Pacing,
    /// Until when a connection that the peer closed may still write its reply.
    farewell: Option<Timestamp>,
    /// A probe is to be written, and that was not fetched yet.
    probe: bool,
    /// The other outputs not fetched yet. They are rare, and large for what most sessions are most
    /// of the time, which is idle; so they are in a box while there are some.
    pending: Option<Box<Pending>>,
}

/// Where the session stands. What is true in one state only lives in its variant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum State {
    /// Built, not started.
    Idle,
    /// An attempt is under way.
    Connecting { deadline: Option<Timestamp> },
    /// A connection is up.
    Open(Line),
    /// A connection was lost, and a ruling on the attempt of this number is awaited.
    Judging { patience: Patience, number: u32 },
    /// The next attempt is scheduled; `None` is never.
    Waiting { until: Option<Timestamp>, number: u32 },
    /// The user paused the session, with a connection or without.
    Paused(Option<Line>),
    /// The connection reached its maximum age and is being closed to be replaced.
    Retiring { close: Countdown },
    /// The user closed the session; its connection says goodbye.
    Closing { deadline: Option<Timestamp> },
    /// The session has ended.
    Closed,
}

/// Whether the delay before the next attempt is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Patience {
    AsRuled,
    /// The user wants the next attempt now, should the verdict be for one.
    None,
}

/// What is true of a connection while it is up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Line {
    since: Timestamp,
    /// When the last frame was heard that counts as proof of life.
    last_life: Timestamp,
    /// When the line last moved at all: any frame heard, or bytes that left a blocked write.
    last_move: Timestamp,
    beat: Beat,
    writing: Writing,
    /// When it is to be replaced for its age.
    retire: Option<Timestamp>,
}

/// How our writes stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Writing {
    /// Nothing is under way.
    Clear,
    /// Messages are handed over and not flushed yet.
    Handed,
    /// The connection takes no more bytes at present.
    Blocked(Stall),
}

impl Machine {
    pub(crate) fn new(rules: Rules) -> Self {
        Self {
            rules,
            now: Timestamp::EPOCH,
            state: State::Idle,
            intake: Intake::Taking,
            connection: 0,
            pacing: Pacing::new(),
            farewell: None,
            probe: false,
            pending: None,
        }
    }

    /// The number of the last dial.
    pub(crate) fn connection(&self) -> u64 {
        self.connection
    }

    /// The number of the attempt to come, under way, or that made the connection.
    pub(crate) fn attempt(&self) -> u32 {
        match self.state {
            State::Judging { number, .. } | State::Waiting { number, .. } => number,
            _ => self.pacing.attempt(),
        }
    }

    /// Whether messages may be handed to the connection.
    pub(crate) fn may_write(&self) -> bool {
        matches!(
            self.state,
            State::Open(_)
                | State::Paused(Some(_))
                | State::Closing { .. }
                | State::Retiring { .. }
        )
    }

    /// Whether the connection is being closed for its age, to be replaced.
    pub(crate) fn is_retiring(&self) -> bool {
        matches!(self.state, State::Retiring { .. })
    }

    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Where the session stands, in one word.
    pub(crate) fn phase(&self) -> Phase {
        match self.state {
            State::Idle => Phase::Idle,
            State::Connecting { .. } => Phase::Connecting,
            State::Open(_) => Phase::Open,
            State::Judging { .. } | State::Waiting { .. } => Phase::Waiting,
            State::Paused(_) => Phase::Paused,
            State::Retiring { .. } | State::Closing { .. } => Phase::Closing,
            State::Closed => Phase::Closed,
        }
    }

    /// Whether an attempt is scheduled.
    pub(crate) fn is_waiting(&self) -> bool {
        matches!(self.state, State::Waiting { .. })
    }

    /// When the next attempt begins, while one is scheduled; `None` is never, and while none is.
    pub(crate) fn next_attempt(&self) -> Option<Timestamp> {
        match self.state {
            State::Waiting { until, .. } => until,
            _ => None,
        }
    }

    /// When proof of life was last heard on the connection that is up.
    pub(crate) fn last_life(&self) -> Option<Timestamp> {
        self.line().map(|line| line.last_life)
    }

    /// Since when a written probe waits for its answer.
    pub(crate) fn probe_since(&self) -> Option<Timestamp> {
        self.line().and_then(|line| line.beat.sent())
    }

    /// Since when no byte of a blocked write was accepted, once that is reported.
    pub(crate) fn write_blocked_since(&self) -> Option<Timestamp> {
        match &self.state {
            State::Open(Line { writing: Writing::Blocked(stall), .. }) => stall.reported(),
            _ => None,
        }
    }

    fn line(&self) -> Option<&Line> {
        match &self.state {
            State::Open(line) | State::Paused(Some(line)) => Some(line),
            _ => None,
        }
    }

    fn line_mut(&mut self) -> Option<&mut Line> {
        match &mut self.state {
            State::Open(line) | State::Paused(Some(line)) => Some(line),
            _ => None,
        }
    }

    /// Takes the moment of an input: the larger of it and the last.
    fn observe(&mut self, now: Timestamp) -> Timestamp {
        self.now = self.now.max(now);
        self.now
    }

    /// Whether an input belongs to the connection that there is now.
    fn is_current(&self, connection: u64) -> bool {
        connection == self.connection
    }
}

/// `deadline`, if `now` has reached it.
fn reached(deadline: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
    deadline.filter(|deadline| *deadline <= now)
}

impl Line {
    fn new(now: Timestamp, rules: &Rules, max_age: Option<Duration>) -> Self {
        Self {
            since: now,
            last_life: now,
            last_move: now,
            beat: Beat::resting(rules.pulse, now),
            writing: Writing::Clear,
            retire: max_age.and_then(|age| now.checked_add(age)),
        }
    }

    /// The write that is blocked.
    fn stall_mut(&mut self) -> Option<&mut Stall> {
        match &mut self.writing {
            Writing::Blocked(stall) => Some(stall),
            Writing::Clear | Writing::Handed => None,
        }
    }

    /// When a blocked write is looked at, reported, or costs the connection.
    fn stall_deadline(&self, limit: Span) -> Option<Timestamp> {
        match self.writing {
            Writing::Blocked(stall) => stall.deadline(limit),
            Writing::Clear | Writing::Handed => None,
        }
    }

    /// When it is retired: at its age if it rests then, else after a grace.
    fn retire_deadline(&self, at: Timestamp, grace: Span) -> Option<Timestamp> {
        let quiet = self.writing == Writing::Clear && self.beat.is_quiet();
        if quiet { Some(at) } else { at.after(grace) }
    }
}
