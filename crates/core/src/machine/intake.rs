//! Whether inbound messages are read, [`Intake`], and the inputs that depend on it.

use std::time::Duration;

use super::{Machine, State, reached};
use crate::time::{Timestamp, earlier};

/// Whether inbound messages are read at present.
///
/// The machine does not distinguish the first two. The difference is the behaviour of the
/// application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Intake {
    /// The application takes each event at once.
    Taking,
    /// The bounded backlog has room: everything is read and judged.
    Storing,
    /// There is no room, so nothing is read: this is our own back-pressure. Pings are sent, and the
    /// peer is not judged. After the user has closed the session, messages are read and discarded,
    /// so that the peer's close frame is heard.
    Full,
}

impl Intake {
    pub(crate) fn is_full(self) -> bool {
        self == Self::Full
    }
}

/// A deadline that is suspended while nothing is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Countdown {
    /// It ends at this time; `None` is never.
    Running { until: Option<Timestamp> },
    /// This time is left; `None` means that it never ends.
    Standing { left: Option<Duration> },
}

impl Countdown {
    pub(super) fn deadline(self) -> Option<Timestamp> {
        match self {
            Self::Running { until } => until,
            Self::Standing { .. } => None,
        }
    }

    fn stop(&mut self, now: Timestamp) {
        if let Self::Running { until } = *self {
            let left = until.map(|until| until.saturating_since(now));
            *self = Self::Standing { left };
        }
    }

    fn go_on(&mut self, now: Timestamp) {
        if let Self::Standing { left } = *self {
            *self = Self::Running { until: left.and_then(|left| now.checked_add(left)) };
        }
    }
}

impl Machine {
    pub(crate) fn intake(&self) -> Intake {
        self.intake
    }

    /// Returns whether to read the connection.
    pub(crate) fn may_read(&self) -> bool {
        !self.intake.is_full() || self.discards()
    }

    /// Returns whether to discard inbound messages: there is no room for them, and after the user's
    /// `close` the session does not wait for the reader.
    pub(crate) fn discards(&self) -> bool {
        self.intake.is_full() && matches!(self.state, State::Closing { .. })
    }

    /// Returns whether the peer's time to answer, to accept bytes or to close has passed. The
    /// driver then reads all available frames before `handle_deadline` judges the peer.
    pub(crate) fn verdict_is_due(&self, now: Timestamp) -> bool {
        let deadline = match &self.state {
            State::Open(open) => earlier(
                open.beat.verdict(open.last_move, self.intake.is_full()),
                open.stall_deadline(self.rules.write_timeout),
            ),
            State::Connecting { deadline } | State::Closing { deadline } => *deadline,
            State::Retiring { close } => close.deadline(),
            _ => None,
        };
        reached(deadline, now).is_some()
    }

    /// Sets whether inbound messages are read from now on.
    pub(crate) fn handle_intake(&mut self, now: Timestamp, intake: Intake) {
        let now = self.observe(now);
        let before = std::mem::replace(&mut self.intake, intake);
        match (before.is_full(), intake.is_full()) {
            (false, true) => {
                if let Some(open) = self.open_mut() {
                    open.beat.doubt();
                    if let Some(stall) = open.stall_mut() {
                        stall.stop(now);
                    }
                } else if let State::Retiring { close } = &mut self.state {
                    close.stop(now);
                }
            }
            (true, false) => {
                if let Some(open) = self.open_mut() {
                    open.last_move = now;
                    // It is not known when the frames arrived that are read now.
                    open.last_frame = now;
                    if let Some(stall) = open.stall_mut() {
                        stall.go_on(now);
                    }
                } else if let State::Retiring { close } = &mut self.state {
                    close.go_on(now);
                }
            }
            (true, true) | (false, false) => {}
        }
    }

    /// All available frames were read. If the answer to a probe was due while nothing was read, a
    /// fresh probe follows, unless proof of life was heard meanwhile.
    pub(crate) fn handle_caught_up(&mut self, now: Timestamp, connection: u64) {
        let now = self.observe(now);
        let recheck = self.rules.recheck;
        if self.is_current(connection)
            && !self.intake.is_full()
            && let State::Open(open) = &mut self.state
            && open.beat.catch_up(now, recheck)
        {
            self.probe = true;
        }
    }
}
