//! The machine makes all decisions of a session, and does nothing else.
//!
//! It is pure state. The inputs are the `handle_*` methods, each with the present time. The outputs
//! are `poll_action`, `poll_event` and `poll_deadline`, which are drained in this order after each
//! input. The machine has no clock, no waker, no future, no randomness and no closure, and a test
//! with this name checks it. All its parts are `Clone + Eq + Hash`, so that a model checker can run
//! it (`tests/model`).
//!
//! # Invariants
//!
//! Each invariant has a test of the same name. The driver keeps the invariants that are marked
//! (driver), and `supervisor/engine/mod.rs` explains them.
//!
//! 1. Only chosen frames of the current connection prove life.
//! 2. (driver) One sleep. It is replaced when it fires, when an earlier deadline appears and when a
//!    probe is answered, and never because a message arrived.
//! 3. The clock decides, not the sleep.
//! 4. (driver) Read before you judge.
//! 5. Our own back-pressure is not the peer's silence: while nothing is read, no reply, no stuck
//!    write and no close handshake is judged, and a fresh probe precedes the next verdict
//!    (`intake.rs`).
//! 6. A stuck write blocks neither reads nor deadlines. Inbound frames and accepted bytes extend
//!    the reply deadline. If no byte of a blocked write is accepted, this is reported after 60 s,
//!    and the connection is lost after the write timeout, even if frames arrive meanwhile
//!    (`stall.rs`).
//! 7. Every wait has a deadline.
//! 8. A stable connection resets the attempt counter.
//! 9. The user's commands win in every state.
//! 10. Nothing of an old connection affects the new one.
//! 11. A deadline first seen late ends no connection at once.
//! 12. `now` never runs backward, and overflow means never.
//! 13. Every message accepted ends in exactly one fate (`cursors.rs`).
//! 14. (driver) Read before you report a failed write.

mod beat;
#[cfg(any(test, model))]
mod canonical;
mod commands;
mod connection;
mod cutoff;
mod deadlines;
mod intake;
mod learning;
mod lifecycle;
mod loss;
mod output;
mod pacing;
mod proof;
mod rules;
mod stall;
#[cfg(all(test, not(model)))]
mod tests;
mod transition;

use std::time::Duration;

use self::{
    beat::Beat,
    cutoff::Endings,
    intake::Countdown,
    learning::{Answers, Learning},
    output::Pending,
    pacing::Pacing,
    stall::Stall,
};
use crate::{status::Phase, time::Timestamp};

#[cfg(model)]
pub(crate) use self::canonical::NOW;
pub(crate) use self::{
    intake::Intake,
    learning::Means,
    loss::{End, Loss},
    output::{Action, Dial},
    rules::{Decision, HeartbeatRules, Pace, Rules, WithoutPings},
    transition::Transition,
};

/// The state of a session, see the module.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Machine {
    rules: Rules,
    /// The latest time of all inputs.
    now: Timestamp,
    state: State,
    intake: Intake,
    /// The number of the last dial.
    connection: u64,
    /// The history of attempts that matters for the next one.
    pacing: Pacing,
    /// Whether the server answers. `None` before this matters.
    learning: Option<Box<Learning>>,
    /// The last ends of connections by the peer. `None` if the last open connection ended otherwise.
    endings: Option<Box<Endings>>,
    /// The time until which a connection that the peer has closed may write its reply.
    drain_deadline: Option<Timestamp>,
    /// A probe is to be written, and the driver has not fetched this action yet.
    probe: bool,
    /// The other outputs that the driver has not fetched yet. They are rare, since most sessions
    /// are idle most of the time, so they are in a box.
    pending: Option<Box<Pending>>,
}

/// The state of the session, with the data that only this state has.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum State {
    /// Not started.
    Idle,
    /// An attempt is under way.
    Connecting { deadline: Option<Timestamp> },
    /// A connection is open.
    Open(OpenConnection),
    /// A connection was lost, and a decision on the attempt of this number is awaited.
    Deciding { delay: Delay, number: u32 },
    /// The next attempt is scheduled; `None` is not known, or never.
    Waiting { until: Option<Timestamp>, number: u32 },
    /// The user paused the session, with a connection or without.
    Paused(Option<OpenConnection>),
    /// The connection reached its maximum age and is being closed to be replaced.
    Retiring { close: Countdown },
    /// The user closed the session; its connection is being closed.
    Closing { deadline: Option<Timestamp> },
    /// The session has ended.
    Closed,
}

/// The delay before the next attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Delay {
    AsDecided,
    /// No delay if another attempt follows: the user wants it now.
    None,
}

/// An open connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct OpenConnection {
    since: Timestamp,
    /// When proof of life was last heard.
    last_life: Timestamp,
    /// When the connection last showed any activity: a frame was heard, or bytes of a blocked write
    /// were accepted.
    last_move: Timestamp,
    /// When the last frame came in, or messages were last written. A silence is the time since then.
    last_frame: Timestamp,
    /// The longest silence that has ended, in milliseconds. 0 if it was too short to matter.
    survived: u32,
    /// When a ping is due that proves the messages written since the last ping. `None` if none were
    /// written, or a ping cannot prove them.
    proof_due: Option<Timestamp>,
    beat: Beat,
    answers: Answers,
    writing: Writing,
    /// When the connection is to be replaced for its age.
    retire: Option<Timestamp>,
}

/// The state of our writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Writing {
    /// Nothing is under way.
    Clear,
    /// Messages are handed over and not flushed yet.
    Handed,
    /// The connection accepts no more bytes at present.
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
            learning: None,
            endings: None,
            drain_deadline: None,
            probe: false,
            pending: None,
        }
    }

    /// The number of the last dial.
    pub(crate) fn connection(&self) -> u64 {
        self.connection
    }

    /// The number of the next attempt, the current attempt, or the attempt that made the
    /// connection.
    pub(crate) fn attempt(&self) -> u32 {
        match self.state {
            State::Deciding { number, .. } | State::Waiting { number, .. } => number,
            _ => self.pacing.attempt(),
        }
    }

    /// Returns whether messages may be handed to the connection.
    pub(crate) fn may_write(&self) -> bool {
        matches!(
            self.state,
            State::Open(_)
                | State::Paused(Some(_))
                | State::Closing { .. }
                | State::Retiring { .. }
        )
    }

    /// Returns whether the connection is being closed for its age, to be replaced.
    pub(crate) fn is_retiring(&self) -> bool {
        matches!(self.state, State::Retiring { .. })
    }

    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// The state of the session, as it is published.
    pub(crate) fn phase(&self) -> Phase {
        match self.state {
            State::Idle => Phase::Idle,
            State::Connecting { .. } => Phase::Connecting,
            State::Open(_) => Phase::Open,
            State::Deciding { .. } | State::Waiting { .. } => Phase::Waiting,
            State::Paused(_) => Phase::Paused,
            State::Retiring { .. } | State::Closing { .. } => Phase::Closing,
            State::Closed => Phase::Closed,
        }
    }

    /// Returns whether an attempt is scheduled.
    pub(crate) fn is_waiting(&self) -> bool {
        matches!(self.state, State::Waiting { .. })
    }

    /// When the scheduled attempt begins. `None` is not known or never, or no attempt is scheduled.
    pub(crate) fn next_attempt(&self) -> Option<Timestamp> {
        match self.state {
            State::Waiting { until, .. } => until,
            _ => None,
        }
    }

    /// When proof of life was last heard on the open connection.
    pub(crate) fn last_life(&self) -> Option<Timestamp> {
        self.open().map(|open| open.last_life)
    }

    /// When the probe was written that waits for its answer.
    pub(crate) fn probe_since(&self) -> Option<Timestamp> {
        self.open().and_then(|open| open.beat.sent())
    }

    /// Whether a probe was requested, written or not, and waits for its answer.
    pub(crate) fn awaits_answer(&self) -> bool {
        self.open().is_some_and(|open| open.beat.asked().is_some())
    }

    /// The beginning of the time in which no byte of a blocked write was accepted, after it was
    /// reported.
    pub(crate) fn write_blocked_since(&self) -> Option<Timestamp> {
        match &self.state {
            State::Open(OpenConnection { writing: Writing::Blocked(stall), .. }) => {
                stall.reported()
            }
            _ => None,
        }
    }

    fn open(&self) -> Option<&OpenConnection> {
        match &self.state {
            State::Open(open) | State::Paused(Some(open)) => Some(open),
            _ => None,
        }
    }

    fn open_mut(&mut self) -> Option<&mut OpenConnection> {
        match &mut self.state {
            State::Open(open) | State::Paused(Some(open)) => Some(open),
            _ => None,
        }
    }

    /// The open connection, if `connection` is the current one.
    fn current_mut(&mut self, connection: u64) -> Option<&mut OpenConnection> {
        if self.is_current(connection) { self.open_mut() } else { None }
    }

    /// Takes the time of an input, and returns the maximum of it and the last time.
    fn observe(&mut self, now: Timestamp) -> Timestamp {
        self.now = self.now.max(now);
        self.now
    }

    /// Returns whether an input belongs to the current connection.
    fn is_current(&self, connection: u64) -> bool {
        connection == self.connection
    }
}

/// `deadline`, if `now` has reached it.
fn reached(deadline: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
    deadline.filter(|deadline| *deadline <= now)
}

impl OpenConnection {
    fn new(now: Timestamp, rules: &Rules, means: Means, max_age: Option<Duration>) -> Self {
        let beat = Beat::resting(rules.heartbeat, now);
        let (answers, beat) = match (means, rules.without_pings) {
            (Means::Pings, _) | (_, WithoutPings::SendText) => (Answers::Required, beat),
            (Means::Messages, WithoutPings::Watch { .. }) => {
                (Answers::Optional { reported: false }, beat)
            }
            (Means::Nothing, WithoutPings::Watch { silence }) => {
                (Answers::Required, Beat::watching(silence, now))
            }
        };
        Self {
            since: now,
            last_life: now,
            last_move: now,
            last_frame: now,
            survived: 0,
            proof_due: None,
            beat,
            answers,
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

    /// The next deadline of a blocked write: it is checked, reported, or ends the connection.
    fn stall_deadline(&self, limit: Duration) -> Option<Timestamp> {
        match self.writing {
            Writing::Blocked(stall) => stall.deadline(limit),
            Writing::Clear | Writing::Handed => None,
        }
    }

    /// When the connection is retired: at its maximum age if it is quiet, otherwise after a grace
    /// period.
    fn retire_deadline(&self, at: Timestamp, grace: Duration) -> Option<Timestamp> {
        let quiet = self.writing == Writing::Clear && self.beat.is_quiet();
        if quiet { Some(at) } else { at.checked_add(grace) }
    }
}
