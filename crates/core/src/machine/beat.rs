//! The heartbeat of one connection.

use std::time::Duration;

use super::HeartbeatRules;
use crate::{
    config::Trigger,
    time::{Timestamp, earlier},
};

/// The state of the heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Beat {
    /// No heartbeat.
    Off,
    /// No probe is out, and the next one is due at this time; `None` is never.
    Resting { due: Option<Timestamp> },
    /// The same, while a ping is not written yet that is not judged (`proof.rs`). The peer may
    /// already have it, so proof of life that was `heard` since its request may be its answer.
    Proving { due: Option<Timestamp>, heard: bool },
    /// The same as `Resting`, after a probe whose answer was due while nothing was read.
    Unjudged { due: Option<Timestamp> },
    /// There are no probes. The silence is reported at `due`; `None` is never. `silence`: how long
    /// a silence is before it is reported.
    Watching { silence: Duration, due: Option<Timestamp> },
    /// The silence was reported, and nothing was heard since.
    SilenceReported { silence: Duration },
    /// A probe was requested, and its flush is not complete. The peer may already have the probe,
    /// so proof of life that is `heard` meanwhile is its answer. `grace`: whether the time to flush
    /// it was extended, since its end was noticed late.
    Unwritten {
        asked: Timestamp,
        wait: Duration,
        on_miss: OnMiss,
        heard: Option<Timestamp>,
        grace: Grace,
    },
    /// A probe is written and waits for its answer.
    Outstanding {
        asked: Timestamp,
        sent: Timestamp,
        wait: Duration,
        /// The deadline of the answer; `None` is never.
        until: Option<Timestamp>,
        on_miss: OnMiss,
        grace: Grace,
    },
}

/// Whether the time to find an overdue answer was extended.
///
/// In some runtimes a socket becomes readable only when the task is idle. After a stall of the
/// whole task, a connection would be dropped although its answer is in the socket. So if a deadline
/// is noticed late by more than a tenth of the wait, it is extended by that tenth, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Grace {
    Unused,
    Used,
}

/// The consequence of an unanswered probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum OnMiss {
    /// One more miss, after this many misses. If the limit of misses is exceeded, the connection is
    /// lost, unless the deadline is noticed late.
    Count { misses: u32 },
    /// A fresh probe comes first, since reading was paused while this one was out, or its answer
    /// may have been heard before its flush was complete.
    ProbeAgain,
    /// The connection is lost, even if the deadline is noticed late: this was the fresh probe.
    Lose,
}

impl OnMiss {
    /// No further miss is allowed, since the user requested the probe.
    const AT_LIMIT: Self = Self::Count { misses: u32::MAX };
}

/// The consequence of a deadline of the heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Due {
    Nothing,
    Probe,
    Silence,
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

    pub(super) fn watching(silence: Duration, now: Timestamp) -> Self {
        Self::Watching { silence, due: now.checked_add(silence) }
    }

    /// When the probe was requested that is out.
    pub(super) fn asked(self) -> Option<Timestamp> {
        match self {
            Self::Unwritten { asked, .. } | Self::Outstanding { asked, .. } => Some(asked),
            _ => None,
        }
    }

    /// When the probe was requested that is out, if nothing was heard that may be its answer.
    pub(super) fn awaited(self) -> Option<Timestamp> {
        match self {
            Self::Unwritten { heard: Some(_), .. } => None,
            beat => beat.asked(),
        }
    }

    /// When the probe was written that waits for its answer.
    pub(super) fn sent(self) -> Option<Timestamp> {
        match self {
            Self::Outstanding { sent, .. } => Some(sent),
            _ => None,
        }
    }

    /// Returns whether no probe is out.
    pub(super) fn is_quiet(self) -> bool {
        !matches!(self, Self::Proving { .. } | Self::Unwritten { .. } | Self::Outstanding { .. })
    }

    /// Returns whether only the time of the next probe is awaited.
    pub(super) fn is_resting(self) -> bool {
        matches!(self, Self::Resting { .. })
    }

    /// A ping was requested that is not judged.
    pub(super) fn prove(&mut self) {
        if let Self::Resting { due } = *self {
            *self = Self::Proving { due, heard: false };
        }
    }

    /// `full`: nothing is read.
    pub(super) fn deadline(self, last_move: Timestamp, full: bool) -> Option<Timestamp> {
        match self {
            Self::Off | Self::SilenceReported { .. } => None,
            Self::Resting { due } | Self::Proving { due, .. } | Self::Unjudged { due } => due,
            Self::Watching { .. } if full => None,
            Self::Watching { due, .. } => due,
            // A blocked write is not judged while nothing is read, since the peer may be heard.
            Self::Unwritten { .. } if full => None,
            Self::Unwritten { asked, wait, .. } => asked.max(last_move).checked_add(wait),
            Self::Outstanding { until, .. } => until,
        }
    }

    /// The deadline, if it is a verdict on the peer: the connection may be lost by it, or its silence
    /// is reported.
    pub(super) fn verdict(self, last_move: Timestamp, full: bool) -> Option<Timestamp> {
        match self {
            Self::Off | Self::Resting { .. } | Self::Proving { .. } | Self::Unjudged { .. } => None,
            _ if full => None,
            _ => self.deadline(last_move, full),
        }
    }

    /// Proof of life was heard.
    pub(super) fn heard_life(&mut self, heartbeat: Option<HeartbeatRules>, now: Timestamp) {
        match self {
            // The connection already has the probe, and cannot return it. No earlier doubt remains.
            Self::Unwritten { heard, on_miss, grace, .. } => {
                (*heard, *grace) = (Some(now), Grace::Unused);
                if *on_miss == OnMiss::Lose {
                    *on_miss = OnMiss::ProbeAgain;
                }
            }
            Self::Outstanding { asked, .. } => *self = Self::answered(heartbeat, *asked, now),
            Self::Off => {}
            Self::Proving { due, heard } => {
                *due = heartbeat.and_then(|heartbeat| heartbeat.silent_at(now));
                *heard = true;
            }
            Self::Watching { silence, .. } | Self::SilenceReported { silence } => {
                *self = Self::watching(*silence, now);
            }
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

    /// The state after the answer at `now` to a probe requested at `asked`.
    fn answered(heartbeat: Option<HeartbeatRules>, asked: Timestamp, now: Timestamp) -> Self {
        let Some(heartbeat) = heartbeat else { return Self::Off };
        let due = match heartbeat.trigger {
            Trigger::Idle => heartbeat.silent_at(now),
            // If a period ended while the answer was awaited, one probe is due at once.
            Trigger::Period => asked.checked_add(heartbeat.every).map(|due| due.max(now)),
        };
        Self::Resting { due }
    }

    /// A probe was not answered, and the connection is kept: the next probe follows as after an
    /// answer.
    pub(super) fn rest(&mut self, heartbeat: Option<HeartbeatRules>, now: Timestamp) {
        *self = Self::answered(heartbeat, self.asked().unwrap_or(now), now);
    }

    /// A probe was requested.
    pub(super) fn ask(&mut self, now: Timestamp, wait: Duration, on_miss: OnMiss) {
        let grace = Grace::Unused;
        *self = Self::Unwritten { asked: now, wait, on_miss, heard: None, grace };
    }

    /// Ensures that a probe is out and is judged soon. Without probes, silence is reported soon,
    /// unless this silence was reported. Returns whether a new one must be sent.
    pub(super) fn probe_now(&mut self, now: Timestamp, recheck: Duration) -> bool {
        match self {
            Self::Off | Self::Resting { .. } | Self::Unjudged { .. } => {
                self.ask(now, recheck, OnMiss::AT_LIMIT);
                return true;
            }
            // The ping that was requested becomes the probe. Its answer may already have been heard
            // and not come again.
            Self::Proving { heard: true, .. } => self.ask(now, recheck, OnMiss::ProbeAgain),
            Self::Proving { heard: false, .. } => self.ask(now, recheck, OnMiss::AT_LIMIT),
            Self::SilenceReported { .. } => {}
            Self::Watching { due, .. } => *due = earlier(now.checked_add(recheck), *due),
            Self::Unwritten { wait, on_miss, heard, .. } => {
                *wait = recheck.min(*wait);
                // Its answer may already have been heard and not come again.
                if heard.take().is_some() {
                    *on_miss = OnMiss::ProbeAgain;
                }
            }
            Self::Outstanding { until, on_miss, .. } => {
                *until = earlier(now.checked_add(recheck), *until);
                if matches!(on_miss, OnMiss::Count { .. }) {
                    *on_miss = OnMiss::AT_LIMIT;
                }
            }
        }
        false
    }

    /// Ensures that a probe is out that is sent from now on. Without probes it is `probe_now`.
    /// Returns whether a new one must be sent.
    pub(super) fn renew(&mut self, now: Timestamp, recheck: Duration) -> bool {
        if matches!(self, Self::Watching { .. } | Self::SilenceReported { .. }) {
            return self.probe_now(now, recheck);
        }
        let unwritten = matches!(self, Self::Unwritten { .. } | Self::Proving { .. });
        self.ask(now, recheck, if unwritten { OnMiss::ProbeAgain } else { OnMiss::AT_LIMIT });
        !unwritten
    }

    /// Everything was read. Returns whether a fresh probe must be sent.
    pub(super) fn catch_up(&mut self, now: Timestamp, recheck: Duration) -> bool {
        let unjudged = matches!(self, Self::Unjudged { .. });
        if unjudged {
            self.ask(now, recheck, OnMiss::Lose);
        }
        unjudged
    }

    /// The requested probe is written.
    pub(super) fn written(
        &mut self,
        heartbeat: Option<HeartbeatRules>,
        now: Timestamp,
        longest: Option<Duration>,
    ) {
        if let Self::Proving { due, .. } = *self {
            *self = Self::Resting { due };
        } else if let Self::Unwritten { asked, wait, on_miss, heard, .. } = *self {
            if let Some(at) = heard {
                *self = Self::answered(heartbeat, asked, at);
                return;
            }
            let wait = longest.map_or(wait, |longest| wait.min(longest));
            let until = now.checked_add(wait);
            let grace = Grace::Unused;
            *self = Self::Outstanding { asked, sent: now, wait, until, on_miss, grace };
        }
    }

    /// Bytes of a blocked write were accepted: the peer accepts bytes, so it is alive.
    pub(super) fn moved(&mut self, now: Timestamp) {
        if let Self::Outstanding { wait, until: Some(until), .. } = self
            && let Some(later) = now.checked_add(*wait)
        {
            *until = later.max(*until);
        }
    }

    /// Reading was paused.
    pub(super) fn doubt(&mut self) {
        if let Self::Outstanding { on_miss, .. } = self {
            *on_miss = OnMiss::ProbeAgain;
        }
    }

    /// Returns the consequence that is due at `now`, and updates the heartbeat unless the
    /// connection is lost.
    pub(super) fn handle_deadline(
        &mut self,
        heartbeat: Option<HeartbeatRules>,
        recheck: Duration,
        now: Timestamp,
        last_move: Timestamp,
        full: bool,
    ) -> Due {
        let Some(deadline) = self.deadline(last_move, full).filter(|at| *at <= now) else {
            return Due::Nothing;
        };
        match *self {
            Self::Off | Self::SilenceReported { .. } => Due::Nothing,
            Self::Watching { silence, .. } => {
                *self = Self::SilenceReported { silence };
                Due::Silence
            }
            Self::Resting { .. } | Self::Proving { .. } | Self::Unjudged { .. } => {
                let requested = matches!(self, Self::Proving { .. });
                // The answer to the ping that was requested may already have been heard.
                let answered = matches!(self, Self::Proving { heard: true, .. });
                let wait = heartbeat.map_or(recheck, |heartbeat| heartbeat.timeout);
                let again = full || answered;
                let on_miss = if again { OnMiss::ProbeAgain } else { OnMiss::Count { misses: 0 } };
                self.ask(now, wait, on_miss);
                if requested { Due::Nothing } else { Due::Probe }
            }
            // The connection already has the probe, so no fresh one is sent. A deadline that is
            // noticed late is extended once.
            Self::Unwritten { wait, on_miss, heard, grace, .. } => {
                let late = now.saturating_since(deadline) > wait;
                let on_miss = match on_miss {
                    OnMiss::Count { .. } => OnMiss::Lose,
                    OnMiss::ProbeAgain => OnMiss::ProbeAgain,
                    OnMiss::Lose => return Due::Stalled,
                };
                if grace == Grace::Used || !late {
                    return Due::Stalled;
                }
                let grace = Grace::Used;
                *self = Self::Unwritten { asked: now, wait, on_miss, heard, grace };
                Due::Nothing
            }
            Self::Outstanding { .. } if full => {
                *self = Self::Unjudged {
                    due: heartbeat.and_then(|heartbeat| heartbeat.silent_at(now)),
                };
                Due::Nothing
            }
            Self::Outstanding { asked, sent, wait, on_miss, grace, .. } => {
                let late_by = now.saturating_since(deadline);
                let late = late_by > wait;
                let fresh_probe_comes = late && matches!(on_miss, OnMiss::Count { .. });
                if grace == Grace::Unused && late_by > wait / 10 && !fresh_probe_comes {
                    let until = now.checked_add(wait / 10);
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
