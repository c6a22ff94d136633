//! A blocked write of which no byte is accepted: [`Stall`].

use std::time::Duration;

use crate::time::{Nanos, Timestamp};

/// After this time it is reported, 60 s: twice the longest pause in which a healthy kernel frees a
/// third of a full send buffer of 4 MiB at 400 kbit/s.
const REPORT: Nanos = Nanos::of(Duration::from_secs(60));

/// How long a write has been blocked without any byte accepted.
///
/// The time is suspended while nothing is read: a peer that waits for us to read may accept nothing
/// meanwhile. Inbound frames do not shorten it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Stall {
    /// Whether `time` is the moment since when it runs, from the epoch on, or for how long it ran
    /// before it stood still. Apart from it, since together they take more room.
    clock: Clock,
    time: Nanos,
    stage: Stage,
    /// A frame came in meanwhile.
    heard: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Clock {
    Running,
    Standing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Stage {
    /// Blocked. At half the time to the next stage the driver looks for the first time at what has
    /// left, to compare with later.
    Fresh,
    Watched,
    Reported,
    /// The deadline was seen late, so it was put off, once.
    Last,
}

/// The consequence of its deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    Report { time: Duration, heard: bool },
    Loss { time: Duration },
}

impl Stall {
    /// `full`: nothing is read.
    pub(super) fn new(now: Timestamp, full: bool) -> Self {
        let stall =
            Self { clock: Clock::Running, time: since(now), stage: Stage::Fresh, heard: false };
        if full { Self { clock: Clock::Standing, time: Nanos::ZERO, ..stall } } else { stall }
    }

    /// `limit`: after this time the connection is lost.
    pub(super) fn deadline(self, limit: Nanos) -> Option<Timestamp> {
        self.began().and_then(|began| began.after(self.stage.length(limit)))
    }

    /// When it began, while it runs.
    fn began(self) -> Option<Timestamp> {
        (self.clock == Clock::Running).then(|| Timestamp::from_epoch(self.time.duration()))
    }

    /// Since when no byte was accepted, once that is reported.
    pub(super) fn reported(self) -> Option<Timestamp> {
        self.began().filter(|_| matches!(self.stage, Stage::Reported | Stage::Last))
    }

    pub(super) fn heard(&mut self) {
        self.heard = true;
    }

    /// Bytes were acknowledged since the driver last looked. Before its first look the time is not
    /// known, so they do not count.
    pub(super) fn left(&mut self, now: Timestamp) {
        if self.stage != Stage::Fresh {
            self.accepted(now);
        }
    }

    /// Bytes were accepted.
    pub(super) fn accepted(&mut self, now: Timestamp) {
        *self = Self::new(now, self.clock == Clock::Standing);
    }

    /// Nothing is read from now on.
    pub(super) fn stop(&mut self, now: Timestamp) {
        if let Some(began) = self.began() {
            self.clock = Clock::Standing;
            self.time = Nanos::of(now.saturating_since(began));
        }
    }

    pub(super) fn go_on(&mut self, now: Timestamp) {
        if self.clock == Clock::Standing {
            self.clock = Clock::Running;
            self.time = since(before(now, self.time));
        }
    }

    /// Returns what is due at `now`. After a deadline that is noticed late, for example after the
    /// computer slept, the peer gets the `recheck` time once more.
    pub(super) fn handle_deadline(&mut self, now: Timestamp, limit: Nanos, recheck: Nanos) -> Due {
        let Some(began) = self.began() else { return Due::Nothing };
        let length = self.stage.length(limit);
        let Some(deadline) = began.after(length).filter(|at| *at <= now) else {
            return Due::Nothing;
        };
        let late = now.since(deadline) > recheck;
        let time = now.saturating_since(began);
        match self.stage {
            Stage::Fresh => self.stage = Stage::Watched,
            Stage::Watched if REPORT < limit => {
                self.stage = Stage::Reported;
                if late {
                    self.time = since(before(now, length));
                }
                return Due::Report { time, heard: self.heard };
            }
            Stage::Watched | Stage::Reported if late => {
                self.stage = Stage::Last;
                let until = now.after(recheck).unwrap_or(now);
                self.time = since(before(until, length));
                return Due::Nothing;
            }
            Stage::Watched | Stage::Reported | Stage::Last => return Due::Loss { time },
        }
        // The time in which nobody looked does not count.
        if late {
            self.time = since(before(now, length));
        }
        Due::Nothing
    }
}

/// A moment as the time since the epoch, which takes half the room.
fn since(moment: Timestamp) -> Nanos {
    Nanos::of(moment.since_epoch())
}

impl Stage {
    /// How long it takes from the beginning until its end.
    fn length(self, limit: Nanos) -> Nanos {
        match self {
            Self::Fresh => REPORT.min(limit).half(),
            Self::Watched => REPORT.min(limit),
            Self::Reported | Self::Last => limit,
        }
    }
}

fn before(now: Timestamp, time: Nanos) -> Timestamp {
    Timestamp::from_epoch(now.since_epoch().saturating_sub(time.duration()))
}
