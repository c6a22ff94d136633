//! The outputs of the machine. At most one output of each kind is pending, so there is no queue.

use std::time::Duration;

use super::{
    Machine, OpenConnection, State,
    loss::{End, Loss},
    transition::Transition,
};
use crate::{
    event::Cutoff,
    time::{Timestamp, earlier},
    transport::Predecessor,
};

/// An action for the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    /// Drop the connection or the attempt, for this loss.
    Abandon(Loss),
    /// Let the connection that the peer has closed write its reply until `EndDrain`, without
    /// reading.
    Drain,
    /// Drop the connection that is draining.
    EndDrain,
    /// Ask for the verdict on the loss and give the decision to `handle_decision`. `fresh`: begin
    /// with fresh delays.
    AskVerdict { fresh: bool, opened: bool, attempt: u32 },
    /// A connection is replaced without a verdict and a delay: give the time of the attempt to
    /// `handle_decision`.
    Replace,
    /// Begin the attempt.
    Dial(Dial),
    /// Write a probe and report `handle_probe_written`.
    Probe,
    /// Write the queued messages, then a close frame, then wait for the end.
    SendClose,
}

/// An attempt to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Dial {
    /// The number of the attempt.
    pub(crate) attempt: u32,
    /// When the attempt must have ended; `None` is never.
    pub(crate) deadline: Option<Timestamp>,
    pub(crate) follows: Predecessor,
}

/// Outputs that are not fetched yet, except the probe.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Pending {
    pub(super) blocked: Option<(u64, Duration, bool)>,
    pub(super) report: Option<Report>,
    pub(super) abandon: Option<Loss>,
    pub(super) drain: Option<Drain>,
    pub(super) question: Option<Question>,
    pub(super) dial: Option<Dial>,
    pub(super) close_frame: bool,
    pub(super) lost: Option<(u64, bool, Loss)>,
    pub(super) retry: Option<Duration>,
    pub(super) connecting: bool,
    pub(super) open: Option<Duration>,
    pub(super) closed: Option<End>,
}

/// The subject of the awaited decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Question {
    /// A loss; `fresh`: with fresh delays.
    Loss { fresh: bool, opened: bool, attempt: u32 },
    /// A replacement.
    Replacement,
}

/// A report on a connection that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Report {
    Silent { connection: u64, time: Duration },
    Unanswered { connection: u64, time: Duration },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Drain {
    Begin,
    End,
}

impl Machine {
    /// The next action, in the order in which the driver must carry them out.
    #[inline]
    pub(crate) fn poll_action(&mut self) -> Option<Action> {
        if self.pending.is_some()
            && let Some(action) = self.fetch_action()
        {
            return Some(action);
        }
        std::mem::take(&mut self.probe).then_some(Action::Probe)
    }

    /// The next transition to report, in the order in which they occurred.
    #[inline]
    pub(crate) fn poll_event(&mut self) -> Option<Transition> {
        if self.pending.is_some() { self.fetch_event() } else { None }
    }

    #[cold]
    fn fetch_action(&mut self) -> Option<Action> {
        let mut pending = self.pending.take()?;
        let action = pending.action();
        self.keep(pending);
        action
    }

    #[cold]
    fn fetch_event(&mut self) -> Option<Transition> {
        let mut pending = self.pending.take()?;
        let transition = pending.transition(self.connection, self.attempt(), self.cutoff());
        self.keep(pending);
        transition
    }

    /// The pending outputs, for changes.
    pub(super) fn pending(&mut self) -> &mut Pending {
        self.pending.get_or_insert_default()
    }

    fn keep(&mut self, pending: Box<Pending>) {
        if *pending != Pending::default() {
            self.pending = Some(pending);
        }
    }

    /// The time at which to call `handle_deadline`; `None` is never.
    #[inline]
    pub(crate) fn poll_deadline(&self) -> Option<Timestamp> {
        let own = match &self.state {
            State::Idle | State::Deciding { .. } | State::Closed | State::Paused(_) => None,
            State::Connecting { deadline } | State::Closing { deadline } => *deadline,
            State::Retiring { close } => close.deadline(),
            State::Waiting { until, .. } => {
                until.or_else(|| self.pacing.end_of_outage(&self.rules.pace))
            }
            State::Open(open) => self.line_deadline(open),
        };
        earlier(own, self.drain_deadline)
    }

    fn line_deadline(&self, open: &OpenConnection) -> Option<Timestamp> {
        let full = self.intake.is_full();
        let beat = open.beat.deadline(open.last_move, full);
        let beat = earlier(beat, open.proof_deadline(full));
        let verdict = earlier(beat, open.stall_deadline(self.rules.write_timeout));
        match open.retire {
            None => verdict,
            Some(_) if full => verdict,
            Some(at) => earlier(verdict, open.retire_deadline(at, self.rules.close_timeout)),
        }
    }
}

impl Pending {
    fn action(&mut self) -> Option<Action> {
        if let Some(loss) = self.abandon.take() {
            return Some(Action::Abandon(loss));
        }
        if let Some(drain) = self.drain.take() {
            return Some(match drain {
                Drain::Begin => Action::Drain,
                Drain::End => Action::EndDrain,
            });
        }
        if let Some(question) = self.question.take() {
            return Some(match question {
                Question::Loss { fresh, opened, attempt } => {
                    Action::AskVerdict { fresh, opened, attempt }
                }
                Question::Replacement => Action::Replace,
            });
        }
        if let Some(dial) = self.dial.take() {
            return Some(Action::Dial(dial));
        }
        std::mem::take(&mut self.close_frame).then_some(Action::SendClose)
    }

    fn transition(
        &mut self,
        connection: u64,
        attempt: u32,
        cutoff: Option<Cutoff>,
    ) -> Option<Transition> {
        if let Some((connection, time, heard)) = self.blocked.take() {
            return Some(Transition::WriteBlocked { connection, time, heard });
        }
        if let Some(report) = self.report.take() {
            return Some(match report {
                Report::Silent { connection, time } => Transition::Silent { connection, time },
                Report::Unanswered { connection, time } => {
                    Transition::Unanswered { connection, time }
                }
            });
        }
        if let Some((connection, opened, loss)) = self.lost.take() {
            let cutoff = cutoff.filter(|_| opened);
            return Some(Transition::Lost { connection, opened, loss, cutoff });
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
