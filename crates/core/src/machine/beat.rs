//! The heartbeat of one connection.

use std::time::Duration;

use super::HeartbeatRules;
use crate::{
    config::Trigger,
    time::{Nanos, Timestamp, earlier},
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
    Unwritten { asked: Timestamp, wait: Nanos, on_miss: OnMiss, heard: Option<Timestamp> },
    /// A probe is written and waits for its answer.
    Outstanding {
        asked: Timestamp,
        sent: Timestamp,
        wait: Nanos,
        /// When the answer is overdue; `None` is never.
        until: Option<Timestamp>,
        on_miss: OnMiss,
        grace: Grace,
    },
}

/// Whether an overdue answer was looked for twice.
///
/// After a stall of the whole task, a runtime whose sockets become readable only when the task
/// rests would have us condemn a line whose answer lies unread. So a deadline that is seen late by
/// more than a tenth of the wait is extended by that tenth, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Grace {
    Unused,
    Used,
}

/// What an unanswered probe means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum OnMiss {
    /// One more miss, after so many; a verdict beyond what is tolerated, unless it is seen late.
    Count { misses: u32 },
    /// We did not read all the time while it was out: a fresh probe comes first.
    ProbeAgain,
    /// It was itself the fresh probe: a verdict, however late it is seen.
    Lose,
}

impl OnMiss {
    /// Of a probe that was asked for: no further miss is tolerated.
    const AT_LIMIT: Self = Self::Count { misses: u32::MAX };
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
    pub(super) fn resting(heartbeat: Option<HeartbeatRules>, now: Timestamp) -> Self {
        match heartbeat {
            None => Self::Off,
            Some(heartbeat) => Self::Resting { due: heartbeat.silent_at(now) },
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
            Self::Outstanding { until, .. } => until,
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
    pub(super) fn heard_life(&mut self, heartbeat: Option<HeartbeatRules>, now: Timestamp) {
        match self {
            // It is in the connection's hands and cannot be called back.
            Self::Unwritten { heard, .. } => *heard = Some(now),
            Self::Outstanding { asked, .. } => *self = Self::answered(heartbeat, *asked, now),
            Self::Off => {}
            Self::Resting { due } | Self::Unjudged { due } => {
                *self = match heartbeat {
                    None => Self::Off,
                    Some(heartbeat) if heartbeat.trigger == Trigger::Idle => {
                        Self::Resting { due: heartbeat.silent_at(now) }
                    }
                    Some(_) => Self::Resting { due: *due },
                };
            }
        }
    }

    /// After the answer, heard at `now`, to a probe asked for at `asked`.
    fn answered(heartbeat: Option<HeartbeatRules>, asked: Timestamp, now: Timestamp) -> Self {
        let Some(heartbeat) = heartbeat else { return Self::Off };
        let due = match heartbeat.trigger {
            Trigger::Idle => heartbeat.silent_at(now),
            // A period that ended while the answer was awaited is due once, at once.
            Trigger::Period => asked.after(heartbeat.every).map(|due| due.max(now)),
        };
        Self::Resting { due }
    }

    /// A probe was asked for.
    pub(super) fn ask(&mut self, now: Timestamp, wait: Nanos, on_miss: OnMiss) {
        *self = Self::Unwritten { asked: now, wait, on_miss, heard: None };
    }

    /// Makes sure that a probe is out which is judged soon; whether a new one must be sent.
    pub(super) fn probe_now(&mut self, now: Timestamp, recheck: Nanos) -> bool {
        match self {
            Self::Off | Self::Resting { .. } | Self::Unjudged { .. } => {
                self.ask(now, recheck, OnMiss::AT_LIMIT);
                return true;
            }
            Self::Unwritten { wait, on_miss, heard, .. } => {
                *wait = recheck.min(*wait);
                // Its answer may have been heard already and not come again.
                if heard.take().is_some() {
                    *on_miss = OnMiss::ProbeAgain;
                }
            }
            Self::Outstanding { until, on_miss, .. } => {
                *until = earlier(now.after(recheck), *until);
                if matches!(on_miss, OnMiss::Count { .. }) {
                    *on_miss = OnMiss::AT_LIMIT;
                }
            }
        }
        false
    }

    /// Makes sure that a probe is out which was sent from now on; whether a new one must be sent.
    pub(super) fn renew(&mut self, now: Timestamp, recheck: Nanos) -> bool {
        let unwritten = matches!(self, Self::Unwritten { .. });
        self.ask(now, recheck, if unwritten { OnMiss::ProbeAgain } else { OnMiss::AT_LIMIT });
        !unwritten
    }

    /// All was read; whether a fresh probe must be sent.
    pub(super) fn catch_up(&mut self, now: Timestamp, recheck: Nanos) -> bool {
        let unjudged = matches!(self, Self::Unjudged { .. });
        if unjudged {
            self.ask(now, recheck, OnMiss::Lose);
        }
        unjudged
    }

    /// The probe that was asked for is written.
    pub(super) fn written(
        &mut self,
        heartbeat: Option<HeartbeatRules>,
        now: Timestamp,
        longest: Option<Duration>,
    ) {
        if let Self::Unwritten { asked, wait, on_miss, heard } = *self {
            if let Some(at) = heard {
                *self = Self::answered(heartbeat, asked, at);
                return;
            }
            let wait = longest.map_or(wait, |longest| wait.min(Nanos::of(longest)));
            let until = now.after(wait);
            let grace = Grace::Unused;
            *self = Self::Outstanding { asked, sent: now, wait, until, on_miss, grace };
        }
    }

    /// Bytes left a blocked write: the peer takes them, so it is not gone.
    pub(super) fn moved(&mut self, now: Timestamp) {
        if let Self::Outstanding { wait, until: Some(until), .. } = self
            && let Some(later) = now.after(*wait)
        {
            *until = later.max(*until);
        }
    }

    /// We stopped reading.
    pub(super) fn doubt(&mut self) {
        if let Self::Outstanding { on_miss, .. } = self {
            *on_miss = OnMiss::ProbeAgain;
        }
    }

    /// What is due at `now`; moves the heartbeat on, except where the connection is lost by it.
    pub(super) fn handle_deadline(
        &mut self,
        heartbeat: Option<HeartbeatRules>,
        recheck: Nanos,
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
                let wait = heartbeat.map_or(recheck, |heartbeat| heartbeat.timeout);
                let on_miss = if full { OnMiss::ProbeAgain } else { OnMiss::Count { misses: 0 } };
                self.ask(now, wait, on_miss);
                Due::Probe
            }
            // The probe is in the connection's hands already, so there is no fresh one to send:
            // being late is forgiven once by waiting once more.
            Self::Unwritten { wait, on_miss, heard, .. } => {
                if on_miss != OnMiss::Lose && now.since(deadline) > wait {
                    *self = Self::Unwritten { asked: now, wait, on_miss: OnMiss::Lose, heard };
                    return Due::Nothing;
                }
                Due::Stalled
            }
            Self::Outstanding { .. } if full => {
                *self = Self::Unjudged {
                    due: heartbeat.and_then(|heartbeat| heartbeat.silent_at(now)),
                };
                Due::Nothing
            }
            Self::Outstanding { asked, sent, wait, on_miss, grace, .. } => {
                let late_by = now.since(deadline);
                let late = late_by > wait;
                let fresh_probe_comes = late && matches!(on_miss, OnMiss::Count { .. });
                if grace == Grace::Unused && late_by > wait.tenth() && !fresh_probe_comes {
                    let until = now.after(wait.tenth());
                    let grace = Grace::Used;
                    *self = Self::Outstanding { asked, sent, wait, until, on_miss, grace };
                    return Due::Nothing;
                }
                let max_missed = heartbeat.map_or(0, |heartbeat| heartbeat.max_missed);
                match on_miss {
                    OnMiss::Lose => return Due::Unanswered,
                    OnMiss::ProbeAgain => self.ask(now, wait.min(recheck), OnMiss::Lose),
                    OnMiss::Count { .. } if late => self.ask(now, wait.min(recheck), OnMiss::Lose),
                    OnMiss::Count { misses } if misses < max_missed => {
                        self.ask(now, wait, OnMiss::Count { misses: misses + 1 });
                    }
                    OnMiss::Count { .. } => return Due::Unanswered,
                }
                Due::Probe
            }
        }
    }
}
