//! When a [`Heartbeat`] is sent, what it consists of, and what answers it.

use std::{fmt, time::Duration};

use crate::{
    error::{ConfigError, not_zero},
    message::Message,
};

/// How the supervisor finds out that a silent line is dead.
///
/// After some silence, or on a fixed period, a *probe* is sent; when no proof of life follows
/// within the timeout, the connection is abandoned at once and the next attempt is scheduled. At
/// most one probe is out at a time.
///
/// ```
/// use std::time::Duration;
/// use websocket_heartbeat::Heartbeat;
///
/// let secs = Duration::from_secs;
/// // The original's: after 15 s of silence the text "heartbeat", then 10 s for any frame.
/// let original = Heartbeat::idle(secs(15)).timeout(secs(10)).message("heartbeat");
/// // Control-frame pings, which every server answers by itself (RFC 6455 section 5.5.2).
/// let pings = Heartbeat::idle(secs(20)).timeout(secs(10)).ping();
/// ```
///
/// Values that make no sense are reported by [`Builder::build`](crate::Builder::build), and by
/// [`check`](Self::check) where they are made.
pub struct Heartbeat {
    pub(crate) pulse: Option<Pulse>,
    pub(crate) life: ProofOfLife,
    pub(crate) reply: Option<Predicate>,
    pub(crate) hide_replies: bool,
    pub(crate) recheck_timeout: Option<Duration>,
    pub(crate) adaptive: Option<Duration>,
}

pub(crate) type Predicate = Box<dyn FnMut(&Message) -> bool + Send>;

pub(crate) struct Pulse {
    pub(crate) trigger: Trigger,
    pub(crate) every: Duration,
    pub(crate) timeout: Duration,
    pub(crate) max_missed: u32,
    pub(crate) slot: Duration,
    pub(crate) probe: Probe,
}

/// What makes the next probe due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Trigger {
    /// Nothing was heard for the time.
    Idle,
    /// The time has passed since the last probe.
    Period,
}

pub(crate) enum Probe {
    Ping,
    Message(Message),
    Made(Box<dyn FnMut(u64) -> Message + Send>),
}

/// What counts as proof of life. Only what comes over the current connection ever does.
#[non_exhaustive]
pub enum ProofOfLife {
    /// Any frame, control frames included. The default, and the original's rule as far as scripts
    /// can see frames.
    AnyFrame,
    /// Data messages only.
    Data,
    /// The answer to the probe only: the pong with its payload, or for a heartbeat by message one
    /// that [`Heartbeat::reply`] accepts.
    Reply,
    /// Data messages for which the function says so, and the answer to a ping.
    Matching(Box<dyn FnMut(&Message) -> bool + Send>),
}

impl Heartbeat {
    /// The original's wait for an answer, 10 s.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
    /// The longest that [`probe_now`](crate::Handle::probe_now) and doubtful lines wait for an
    /// answer unless told otherwise, 5 s: a hint deserves a quicker verdict than silence does.
    pub const RECHECK_TIMEOUT: Duration = Duration::from_secs(5);
    /// The original's message.
    pub const ORIGINAL_MESSAGE: &'static str = "heartbeat";

    /// A probe after `silence` without proof of life: the original's rule. A busy line sends none.
    ///
    /// The probe is a control-frame ping, answered within 10 s, until told otherwise.
    pub fn idle(silence: Duration) -> Self {
        Self::new(Trigger::Idle, silence)
    }

    /// A probe every `period`, whatever else the line carries: for servers that want to hear from
    /// their clients.
    pub fn every(period: Duration) -> Self {
        Self::new(Trigger::Period, period)
    }

    /// No heartbeat: a line that dies silently is noticed by nobody.
    pub fn off() -> Self {
        Self {
            pulse: None,
            life: ProofOfLife::AnyFrame,
            reply: None,
            hide_replies: false,
            recheck_timeout: None,
            adaptive: None,
        }
    }

    /// The original's, number by number: after 15 s of silence the text `heartbeat`, then 10 s for
    /// any frame.
    pub fn original() -> Self {
        Self::idle(Duration::from_secs(15)).message(Self::ORIGINAL_MESSAGE)
    }

    fn new(trigger: Trigger, every: Duration) -> Self {
        let pulse = Pulse {
            trigger,
            every,
            timeout: Self::DEFAULT_TIMEOUT,
            max_missed: 0,
            slot: Duration::ZERO,
            probe: Probe::Ping,
        };
        Self { pulse: Some(pulse), ..Self::off() }
    }

    fn with(mut self, set: impl FnOnce(&mut Pulse)) -> Self {
        if let Some(pulse) = &mut self.pulse {
            set(pulse);
        }
        self
    }

    /// How long an answer may take, counted from the moment the probe was written.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        self.with(|pulse| pulse.timeout = timeout)
    }

    /// Probes are control-frame pings with a counted payload, so that a late pong is never taken
    /// for a fast one.
    ///
    /// A pong comes from whatever ends the WebSocket protocol next to us. A ping therefore cannot
    /// see that a proxy or gateway answers or relays pings and swallows messages, or that the
    /// server's application hangs behind a library that still answers: the connection stays open,
    /// and [`Lost::unproven`](crate::Lost::unproven) is 0, since the ping was answered. Only an
    /// answer of the application proves that messages reach it: a [`message`](Self::message) that
    /// the application answers, with [`ProofOfLife::Reply`] and [`reply`](Self::reply).
    #[must_use]
    pub fn ping(self) -> Self {
        self.with(|pulse| pulse.probe = Probe::Ping)
    }

    /// Probes are this message, each time.
    ///
    /// With [`ProofOfLife::Reply`] this sees what a ping cannot, a server that hears pings and no
    /// messages:
    ///
    /// ```
    /// use std::time::Duration;
    /// use websocket_heartbeat::{Heartbeat, ProofOfLife};
    ///
    /// let heartbeat = Heartbeat::idle(Duration::from_secs(15))
    ///     .message("ping")
    ///     .proof_of_life(ProofOfLife::Reply)
    ///     .reply(|message| message.as_text() == Some("pong"));
    /// # heartbeat.check().unwrap();
    /// ```
    #[must_use]
    pub fn message(self, message: impl Into<Message>) -> Self {
        let message = message.into();
        self.with(|pulse| pulse.probe = Probe::Message(message))
    }

    /// Probes are messages made anew from the probe's number, counted from 1 over the session.
    #[must_use]
    pub fn message_with(self, make: impl FnMut(u64) -> Message + Send + 'static) -> Self {
        self.with(|pulse| pulse.probe = Probe::Made(Box::new(make)))
    }

    /// How many probes in a row may go unanswered before the connection is lost. 0, the default
    /// and the original's: none.
    #[must_use]
    pub fn max_missed(self, misses: u32) -> Self {
        self.with(|pulse| pulse.max_missed = misses)
    }

    /// Sends each probe after silence at the last multiple of `slot`, on the timer's clock, before it
    /// is due, so that thousands of sessions with clones of one timer wake together instead of one
    /// by one. A probe goes out earlier by up to one slot, and never at once. Zero, the default: not
    /// at all.
    #[must_use]
    pub fn align(self, slot: Duration) -> Self {
        self.with(|pulse| pulse.slot = slot)
    }

    /// What counts as proof of life, any frame by default.
    #[must_use]
    pub fn proof_of_life(mut self, life: ProofOfLife) -> Self {
        self.life = life;
        self
    }

    /// Recognises the server's answer to a heartbeat by message. Without it any data message that
    /// follows the probe is its answer, by the original's convention.
    #[must_use]
    pub fn reply(mut self, is_reply: impl FnMut(&Message) -> bool + Send + 'static) -> Self {
        self.reply = Some(Box::new(is_reply));
        self
    }

    /// Keeps the messages that [`reply`](Self::reply) accepts from the application. They prove
    /// life all the same. It needs a `reply` function.
    #[must_use]
    pub fn hide_replies(mut self) -> Self {
        self.hide_replies = true;
        self
    }

    /// How long an answer may take when a probe is sent out of doubt: by
    /// [`probe_now`](crate::Handle::probe_now), on resuming, or after a stall. By default the
    /// timeout, but at most 5 s.
    #[must_use]
    pub fn recheck_timeout(mut self, timeout: Duration) -> Self {
        self.recheck_timeout = Some(timeout);
        self
    }

    /// Lets the timeout follow the measured round trip: smoothed time plus eight times its
    /// variation, never below `floor` and never above the [`timeout`](Self::timeout). Off by
    /// default. Before the first measurement the whole timeout holds. RFC 6298 section 2 waits four
    /// variations before it sends a packet again; a false alarm here costs a connection, so it is
    /// twice that.
    #[must_use]
    pub fn adaptive(mut self, floor: Duration) -> Self {
        self.adaptive = Some(floor);
        self
    }

    /// Whether these values make sense.
    ///
    /// # Errors
    ///
    /// Names the value and the rule that it breaks: no time is zero, a fixed period is longer than
    /// nothing, and the adaptive floor is not above the timeout.
    pub fn check(&self) -> Result<(), ConfigError> {
        if let Some(pulse) = &self.pulse {
            not_zero("heartbeat interval", pulse.every)?;
            not_zero("heartbeat timeout", pulse.timeout)?;
            if let Some(floor) = self.adaptive
                && floor > pulse.timeout
            {
                let rule = "must not be above the heartbeat timeout";
                return Err(ConfigError::new("adaptive heartbeat floor", floor, rule));
            }
        }
        if let Some(floor) = self.adaptive {
            not_zero("adaptive heartbeat floor", floor)?;
        }
        if self.hide_replies && self.reply.is_none() {
            let rule = "must come with a function that recognises replies";
            return Err(ConfigError::new("hiding of heartbeat replies", true, rule));
        }
        self.recheck_timeout
            .map_or(Ok(()), |recheck| not_zero("heartbeat recheck timeout", recheck))
    }

    pub(crate) fn recheck(&self) -> Duration {
        self.recheck_timeout.unwrap_or_else(|| {
            let timeout = self.pulse.as_ref().map_or(Self::DEFAULT_TIMEOUT, |pulse| pulse.timeout);
            timeout.min(Self::RECHECK_TIMEOUT)
        })
    }
}

impl fmt::Debug for Heartbeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heartbeat")
            .field("pulse", &self.pulse)
            .field("life", &self.life)
            .field("reply", &self.reply.is_some())
            .field("hide_replies", &self.hide_replies)
            .field("recheck_timeout", &self.recheck_timeout)
            .field("adaptive", &self.adaptive)
            .finish()
    }
}

impl fmt::Debug for Pulse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let probe = match self.probe {
            Probe::Ping => "ping",
            Probe::Message(_) => "message",
            Probe::Made(_) => "message made per probe",
        };
        f.debug_struct("Pulse")
            .field("trigger", &self.trigger)
            .field("every", &self.every)
            .field("timeout", &self.timeout)
            .field("max_missed", &self.max_missed)
            .field("slot", &self.slot)
            .field("probe", &probe)
            .finish()
    }
}

impl fmt::Debug for ProofOfLife {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AnyFrame => "AnyFrame",
            Self::Data => "Data",
            Self::Reply => "Reply",
            Self::Matching(_) => "Matching",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_times_are_refused_by_name() {
        let error = Heartbeat::idle(Duration::ZERO).check().unwrap_err();
        assert_eq!(error.setting(), "heartbeat interval");
        let error = Heartbeat::original().timeout(Duration::ZERO).check().unwrap_err();
        assert_eq!(error.setting(), "heartbeat timeout");
        let error = Heartbeat::original().adaptive(Duration::from_secs(11)).check().unwrap_err();
        assert_eq!(error.setting(), "adaptive heartbeat floor");
        assert_eq!(Heartbeat::original().check(), Ok(()));
        assert_eq!(Heartbeat::off().check(), Ok(()));
    }
}
