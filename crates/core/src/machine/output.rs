//! What comes out of the machine. At most one of a kind is ever pending, so nothing here is a
//! queue.

use std::time::Duration;

use super::{Line, Machine, Reading, State, earlier};
use crate::Timestamp;

/// What the driver is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    /// Drop the connection or the attempt that there is, for this loss.
    Abandon(Loss),
    /// Let the connection that the peer closed write its reply, without reading, until told to
    /// drop it.
    TakeLeave,
    /// Drop the connection that takes its leave.
    EndLeave,
    /// Find a ruling on the lost connection and bring it to `handle_ruling`. `fresh`: begin with
    /// fresh delays.
    Judge { fresh: bool },
    /// Begin the attempt, to be finished by `deadline`.
    Dial { attempt: u32, deadline: Option<Timestamp> },
    /// Write a probe and report `handle_probe_written`.
    Probe,
    /// Write what is queued, then a close frame, then wait for the end.
    SayGoodbye,
}

/// Why a connection or an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Loss {
    /// The driver knows: it reported it.
    Reported,
    ConnectTimeout(Duration),
    HeartbeatTimeout(Duration),
    WriteStalled(Duration),
    Replaced,
    MaxAge,
    Paused,
    /// By the user's will, with the session.
    Ended,
}

/// What the driver is to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Transition {
    Lost { connection: u64, opened: bool, loss: Loss },
    Retry { attempt: u32, delay: Duration },
    Connecting { connection: u64, attempt: u32 },
    Open { connection: u64, attempt: u32, outage: Duration },
    Closed(End),
}

/// Why the session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum End {
    User,
    Aborted,
    AttemptsExhausted,
    BackoffEnded,
    Stopped,
    FlapLimit,
    OutageLimit,
}

/// Outputs not fetched yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Pending {
    pub(super) abandon: Option<Loss>,
    pub(super) leave: Option<Leave>,
    pub(super) judge: Option<bool>,
    pub(super) dial: Option<Option<Timestamp>>,
    pub(super) probe: bool,
    pub(super) goodbye: bool,
    pub(super) lost: Option<(u64, bool, Loss)>,
    pub(super) retry: Option<Duration>,
    pub(super) connecting: bool,
    pub(super) open: Option<Duration>,
    pub(super) closed: Option<End>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Leave {
    Take,
    End,
}

impl Machine {
    /// The next thing to do, in the order in which it must be done.
    pub(crate) fn poll_action(&mut self) -> Option<Action> {
        let pending = &mut self.pending;
        if let Some(loss) = pending.abandon.take() {
            return Some(Action::Abandon(loss));
        }
        if let Some(leave) = pending.leave.take() {
            return Some(match leave {
                Leave::Take => Action::TakeLeave,
                Leave::End => Action::EndLeave,
            });
        }
        if let Some(fresh) = pending.judge.take() {
            return Some(Action::Judge { fresh });
        }
        if let Some(deadline) = pending.dial.take() {
            return Some(Action::Dial { attempt: self.attempt, deadline });
        }
        if std::mem::take(&mut pending.probe) {
            return Some(Action::Probe);
        }
        std::mem::take(&mut pending.goodbye).then_some(Action::SayGoodbye)
    }

    /// The next thing to tell, in the order in which it happened.
    pub(crate) fn poll_event(&mut self) -> Option<Transition> {
        let pending = &mut self.pending;
        if let Some((connection, opened, loss)) = pending.lost.take() {
            return Some(Transition::Lost { connection, opened, loss });
        }
        if let Some(delay) = pending.retry.take() {
            return Some(Transition::Retry { attempt: self.attempt, delay });
        }
        let (connection, attempt) = (self.connection, self.attempt);
        if std::mem::take(&mut pending.connecting) {
            return Some(Transition::Connecting { connection, attempt });
        }
        if let Some(outage) = pending.open.take() {
            return Some(Transition::Open { connection, attempt, outage });
        }
        pending.closed.take().map(Transition::Closed)
    }

    /// The moment at which `handle_deadline` wants to be called; `None` is never.
    pub(crate) fn poll_deadline(&self) -> Option<Timestamp> {
        let own = match &self.state {
            State::Idle | State::Judging(_) | State::Closed | State::Paused(_) => None,
            State::Connecting { deadline }
            | State::Retiring { deadline }
            | State::Closing { deadline } => *deadline,
            State::Waiting { until } => *until,
            State::Open(line) => self.line_deadline(line),
        };
        earlier(own, self.farewell)
    }

    fn line_deadline(&self, line: &Line) -> Option<Timestamp> {
        let beat = line.beat.deadline(line.last_move, line.reading == Reading::Paused);
        earlier(beat, line.retire_deadline(self.rules.close_timeout))
    }
}
