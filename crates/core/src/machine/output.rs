//! What comes out of the machine. At most one of a kind is ever pending, so nothing here is a
//! queue.

use std::time::Duration;

use super::{
    Line, Machine, State,
    pacing::Pacing,
    transition::{End, Loss, Transition},
};
use crate::{
    time::{Timestamp, earlier},
    transport::Predecessor,
};

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
    /// A connection is replaced, which needs no verdict and no delay: find out when the attempt
    /// may begin and bring that to `handle_ruling`.
    Replace,
    /// Begin the attempt, to be finished by `deadline`.
    Dial { attempt: u32, deadline: Option<Timestamp>, follows: Predecessor },
    /// Write a probe and report `handle_probe_written`.
    Probe,
    /// Write what is queued, then a close frame, then wait for the end.
    SayGoodbye,
}

/// Outputs not fetched yet, but for the probe.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Pending {
    pub(super) blocked: Option<(u64, Duration, bool)>,
    pub(super) abandon: Option<Loss>,
    pub(super) leave: Option<Leave>,
    pub(super) question: Option<Question>,
    pub(super) dial: Option<Option<Timestamp>>,
    pub(super) goodbye: bool,
    pub(super) lost: Option<(u64, bool, Loss)>,
    pub(super) retry: Option<Duration>,
    pub(super) connecting: bool,
    pub(super) open: Option<Duration>,
    pub(super) closed: Option<End>,
}

/// What a ruling is awaited on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Question {
    /// A loss; `fresh`: with fresh delays.
    Loss { fresh: bool },
    /// A replacement.
    Replacement,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Leave {
    Take,
    End,
}

impl Machine {
    /// The next thing to do, in the order in which it must be done.
    #[inline]
    pub(crate) fn poll_action(&mut self) -> Option<Action> {
        if self.pending.is_some()
            && let Some(action) = self.fetch_action()
        {
            return Some(action);
        }
        std::mem::take(&mut self.probe).then_some(Action::Probe)
    }

    /// The next thing to tell, in the order in which it happened.
    #[inline]
    pub(crate) fn poll_event(&mut self) -> Option<Transition> {
        if self.pending.is_some() { self.fetch_event() } else { None }
    }

    #[cold]
    fn fetch_action(&mut self) -> Option<Action> {
        let mut pending = self.pending.take()?;
        let action = pending.action(&self.pacing);
        self.keep(pending);
        action
    }

    #[cold]
    fn fetch_event(&mut self) -> Option<Transition> {
        let mut pending = self.pending.take()?;
        let transition = pending.transition(self.connection, self.attempt());
        self.keep(pending);
        transition
    }

    /// What is pending, to add to it.
    pub(super) fn pending(&mut self) -> &mut Pending {
        self.pending.get_or_insert_default()
    }

    fn keep(&mut self, pending: Box<Pending>) {
        if *pending != Pending::default() {
            self.pending = Some(pending);
        }
    }

    /// The moment at which `handle_deadline` wants to be called; `None` is never.
    #[inline]
    pub(crate) fn poll_deadline(&self) -> Option<Timestamp> {
        let own = match &self.state {
            State::Idle | State::Judging { .. } | State::Closed | State::Paused(_) => None,
            State::Connecting { deadline } | State::Closing { deadline } => *deadline,
            State::Retiring { close } => close.deadline(),
            State::Waiting { until, .. } => *until,
            State::Open(line) => self.line_deadline(line),
        };
        earlier(own, self.farewell)
    }

    fn line_deadline(&self, line: &Line) -> Option<Timestamp> {
        let full = self.intake.is_full();
        let beat = line.beat.deadline(line.last_move, full);
        let verdict = earlier(beat, line.stall_deadline(self.rules.write_timeout));
        match line.retire {
            None => verdict,
            Some(_) if full => verdict,
            Some(at) => earlier(verdict, line.retire_deadline(at, self.rules.close_timeout)),
        }
    }
}

impl Pending {
    fn action(&mut self, pacing: &Pacing) -> Option<Action> {
        if let Some(loss) = self.abandon.take() {
            return Some(Action::Abandon(loss));
        }
        if let Some(leave) = self.leave.take() {
            return Some(match leave {
                Leave::Take => Action::TakeLeave,
                Leave::End => Action::EndLeave,
            });
        }
        if let Some(question) = self.question.take() {
            return Some(match question {
                Question::Loss { fresh } => Action::Judge { fresh },
                Question::Replacement => Action::Replace,
            });
        }
        if let Some(deadline) = self.dial.take() {
            let (attempt, follows) = (pacing.attempt(), pacing.before());
            return Some(Action::Dial { attempt, deadline, follows });
        }
        std::mem::take(&mut self.goodbye).then_some(Action::SayGoodbye)
    }

    fn transition(&mut self, connection: u64, attempt: u32) -> Option<Transition> {
        if let Some((connection, time, heard)) = self.blocked.take() {
            return Some(Transition::WriteBlocked { connection, time, heard });
        }
        if let Some((connection, opened, loss)) = self.lost.take() {
            return Some(Transition::Lost { connection, opened, loss });
        }
        if let Some(delay) = self.retry.take() {
            return Some(Transition::Retry { attempt, delay });
        }
        if std::mem::take(&mut self.connecting) {
            return Some(Transition::Connecting { connection, attempt });
        }
        if let Some(outage) = self.open.take() {
            return Some(Transition::Open { connection, attempt, outage });
        }
        self.closed.take().map(Transition::Closed)
    }
}
