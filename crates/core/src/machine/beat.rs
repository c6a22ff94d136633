//! The heartbeat of one connection.

use std::time::Duration;

use super::Pulse;
use crate::{
    config::Trigger,
    time::{Span, Timestamp},
};

/// Where the heartbeat stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Beat {
    /// No heartbeat.
    Off,
    /// No probe is out; the next is due then, `None` is never.
    Resting { due: Option<Timestamp> },
    /// The same, after a probe whose answer was due while nothing was read.
    Unjudged { due: Option<Timestamp> },
    /// A probe was asked for and is not written yet, as far as a completed flush tells. The peer
    /// may have it all the same, so what is `heard` meanwhile is its answer.
    Unwritten { asked: Timestamp, wait: Span, trial: Trial, heard: Option<Timestamp> },
    /// A probe is written and waits for its answer.
    Outstanding {
        asked: Timestamp,
        sent: Timestamp,
        wait: Span,
        until: Timestamp,
        trial: Trial,
        look: Look,
    },
}

/// Whether an overdue answer was looked for twice.
///
/// After a stall of the whole task, a runtime whose sockets become readable only when the task
/// rests would have us condemn a line whose answer lies unread. So a deadline that is seen late by
/// more than a tenth of the wait is extended by that tenth, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Look {
    First,
    Second,
}

/// What an unanswered probe means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Trial {
    /// One more miss, after so many; a verdict beyond what is tolerated, unless it is seen late.
    Regular { misses: u32 },
    /// We did not read all the time while it was out: a fresh probe comes first.
    Doubtful,
    /// It was itself the fresh probe: a verdict, however late it is seen.
    Last,
}

impl Trial {
    /// Of a probe that was asked for: no further miss is tolerated.
    const HASTY: Self = Self::Regular { misses: u32::MAX };
}

/// What a deadline of the heartbeat asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Due {
    Nothing,
    Probe,
    Unanswered,
    Stalled,
}

impl Beat {
    pub(super) fn resting(pulse: Option<Pulse>, now: Timestamp) -> Self {
        match pulse {
            None => Self::Off,
            Some(pulse) => Self::Resting { due: pulse.silent_at(now) },
        }
    }

    /// When the written probe was written.
    pub(super) fn sent(self) -> Option<Timestamp> {
        match self {
            Self::Outstanding { sent, .. } => Some(sent),
            Self::Off | Self::Resting { .. } | Self::Unjudged { .. } | Self::Unwritten { .. } => {
                None
            }
        }
    }

    /// Whether no probe is out.
    pub(super) fn is_quiet(self) -> bool {
        matches!(self, Self::Off | Self::Resting { .. } | Self::Unjudged { .. })
    }

    /// `full`: nothing is read.
    pub(super) fn deadline(self, last_move: Timestamp, full: bool) -> Option<Timestamp> {
        match self {
            Self::Off => None,
            Self::Resting { due } | Self::Unjudged { due } => due,
            // What could not be written is not judged while we could not hear the line move.
            Self::Unwritten { .. } if full => None,
            Self::Unwritten { asked, wait, .. } => asked.max(last_move).after(wait),
            Self::Outstanding { until, .. } => Some(until),
        }
    }

    /// The deadline, where the connection may be lost by it.
    pub(super) fn verdict(self, last_move: Timestamp, full: bool) -> Option<Timestamp> {
        match self {
            Self::Off | Self::Resting { .. } | Self::Unjudged { .. } => None,
            Self::Unwritten { .. } | Self::Outstanding { .. } if full => None,
            Self::Unwritten { .. } | Self::Outstanding { .. } => self.deadline(last_move, full),
        }
    }

    /// Proof of life was heard.
    pub(super) fn heard_life(&mut self, pulse: Option<Pulse>, now: Timestamp) {
        match self {
            // It is in the connection's hands and cannot be called back.
            Self::Unwritten { heard, .. } => *heard = Some(now),
            Self::Outstanding { asked, .. } => *self = Self::answered(pulse, *asked, now),
            Self::Off => {}
            Self::Resting { due } | Self::Unjudged { due } => {
                *self = match pulse {
                    None => Self::Off,
                    Some(pulse) if pulse.trigger == Trigger::Idle => {
                        Self::Resting { due: pulse.silent_at(now) }
                    }
                    Some(_) => Self::Resting { due: *due },
                };
            }
        }
    }

    /// After the answer, heard at `now`, to a probe asked for at `asked`.
    fn answered(pulse: Option<Pulse>, asked: Timestamp, now: Timestamp) -> Self {
        let Some(pulse) = pulse else { return Self::Off };
        let due = match pulse.trigger {
            Trigger::Idle => pulse.silent_at(now),
            // A period that ended while the answer was awaited is due once, at once.
            Trigger::Period => asked.after(pulse.every).map(|due| due.max(now)),
        };
        Self::Resting { due }
    }

    /// A probe was asked for.
    pub(super) fn ask(&mut self, now: Timestamp, wait: Span, trial: Trial) {
        *self = Self::Unwritten { asked: now, wait, trial, heard: None };
    }

    /// Makes sure that a probe is out which is judged soon; whether a new one must be sent.
    pub(super) fn hurry(&mut self, now: Timestamp, recheck: Span) -> bool {
        match self {
            Self::Off | Self::Resting { .. } | Self::Unjudged { .. } => {
                self.ask(now, recheck, Trial::HASTY);
                return true;
            }
            Self::Unwritten { wait, trial, heard, .. } => {
                *wait = recheck.min(*wait);
                // Its answer may have been heard already and not come again.
                if heard.take().is_some() {
                    *trial = Trial::Doubtful;
                }
            }
            Self::Outstanding { until, trial, .. } => {
                *until = now.after(recheck).map_or(*until, |soon| soon.min(*until));
                if matches!(trial, Trial::Regular { .. }) {
                    *trial = Trial::HASTY;
                }
            }
        }
        false
    }

    /// Makes sure that a probe is out which was sent from now on; whether a new one must be sent.
    pub(super) fn renew(&mut self, now: Timestamp, recheck: Span) -> bool {
        let unwritten = matches!(self, Self::Unwritten { .. });
        self.ask(now, recheck, if unwritten { Trial::Doubtful } else { Trial::HASTY });
        !unwritten
    }

    /// All was read; whether a fresh probe must be sent.
    pub(super) fn catch_up(&mut self, now: Timestamp, recheck: Span) -> bool {
        let unjudged = matches!(self, Self::Unjudged { .. });
        if unjudged {
            self.ask(now, recheck, Trial::Last);
        }
        unjudged
    }

    /// The probe that was asked for is written.
    pub(super) fn written(
        &mut self,
        pulse: Option<Pulse>,
        now: Timestamp,
        longest: Option<Duration>,
    ) {
        if let Self::Unwritten { asked, wait, trial, heard } = *self {
            if let Some(at) = heard {
                *self = Self::answered(pulse, asked, at);
                return;
            }
            let wait = longest.map_or(wait, |longest| wait.min(Span::of(longest)));
            let until = now.after(wait).unwrap_or(Timestamp::from_epoch(Duration::MAX));
            let look = Look::First;
            *self = Self::Outstanding { asked, sent: now, wait, until, trial, look };
        }
    }

    /// Bytes left a blocked write: the peer takes them, so it is not gone.
    pub(super) fn moved(&mut self, now: Timestamp) {
        if let Self::Outstanding { wait, until, .. } = self
            && let Some(later) = now.after(*wait)
        {
            *until = later.max(*until);
        }
    }

    /// We stopped reading.
    pub(super) fn doubt(&mut self) {
        if let Self::Outstanding { trial, .. } = self {
            *trial = Trial::Doubtful;
        }
    }

    /// What is due at `now`; moves the heartbeat on, except where the connection is lost by it.
    pub(super) fn handle_deadline(
        &mut self,
        pulse: Option<Pulse>,
        recheck: Span,
        now: Timestamp,
        last_move: Timestamp,
        full: bool,
    ) -> Due {
        let Some(deadline) = self.deadline(last_move, full).filter(|at| *at <= now) else {
            return Due::Nothing;
        };
        match *self {
            Self::Off => Due::Nothing,
            Self::Resting { .. } | Self::Unjudged { .. } => {
                let wait = pulse.map_or(recheck, |pulse| pulse.timeout);
                let trial = if full { Trial::Doubtful } else { Trial::Regular { misses: 0 } };
                self.ask(now, wait, trial);
                Due::Probe
            }
            // The probe is in the connection's hands already, so there is no fresh one to send:
            // being late is forgiven once by waiting once more.
            Self::Unwritten { wait, trial, heard, .. } => {
                if trial != Trial::Last && now.since(deadline) > wait {
                    *self = Self::Unwritten { asked: now, wait, trial: Trial::Last, heard };
                    return Due::Nothing;
                }
                Due::Stalled
            }
            Self::Outstanding { .. } if full => {
                *self = Self::Unjudged { due: pulse.and_then(|pulse| pulse.silent_at(now)) };
                Due::Nothing
            }
            Self::Outstanding { asked, sent, wait, trial, look, .. } => {
                let late_by = now.since(deadline);
                let late = late_by > wait;
                let fresh_probe_comes = late && matches!(trial, Trial::Regular { .. });
                if look == Look::First && late_by > wait.tenth() && !fresh_probe_comes {
                    let until = now.after(wait.tenth()).unwrap_or(now);
                    let look = Look::Second;
                    *self = Self::Outstanding { asked, sent, wait, until, trial, look };
                    return Due::Nothing;
                }
                let max_missed = pulse.map_or(0, |pulse| pulse.max_missed);
                match trial {
                    Trial::Last => return Due::Unanswered,
                    Trial::Doubtful => self.ask(now, wait.min(recheck), Trial::Last),
                    Trial::Regular { .. } if late => self.ask(now, wait.min(recheck), Trial::Last),
                    Trial::Regular { misses } if misses < max_missed => {
                        self.ask(now, wait, Trial::Regular { misses: misses + 1 });
                    }
                    Trial::Regular { .. } => return Due::Unanswered,
                }
                Due::Probe
            }
        }
    }
}
