//! A blocked write without accepted bytes: [`Stall`].

use std::time::Duration;

use crate::time::Timestamp;

/// A blocked write is reported after this time, 60 s: twice the longest time in which a healthy
/// kernel frees a third of a full send buffer of 4 MiB at 400 kbit/s.
pub(super) const REPORT: Duration = Duration::from_secs(60);

/// How long a write has been blocked without an accepted byte.
///
/// The time is suspended while nothing is read: a peer that waits until we read may accept nothing
/// meanwhile. Inbound frames do not shorten the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Stall {
    pub(super) clock: Clock,
    stage: Stage,
    /// A frame arrived meanwhile.
    heard: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Clock {
    Running {
        began: Timestamp,
    },
    /// The time was suspended after this time.
    Standing {
        ran: Duration,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Stage {
    /// The write is blocked. At half the time to the next stage the driver reads the count of
    /// acknowledged bytes for the first time, for a later comparison.
    Fresh,
    Watched,
    Reported,
    /// The deadline was noticed late, so it was put off once.
    Last,
}

/// The consequence of the deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    Report { time: Duration, heard: bool },
    Loss { time: Duration },
}

impl Stall {
    /// `full`: nothing is read.
    pub(super) fn new(now: Timestamp, full: bool) -> Self {
        let clock = if full {
            Clock::Standing { ran: Duration::ZERO }
        } else {
            Clock::Running { began: now }
        };
        Self { clock, stage: Stage::Fresh, heard: false }
    }

    /// `limit`: after this time the connection is lost.
    pub(super) fn deadline(self, limit: Duration) -> Option<Timestamp> {
        self.began().and_then(|began| began.checked_add(self.stage.length(limit)))
    }

    /// When the time began, while it runs.
    fn began(self) -> Option<Timestamp> {
        match self.clock {
            Clock::Running { began } => Some(began),
            Clock::Standing { .. } => None,
        }
    }

    /// When the time without accepted bytes began, after it was reported.
    pub(super) fn reported(self) -> Option<Timestamp> {
        self.began().filter(|_| matches!(self.stage, Stage::Reported | Stage::Last))
    }

    pub(super) fn heard(&mut self) {
        self.heard = true;
    }

    /// Bytes were acknowledged since the driver last looked. Before the first look the time of the
    /// acknowledgement is not known, so these bytes do not count.
    pub(super) fn left(&mut self, now: Timestamp) {
        if self.stage != Stage::Fresh {
            self.accepted(now);
        }
    }

    /// Bytes were accepted.
    pub(super) fn accepted(&mut self, now: Timestamp) {
        *self = Self::new(now, self.began().is_none());
    }

    /// Nothing is read from now on.
    pub(super) fn stop(&mut self, now: Timestamp) {
        if let Clock::Running { began } = self.clock {
            self.clock = Clock::Standing { ran: now.saturating_since(began) };
        }
    }

    pub(super) fn go_on(&mut self, now: Timestamp) {
        if let Clock::Standing { ran } = self.clock {
            self.set(now, ran);
        }
    }

    /// Sets the time that has run until `now`.
    fn set(&mut self, now: Timestamp, ran: Duration) {
        let began = Timestamp::from_epoch(now.since_epoch().saturating_sub(ran));
        self.clock = Clock::Running { began };
    }

    /// Returns the consequence that is due at `now`. If the deadline is noticed late, for example
    /// after the computer slept, the peer gets the `recheck` time once more.
    pub(super) fn handle_deadline(
        &mut self,
        now: Timestamp,
        limit: Duration,
        recheck: Duration,
    ) -> Due {
        let Some(began) = self.began() else { return Due::Nothing };
        let length = self.stage.length(limit);
        let Some(deadline) = began.checked_add(length).filter(|at| *at <= now) else {
            return Due::Nothing;
        };
        let late = now.saturating_since(deadline) > recheck;
        let time = now.saturating_since(began);
        match self.stage {
            Stage::Fresh => self.stage = Stage::Watched,
            Stage::Watched if REPORT < limit => {
                self.stage = Stage::Reported;
                if late {
                    self.set(now, length);
                }
                return Due::Report { time, heard: self.heard };
            }
            Stage::Watched | Stage::Reported if late => {
                self.stage = Stage::Last;
                let until = now.checked_add(recheck).unwrap_or(now);
                self.set(until, length);
                return Due::Nothing;
            }
            Stage::Watched | Stage::Reported | Stage::Last => return Due::Loss { time },
        }
        // The time in which the session was not polled does not count.
        if late {
            self.set(now, length);
        }
        Due::Nothing
    }
}

impl Stage {
    /// The time from the beginning of the stall to the end of this stage.
    fn length(self, limit: Duration) -> Duration {
        match self {
            Self::Fresh => REPORT.min(limit) / 2,
            Self::Watched => REPORT.min(limit),
            Self::Reported | Self::Last => limit,
        }
    }
}
