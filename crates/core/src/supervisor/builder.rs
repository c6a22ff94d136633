//! From settings to a [`Supervisor`]: [`Builder`].

use std::{fmt, time::Duration};

use super::Supervisor;
use crate::{
    config::{
        Attempts, Backoff, ConnectTimeout, DialBudget, Failure, Heartbeat, OutboxSettings,
        Policies, Preset, Settings, Verdict,
    },
    error::ConfigError,
    time::Timer,
    transport::Transport,
};

/// The settings of a session, from [`Supervisor::builder`] or a backend's `connect`.
///
/// It begins with [`Preset::Original`]. Setters may come in any order, but for
/// [`preset`](Self::preset), which replaces all settings made before it.
///
/// Values are checked by [`build`](Self::build), since several rules are about two of them.
pub struct Builder<T, K> {
    transport: T,
    timer: K,
    settings: Settings,
    policies: Policies,
}

impl<T: Transport, K: Timer> Builder<T, K> {
    pub(crate) fn new(transport: T, timer: K) -> Self {
        let preset = Preset::default();
        Self { transport, timer, settings: preset.settings(), policies: preset.policies() }
    }

    /// Replaces all settings made so far by those of a preset.
    #[must_use]
    pub fn preset(mut self, preset: Preset) -> Self {
        self.settings = preset.settings();
        self.policies = preset.policies();
        self
    }

    /// When heartbeats are sent and what answers them.
    #[must_use]
    pub fn heartbeat(mut self, heartbeat: Heartbeat) -> Self {
        self.policies.heartbeat = heartbeat;
        self
    }

    /// How long to wait before each attempt. A panic of the factory, or of its delays, ends the
    /// session with [`CloseReason::Panicked`](crate::CloseReason::Panicked).
    #[must_use]
    pub fn backoff<B>(mut self, backoff: B) -> Self
    where
        B: Backoff<Delays: Send + 'static> + Send + 'static,
    {
        let Policies { heartbeat, verdict, budget, .. } = self.policies;
        self.policies = Policies { budget, ..Policies::new(heartbeat, backoff, verdict) };
        self
    }

    /// How many attempts may follow a lost connection.
    #[must_use]
    pub fn attempts(mut self, attempts: Attempts) -> Self {
        self.settings.attempts = attempts;
        self
    }

    /// How long a connection must be open before the attempts are counted, and the delays begin,
    /// anew. Zero: it is enough that it opened, which is the original's rule.
    #[must_use]
    pub fn stable_after(mut self, time: Duration) -> Self {
        self.settings.stable_after = time;
        self
    }

    /// How long an attempt may take. A plain `Duration` is the same for every attempt.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: impl Into<ConnectTimeout>) -> Self {
        self.settings.connect_timeout = timeout.into();
        self
    }

    /// How long a graceful close may take, the writing of what is queued included, before the
    /// connection is dropped.
    #[must_use]
    pub fn close_timeout(mut self, timeout: Duration) -> Self {
        self.settings.close_timeout = timeout;
        self
    }

    /// How long the server may take no byte of what is to be written before the connection is lost
    /// as [`LostCause::WriteStalled`](crate::LostCause::WriteStalled), whatever it sends meanwhile;
    /// `None` for ever. It must be above zero.
    ///
    /// Five minutes in [`Preset::Resilient`]: no server that is going to read waits so long, and
    /// what is queued cannot leave before the connection is replaced. `None` in
    /// [`Preset::Original`], as the original has it. The time begins again with each byte that is
    /// accepted, so that a slow upload is never lost. It stands still while nothing is read because
    /// nobody takes what has come. After 60 s there is an
    /// [`Event::WriteBlocked`](crate::Event::WriteBlocked), with any timeout that is longer.
    #[must_use]
    pub fn write_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.settings.write_timeout = timeout.into();
        self
    }

    /// What happens to messages that cannot be written at once.
    #[must_use]
    pub fn outbox(mut self, outbox: OutboxSettings) -> Self {
        self.settings.outbox = outbox;
        self
    }

    /// Decides what to do about each lost connection. A connection that is lost in a pause, or
    /// replaced on request or for its age, is not judged. A panic of it counts as
    /// [`Verdict::Retry`], and [`Lost::verdict_panic`](crate::Lost::verdict_panic) reports it.
    #[must_use]
    pub fn verdict(
        mut self,
        verdict: impl FnMut(&Failure<'_>) -> Verdict + Send + 'static,
    ) -> Self {
        self.policies.verdict = Box::new(verdict);
        self
    }

    /// Shares a budget of attempts with other supervisors. The first attempt is under it as well.
    /// No budget by default.
    #[must_use]
    pub fn dial_budget(mut self, budget: DialBudget) -> Self {
        self.policies.budget = Some(budget);
        self
    }

    /// The least time between the beginnings of two attempts, whatever backoff and hints say: above
    /// zero, at most an hour.
    #[must_use]
    pub fn minimum_gap(mut self, gap: Duration) -> Self {
        self.settings.minimum_gap = gap;
        self
    }

    /// How many connections in a row may open and die before they are
    /// [stable](Self::stable_after), which must be above zero; one more ends the session. No limit
    /// by default.
    #[must_use]
    pub fn flap_limit(mut self, limit: u32) -> Self {
        self.settings.flap_limit = Some(limit);
        self
    }

    /// How long an outage may last: an attempt that would begin later ends the session instead, as
    /// soon as that is known, whatever made it late: the delay, a server's wish, the minimum gap,
    /// a shared budget, or a task that was not polled. An outage begins when the session begins,
    /// when a connection is lost, and when a pause ends. No limit by default.
    #[must_use]
    pub fn outage_limit(mut self, limit: Duration) -> Self {
        self.settings.outage_limit = Some(limit);
        self
    }

    /// How old a connection may become before it is closed gracefully, at a moment when nothing is
    /// under way, and replaced at once. Each connection's limit is drawn from 90 to 100 % of it,
    /// so that clients that connected together do not reconnect together. No limit by default.
    #[must_use]
    pub fn max_age(mut self, age: Duration) -> Self {
        self.settings.max_age = Some(age);
        self
    }

    /// Makes the supervisor. Nothing is dialled before it is polled.
    ///
    /// # Errors
    ///
    /// Names the setting that makes no sense, its value and the rule that it breaks.
    pub fn build(self) -> Result<Supervisor<T, K>, ConfigError> {
        let Self { transport, timer, settings, policies } = self;
        settings.check()?;
        policies.heartbeat.check()?;
        policies.backoff.clone()?;
        Ok(Supervisor::new(transport, timer, settings, policies))
    }
}

impl<T, K> fmt::Debug for Builder<T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("settings", &self.settings)
            .field("heartbeat", &self.policies.heartbeat)
            .finish_non_exhaustive()
    }
}
