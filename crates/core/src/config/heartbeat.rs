//! The times, the content and the answers of heartbeats: [`Heartbeat`].

use std::{fmt, time::Duration};

use super::proof_of_life::{Predicate, ProofOfLife};
use crate::{
    error::{ConfigError, ConfigValue, not_zero},
    message::Message,
};

/// How a session detects that a silent connection is dead.
///
/// A *probe* is sent after some silence, or with a fixed period. If no proof of life follows within
/// the timeout, the connection is dropped at once and the next attempt is scheduled. At most one
/// probe waits for its answer at a time.
///
/// ```
/// use std::time::Duration;
/// use websocket_heartbeat::{Heartbeat, Supervisor};
///
/// # let clock = websocket_heartbeat_mock::Clock::new();
/// # let (transport, _) = websocket_heartbeat_mock::mock(&clock);
/// # let timer = clock.timer();
/// let secs = Duration::from_secs;
/// // A ping after 20 s of silence. Every server answers pings (RFC 6455 section 5.5.2).
/// let pings = Heartbeat::idle(secs(20)).timeout(secs(10)).ping();
/// // A message every 30 s, for a server that closes connections on which it hears nothing.
/// let messages = Heartbeat::every(secs(30)).message("still here");
///
/// let supervisor = Supervisor::builder(transport, timer).heartbeat(pings).build()?;
/// # drop(supervisor);
/// # messages.check()?;
/// # Ok::<_, websocket_heartbeat::ConfigError>(())
/// ```
///
/// # Errors
///
/// [`Builder::build`](crate::Builder::build) reports invalid values and settings that have no
/// effect. [`check`](Self::check) reports them without a builder.
///
/// # Panics
///
/// A panic of a function in these settings ends the session with
/// [`CloseReason::Panicked`](crate::CloseReason::Panicked).
pub struct Heartbeat {
    /// `None`: no heartbeat.
    pub(crate) schedule: Option<Schedule>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) max_missed: Option<u32>,
    pub(crate) slot: Option<Duration>,
    pub(crate) probe: Option<Probe>,
    pub(crate) life: ProofOfLife,
    pub(crate) reply: Option<Predicate>,
    pub(crate) hide_replies: bool,
    pub(crate) recheck_timeout: Option<Duration>,
    pub(crate) adaptive: Option<Duration>,
}

/// When probes are due.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    pub(crate) trigger: Trigger,
    pub(crate) every: Duration,
}

/// The reason for the next probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Trigger {
    /// There was no proof of life for the time.
    Idle,
    /// The time has passed since the last probe.
    Period,
}

pub(crate) enum Probe {
    Ping,
    Message(Message),
    Made(Box<dyn FnMut(u64) -> Message + Send>),
}

impl Heartbeat {
    /// How long an answer may take by default: 10 s, as in the original.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
    /// How long the answer to a recheck may take by default: 5 s, or the
    /// [`timeout`](Self::timeout) if that is shorter. See [`recheck_timeout`](Self::recheck_timeout).
    ///
    /// A recheck has a reason, for example a changed network. So its timeout is shorter.
    pub const RECHECK_TIMEOUT: Duration = Duration::from_secs(5);
    /// The message of the original.
    pub const ORIGINAL_MESSAGE: &'static str = "heartbeat";

    /// Sends a probe after `silence` without proof of life. On a busy connection no probe is judged.
    ///
    /// By default the probe is a ping, answered within 10 s. If probes are pings, a busy connection
    /// on which messages are written sends one ping in each interval of this length, whose pong
    /// proves that the messages before it were read: this bounds
    /// [`Lost::unproven`](crate::Lost::unproven). While other frames come in, a missing pong has no
    /// consequence.
    pub fn idle(silence: Duration) -> Self {
        Self::scheduled(Trigger::Idle, silence)
    }

    /// Sends a probe every `period`, independent of other traffic: for servers that close
    /// connections on which they hear nothing. The first probe is due one period after the
    /// connection opened.
    ///
    /// By default the probe is a ping, answered within 10 s.
    pub fn every(period: Duration) -> Self {
        Self::scheduled(Trigger::Period, period)
    }

    /// No heartbeat: a connection that dies silently is not detected.
    ///
    /// [`Handle::probe_now`](crate::Handle::probe_now) and
    /// [`Handle::resume`](crate::Handle::resume) still send a ping, or watch for silence where the
    /// transport has no pings. So
    /// [`recheck_timeout`](Self::recheck_timeout) and [`proof_of_life`](Self::proof_of_life) have
    /// an effect here. [`check`](Self::check) refuses all other settings.
    pub fn off() -> Self {
        Self {
            schedule: None,
            timeout: None,
            max_missed: None,
            slot: None,
            probe: None,
            life: ProofOfLife::AnyFrame,
            reply: None,
            hide_replies: false,
            recheck_timeout: None,
            adaptive: None,
        }
    }

    /// The heartbeat of the original: the text `heartbeat` after 15 s of silence, answered by any
    /// frame within 10 s.
    ///
    /// A server that does not answer this text loses a healthy connection every 25 s.
    /// [`Lost::ever_answered`](crate::Lost::ever_answered) is false then.
    pub fn original() -> Self {
        Self::idle(Duration::from_secs(15)).message(Self::ORIGINAL_MESSAGE)
    }

    fn scheduled(trigger: Trigger, every: Duration) -> Self {
        Self { schedule: Some(Schedule { trigger, every }), ..Self::off() }
    }

    /// How long an answer may take, counted from the moment at which the probe was written. The
    /// default is [`DEFAULT_TIMEOUT`](Self::DEFAULT_TIMEOUT).
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Probes are pings. This is the default.
    ///
    /// The payload of each ping is a number, so that a late pong does not answer a later ping.
    ///
    /// On a transport [without pings](crate::Transport::can_ping) nothing is sent. A silence of the
    /// interval is reported by [`Event::Silent`](crate::Event::Silent), and does not end the
    /// connection. Only with [`Preset::Original`](crate::Preset::Original) the text `heartbeat` is
    /// sent instead.
    ///
    /// A pong comes from the nearest peer that speaks WebSocket. So pings do not detect a proxy
    /// that answers pings and loses messages, or a hung application behind a library that still
    /// answers. [`Lost::unproven`](crate::Lost::unproven) is 0 in both cases, since the ping was
    /// answered. Only an answer of the application proves that messages reach it: use a
    /// [`message`](Self::message) that the application answers, with [`ProofOfLife::Reply`] and
    /// [`reply`](Self::reply).
    #[must_use]
    pub fn ping(mut self) -> Self {
        self.probe = Some(Probe::Ping);
        self
    }

    /// All probes are this message.
    ///
    /// On a transport [without pings](crate::Transport::can_ping) an unanswered message ends the
    /// connection only after the server has shown that it answers, see
    /// [`Unanswered`](crate::Unanswered). With [`Preset::Original`](crate::Preset::Original) it
    /// always does.
    ///
    /// With [`ProofOfLife::Reply`] it detects a server that answers pings but no messages:
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
    pub fn message(mut self, message: impl Into<Message>) -> Self {
        self.probe = Some(Probe::Message(message.into()));
        self
    }

    /// Probes are messages that `make` returns. Its argument is the number of the probe, counted
    /// from 1 over the session.
    #[must_use]
    pub fn message_with(mut self, make: impl FnMut(u64) -> Message + Send + 'static) -> Self {
        self.probe = Some(Probe::Made(Box::new(make)));
        self
    }

    /// How many probes in a row may be unanswered before the connection is lost. The default is 0,
    /// as in the original: the connection is lost at the first unanswered probe.
    #[must_use]
    pub fn max_missed(mut self, misses: u32) -> Self {
        self.max_missed = Some(misses);
        self
    }

    /// Sends each probe after silence earlier, by less than one `slot`: at the last multiple of
    /// `slot` on the timer's clock before the probe is due. So thousands of sessions with clones of
    /// one timer wake at the same times instead of one by one.
    ///
    /// With [`every`](Self::every) it moves only the first probe, and the period counts from that
    /// probe. The default is zero, which moves no probe.
    #[must_use]
    pub fn align(mut self, slot: Duration) -> Self {
        self.slot = Some(slot);
        self
    }

    /// The frames that count as proof of life. The default is any frame.
    #[must_use]
    pub fn proof_of_life(mut self, life: ProofOfLife) -> Self {
        self.life = life;
        self
    }

    /// Recognises the server's answer to a heartbeat by message. By default it is the first data
    /// message after the probe, as in the original.
    ///
    /// On a transport without pings, one accepted message shows that the server answers heartbeats:
    /// from then on an unanswered heartbeat ends the connection, see
    /// [`Unanswered`](crate::Unanswered). If the heartbeat sends pings, this setting has an effect
    /// only with [`hide_replies`](Self::hide_replies).
    #[must_use]
    pub fn reply(mut self, is_reply: impl FnMut(&Message) -> bool + Send + 'static) -> Self {
        self.reply = Some(Box::new(is_reply));
        self
    }

    /// Hides the messages that [`reply`](Self::reply) accepts from the application. These messages
    /// still prove life. It needs a `reply` function.
    #[must_use]
    pub fn hide_replies(mut self) -> Self {
        self.hide_replies = true;
        self
    }

    /// How long the answer to a recheck may take. A recheck is an additional probe: by
    /// [`Handle::probe_now`](crate::Handle::probe_now), by
    /// [`Handle::resume`](crate::Handle::resume), and after the task or the machine slept. The
    /// default is the [`timeout`](Self::timeout), but at most
    /// [`RECHECK_TIMEOUT`](Self::RECHECK_TIMEOUT).
    #[must_use]
    pub fn recheck_timeout(mut self, timeout: Duration) -> Self {
        self.recheck_timeout = Some(timeout);
        self
    }

    /// Adapts the timeout to the measured round trip. The timeout is then the smoothed round trip
    /// plus eight times its variation, at least `floor` and at most the [`timeout`](Self::timeout).
    /// Before the first measurement the full [`timeout`](Self::timeout) applies. By default the
    /// timeout is fixed.
    ///
    /// RFC 6298 section 2 waits four variations before it sends a packet again. Here a false alarm
    /// costs a connection, so the factor is twice as large.
    #[must_use]
    pub fn adaptive(mut self, floor: Duration) -> Self {
        self.adaptive = Some(floor);
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// The error names the setting, its value and the rule that it breaks. It is returned if
    ///
    /// - a time is zero, except that of [`align`](Self::align);
    /// - the floor of [`adaptive`](Self::adaptive) is above the timeout;
    /// - a setting has no effect: [`hide_replies`](Self::hide_replies) without
    ///   [`reply`](Self::reply), and after [`off`](Self::off) all settings except
    ///   [`recheck_timeout`](Self::recheck_timeout) and [`proof_of_life`](Self::proof_of_life).
    pub fn check(&self) -> Result<(), ConfigError> {
        match &self.schedule {
            None => self.check_off()?,
            Some(schedule) => not_zero("heartbeat interval", schedule.every)?,
        }
        let times = [
            ("heartbeat timeout", self.timeout),
            ("heartbeat recheck timeout", self.recheck_timeout),
            ("adaptive heartbeat floor", self.adaptive),
        ];
        for (setting, time) in times {
            time.map_or(Ok(()), |time| not_zero(setting, time))?;
        }
        if let Some(floor) = self.adaptive
            && floor > self.answer_timeout()
        {
            let rule = "must not be above the heartbeat timeout";
            return Err(ConfigError::new("adaptive heartbeat floor", floor, rule));
        }
        if self.hide_replies && self.reply.is_none() {
            let rule = "must come with Heartbeat::reply, which recognises replies";
            return Err(ConfigError::new("hiding of heartbeat replies", "true", rule));
        }
        Ok(())
    }

    /// Without a heartbeat, settings of the heartbeat have no effect.
    fn check_off(&self) -> Result<(), ConfigError> {
        let (setting, value): (_, ConfigValue) = match self {
            Self { timeout: Some(timeout), .. } => ("heartbeat timeout", (*timeout).into()),
            Self { probe: Some(probe), .. } => ("heartbeat probe", probe.name().into()),
            Self { max_missed: Some(misses), .. } => ("missed heartbeats", (*misses).into()),
            Self { slot: Some(slot), .. } => ("heartbeat alignment", (*slot).into()),
            Self { reply: Some(_), .. } => ("heartbeat reply", "a function".into()),
            Self { adaptive: Some(floor), .. } => ("adaptive heartbeat floor", (*floor).into()),
            _ => return Ok(()),
        };
        let rule = "must be left out after Heartbeat::off, where it has no effect; a heartbeat \
                    begins with Heartbeat::idle or Heartbeat::every";
        Err(ConfigError::new(setting, value, rule))
    }

    /// The timeout of a regular probe.
    pub(crate) fn answer_timeout(&self) -> Duration {
        self.timeout.unwrap_or(Self::DEFAULT_TIMEOUT)
    }

    /// The timeout of a recheck.
    pub(crate) fn recheck(&self) -> Duration {
        self.recheck_timeout.unwrap_or_else(|| self.answer_timeout().min(Self::RECHECK_TIMEOUT))
    }
}

impl fmt::Debug for Heartbeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heartbeat")
            .field("schedule", &self.schedule)
            .field("timeout", &self.timeout)
            .field("max_missed", &self.max_missed)
            .field("slot", &self.slot)
            .field("probe", &self.probe.as_ref().map(Probe::name))
            .field("life", &self.life)
            .field("reply", &self.reply.is_some())
            .field("hide_replies", &self.hide_replies)
            .field("recheck_timeout", &self.recheck_timeout)
            .field("adaptive", &self.adaptive)
            .finish()
    }
}

impl Probe {
    /// Without the content, which may be secret.
    fn name(&self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::Message(_) => "message",
            Self::Made(_) => "message made per probe",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn idle() -> Heartbeat {
        Heartbeat::idle(SECOND * 15)
    }

    #[track_caller]
    fn refused(heartbeat: Heartbeat) -> &'static str {
        heartbeat.check().expect_err("it is invalid").setting()
    }

    #[test]
    fn zero_times_are_refused_by_name() {
        assert_eq!(refused(Heartbeat::idle(Duration::ZERO)), "heartbeat interval");
        assert_eq!(refused(idle().timeout(Duration::ZERO)), "heartbeat timeout");
        assert_eq!(refused(idle().adaptive(SECOND * 11)), "adaptive heartbeat floor");
        assert_eq!(Heartbeat::original().check(), Ok(()));
        assert_eq!(Heartbeat::off().check(), Ok(()));
    }

    #[test]
    fn settings_without_effect_are_refused_by_name() {
        type Set = fn(Heartbeat) -> Heartbeat;
        let settings: [(&str, Set); 9] = [
            ("heartbeat timeout", |h| h.timeout(SECOND)),
            ("heartbeat probe", Heartbeat::ping),
            ("heartbeat probe", |h| h.message("beat")),
            ("heartbeat probe", |h| h.message_with(|_| "beat".into())),
            ("missed heartbeats", |h| h.max_missed(2)),
            ("heartbeat alignment", |h| h.align(SECOND)),
            ("heartbeat reply", |h| h.reply(|_| true)),
            ("heartbeat reply", |h| h.reply(|_| true).hide_replies()),
            ("adaptive heartbeat floor", |h| h.adaptive(SECOND)),
        ];
        for (setting, set) in settings {
            assert_eq!(refused(set(Heartbeat::off())), setting);
            assert_eq!(set(idle()).check(), Ok(()), "{setting} has an effect on a heartbeat");
        }
        assert_eq!(refused(idle().hide_replies()), "hiding of heartbeat replies");
        assert_eq!(refused(Heartbeat::off().hide_replies()), "hiding of heartbeat replies");
    }

    #[test]
    fn rechecks_have_settings_without_a_heartbeat() {
        let off = Heartbeat::off().recheck_timeout(SECOND).proof_of_life(ProofOfLife::Data);
        assert_eq!((off.check(), off.recheck()), (Ok(()), SECOND));
        assert_eq!(Heartbeat::off().recheck(), Heartbeat::RECHECK_TIMEOUT);
    }
}
