//! From settings to a [`Supervisor`]: [`Builder`].

use std::{fmt, time::Duration};

use super::{Supervisor, policies::Resolved};
use crate::{
    config::{
        Attempts, Backoff, BoxBackoff, ConnectTimeout, DialBudget, Failure, Heartbeat,
        OutboxSettings, Preset, Settings, Verdict, dial_budget::Place,
    },
    error::ConfigError,
    time::Timer,
    transport::Transport,
};

/// The settings of a session, from [`Supervisor::builder`] or a backend's `connect`.
///
/// A setting that is not set has the value of the [`Preset`]. The order of the calls does not
/// matter, and this includes [`preset`](Self::preset). If a setter is called twice, the later call
/// counts.
///
/// [`build`](Self::build) checks the values, since some rules concern two settings.
///
/// ```
/// use std::time::Duration;
/// use websocket_heartbeat::{Attempts, Exponential, Heartbeat, OutboxSettings, Supervisor};
///
/// # let clock = websocket_heartbeat_mock::Clock::new();
/// # let (transport, _) = websocket_heartbeat_mock::mock(&clock);
/// # let timer = clock.timer();
/// let secs = Duration::from_secs;
/// let supervisor = Supervisor::builder(transport, timer)
///     .heartbeat(Heartbeat::idle(secs(20)).timeout(secs(5)).ping())
///     .backoff(Exponential::new().cap(secs(60)))
///     .attempts(Attempts::at_most(100))
///     .connect_timeout(secs(15))
///     .outbox(OutboxSettings::new().count(100).max_age(secs(30)))
///     .build()?;
/// # drop(supervisor);
/// # Ok::<_, websocket_heartbeat::ConfigError>(())
/// ```
pub struct Builder<T, K> {
    transport: T,
    timer: K,
    settings: Settings,
}

impl<T, K> Builder<T, K> {
    pub(crate) fn new(transport: T, timer: K) -> Self {
        Self { transport, timer, settings: Settings::default() }
    }

    /// The values of the settings that are not set. The default is [`Preset::Resilient`].
    ///
    /// ```
    /// # let clock = websocket_heartbeat_mock::Clock::new();
    /// # let (transport, _) = websocket_heartbeat_mock::mock(&clock);
    /// # let timer = clock.timer();
    /// use std::time::Duration;
    /// use websocket_heartbeat::{Preset, Supervisor};
    ///
    /// // Like the npm packages, with a longer close timeout.
    /// let builder = Supervisor::builder(transport, timer)
    ///     .close_timeout(Duration::from_secs(20))
    ///     .preset(Preset::Original);
    /// # builder.build()?;
    /// # Ok::<_, websocket_heartbeat::ConfigError>(())
    /// ```
    #[must_use]
    pub fn preset(mut self, preset: Preset) -> Self {
        self.settings.preset = preset;
        self
    }

    /// The name of the session in logs and metrics, for example `prices`. None by default.
    ///
    /// [`Handle::name`](crate::Handle::name) returns it, and `Debug` of the supervisor and of its
    /// handles shows it, so it must not contain secrets. Names need not be unique.
    ///
    /// ```
    /// # let clock = websocket_heartbeat_mock::Clock::new();
    /// # let (transport, _) = websocket_heartbeat_mock::mock(&clock);
    /// # let timer = clock.timer();
    /// use websocket_heartbeat::Supervisor;
    ///
    /// let supervisor = Supervisor::builder(transport, timer).name("prices").build()?;
    /// assert_eq!(supervisor.handle().name(), Some("prices"));
    /// # Ok::<_, websocket_heartbeat::ConfigError>(())
    /// ```
    #[must_use]
    pub fn name(mut self, name: impl Into<Box<str>>) -> Self {
        self.settings.name = Some(Box::new(name.into()));
        self
    }

    /// The times, the content and the answers of heartbeats.
    #[must_use]
    pub fn heartbeat(mut self, heartbeat: Heartbeat) -> Self {
        self.settings.heartbeat = Some(heartbeat);
        self
    }

    /// The delays before attempts. A panic of the backoff or of its delays ends the session with
    /// [`CloseReason::Panicked`](crate::CloseReason::Panicked).
    ///
    /// It has no effect with [`Attempts::Never`], since no attempt follows. That is no error,
    /// because the number of attempts may come from a configuration.
    #[must_use]
    pub fn backoff<B>(mut self, backoff: B) -> Self
    where
        B: Backoff<Delays: Send + 'static> + Send + 'static,
    {
        self.settings.backoff = Some(BoxBackoff::new(backoff));
        self
    }

    /// How many attempts may follow a lost connection. The default is no limit. A plain number is
    /// converted: 5 is `Attempts::at_most(5)`, and 0 is [`Attempts::Never`].
    #[must_use]
    pub fn attempts(mut self, attempts: impl Into<Attempts>) -> Self {
        self.settings.attempts = attempts.into();
        self
    }

    /// How many attempts may follow the first one before any connection has opened. The default is
    /// the limit of [`attempts`](Self::attempts). With a limit of their own, these attempts do not
    /// count for the other one.
    ///
    /// With [`Attempts::Never`] the session ends if its first attempt fails, and
    /// [`Handle::opened`](crate::Handle::opened) returns the reason. So a program can report a wrong
    /// address at its start, and still survive every later outage.
    #[must_use]
    pub fn initial_attempts(mut self, attempts: Attempts) -> Self {
        self.settings.initial_attempts = Some(attempts);
        self
    }

    /// How long a connection must be open to be *stable*. After a stable connection the attempts
    /// are counted from 0 and the delays begin again. With zero, every connection that opens is
    /// stable, as in the original.
    #[must_use]
    pub fn stable_after(mut self, time: Duration) -> Self {
        self.settings.stable_after = Some(time);
        self
    }

    /// How long an attempt may take, see [`ConnectTimeout`]. A plain `Duration` is the same for
    /// every attempt.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: impl Into<ConnectTimeout>) -> Self {
        self.settings.connect_timeout = Some(timeout.into());
        self
    }

    /// How long a graceful close may take before the connection is dropped. The time to write the
    /// queued messages is included.
    #[must_use]
    pub fn close_timeout(mut self, timeout: Duration) -> Self {
        self.settings.close_timeout = Some(timeout);
        self
    }

    /// How long a write may make no progress before the connection is lost as
    /// [`LostCause::WriteStalled`](crate::LostCause::WriteStalled), even if the server still sends.
    /// `None` means no limit. It must be above zero.
    ///
    /// Five minutes in [`Preset::Resilient`]: a server that will read at all reads earlier, and
    /// queued messages cannot leave before the connection is replaced. `None` in
    /// [`Preset::Original`], as in the original.
    ///
    /// The time begins again with each byte that the server accepts, so a slow upload is not lost.
    /// It is suspended while nothing is read because the application does not take the messages
    /// that were read. If the timeout is longer than 60 s,
    /// [`Event::WriteBlocked`](crate::Event::WriteBlocked) comes after 60 s.
    #[must_use]
    pub fn write_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.settings.write_timeout = Some(timeout.into().unwrap_or(Duration::MAX));
        self
    }

    /// The rules for messages that cannot be written at once. They replace all settings of the
    /// outbox in the preset.
    #[must_use]
    pub fn outbox(mut self, outbox: OutboxSettings) -> Self {
        self.settings.outbox = Some(outbox);
        self
    }

    /// The function that decides about the next attempt after each lost connection and failed
    /// attempt.
    ///
    /// It is not called for a connection that is lost in a pause, or that is replaced on request or
    /// for its age. A panic of the function counts as [`Verdict::Retry`], and
    /// [`Lost::verdict_panic`](crate::Lost::verdict_panic) reports it.
    ///
    /// ```
    /// # let clock = websocket_heartbeat_mock::Clock::new();
    /// # let (transport, _) = websocket_heartbeat_mock::mock(&clock);
    /// # let timer = clock.timer();
    /// use websocket_heartbeat::{Supervisor, Verdict};
    ///
    /// // This server closes with 4001 when the account is gone.
    /// let builder = Supervisor::builder(transport, timer).verdict(|failure| {
    ///     match failure.close_code() {
    ///         Some(4001) => Verdict::Stop,
    ///         _ => Verdict::careful(failure),
    ///     }
    /// });
    /// # builder.build()?;
    /// # Ok::<_, websocket_heartbeat::ConfigError>(())
    /// ```
    #[must_use]
    pub fn verdict(
        mut self,
        verdict: impl FnMut(&Failure<'_>) -> Verdict + Send + 'static,
    ) -> Self {
        self.settings.verdict = Some(Box::new(verdict));
        self
    }

    /// Shares a budget of attempts with other supervisors. The first attempt also needs the budget.
    /// No budget by default.
    #[must_use]
    pub fn dial_budget(mut self, budget: DialBudget) -> Self {
        self.settings.dial_place = Some(Box::new(Place::new(budget)));
        self
    }

    /// The shortest time between the beginnings of two attempts, with any backoff and verdict. It
    /// must be above zero and at most an hour. The default is 100 ms.
    #[must_use]
    pub fn minimum_gap(mut self, gap: Duration) -> Self {
        self.settings.minimum_gap = Some(gap);
        self
    }

    /// How many connections in a row may open and be lost before they are
    /// [stable](Self::stable_after). The next such loss ends the session. No limit by default.
    ///
    /// It needs `stable_after` above zero.
    #[must_use]
    pub fn flap_limit(mut self, limit: u32) -> Self {
        self.settings.flap_limit = Some(limit);
        self
    }

    /// How long an outage may last. If the next attempt would begin later, the session ends
    /// instead, as soon as that is known. The reason for the late attempt does not matter: the
    /// delay, the server's `Retry-After`, the minimum gap, a shared budget, or a task that was not
    /// polled. No limit by default.
    ///
    /// An outage begins when the session begins, when a connection is lost, and when a pause ends.
    #[must_use]
    pub fn outage_limit(mut self, limit: Duration) -> Self {
        self.settings.outage_limit = Some(limit);
        self
    }

    /// How old a connection may become. Then it is closed gracefully and replaced at once. If a
    /// message or a probe is under way at that moment, the connection is closed after it. No limit
    /// by default.
    ///
    /// The limit of each connection is drawn from 90 to 100 % of `age`, so that clients that
    /// connected together do not reconnect together.
    #[must_use]
    pub fn max_age(mut self, age: Duration) -> Self {
        self.settings.max_age = Some(age);
        self
    }
}

impl<T: Transport, K: Timer> Builder<T, K> {
    /// Makes the supervisor. It connects when it is first polled.
    ///
    /// # Errors
    ///
    /// If a value is invalid, or if a setting has no effect. The error names the setting, its
    /// value, and the rule that it breaks.
    pub fn build(self) -> Result<Supervisor<T, K>, ConfigError> {
        let resolved = Resolved::new(self.settings, self.timer.entropy())?;
        Ok(Supervisor::new(self.transport, self.timer, resolved))
    }
}

impl<T, K> fmt::Debug for Builder<T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("settings", &self.settings).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
