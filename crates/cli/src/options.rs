//! The options of `wsbeat connect`, and the session that they describe.

use std::time::Duration;

use websocket_heartbeat_smol::{
    Attempts, Builder, ConfigError, Constant, DialBudget, Exponential, Heartbeat, Offline,
    OutboxSettings, Preset, Request, SmolTimer, SmolTransport, Supervisor, Verdict,
};

/// The options as given. `None` means the value of the preset.
#[derive(Debug, Default)]
pub(crate) struct Options {
    pub(crate) preset: Preset,
    pub(crate) heartbeat: Option<HeartbeatKind>,
    pub(crate) ping_timeout: Option<Duration>,
    pub(crate) pong_timeout: Option<Duration>,
    pub(crate) ping_msg: Option<String>,
    pub(crate) reconnect_timeout: Option<Duration>,
    pub(crate) backoff: Option<(Duration, Duration)>,
    pub(crate) repeat_limit: Option<u32>,
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) max_dials_per_minute: Option<u32>,
    pub(crate) stop_on: Vec<u16>,
    pub(crate) keep_offline: Option<usize>,
    pub(crate) outbox_bytes: Option<usize>,
    pub(crate) max_age: Option<Duration>,
    pub(crate) resend: Option<u32>,
    pub(crate) json: bool,
    pub(crate) duration: Option<Duration>,
    pub(crate) close_on_eof: bool,
}

/// The value of `--heartbeat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeartbeatKind {
    /// A text message.
    Message,
    /// A ping frame.
    Ping,
    /// None.
    Off,
}

/// The value of both presets.
const PING_TIMEOUT: Duration = Duration::from_secs(15);

/// The default of [`OutboxSettings`].
const OUTBOX_BYTES: usize = 64 << 20;

impl Options {
    /// Refuses options that contradict each other and options without effect.
    pub(crate) fn check(&self) -> Result<(), String> {
        let refused = |message: &str| Err(message.to_owned());
        match self.heartbeat {
            Some(HeartbeatKind::Ping) if self.ping_msg.is_some() => {
                return refused("--ping-msg has no effect with --heartbeat ping; leave one out");
            }
            Some(HeartbeatKind::Off) => {
                let given = [
                    ("--ping-msg", self.ping_msg.is_some()),
                    ("--ping-timeout", self.ping_timeout.is_some()),
                    ("--pong-timeout", self.pong_timeout.is_some()),
                ];
                without_effect(given, "--heartbeat off")?;
            }
            _ => {}
        }
        if self.repeat_limit == Some(0) {
            let given = [
                ("--reconnect-timeout", self.reconnect_timeout.is_some()),
                ("--backoff", self.backoff.is_some()),
                ("--max-dials-per-minute", self.max_dials_per_minute.is_some()),
            ];
            without_effect(given, "--repeat-limit 0")?;
        }
        if self.backoff.is_some() && self.reconnect_timeout.is_some() {
            return refused(
                "--reconnect-timeout sets a constant delay and --backoff a growing one; leave one out",
            );
        }
        if self.resend.is_some_and(|times| times > 0) && self.kept_offline() == 0 {
            return refused(
                "--resend has no effect if nothing is kept offline; add --keep-offline COUNT",
            );
        }
        Ok(())
    }

    /// The maximum length of one line of standard input, in bytes.
    pub(crate) fn max_line_bytes(&self) -> usize {
        self.outbox_bytes.unwrap_or(OUTBOX_BYTES)
    }

    /// Builds the session.
    pub(crate) fn supervisor(
        &self,
        request: Request,
        timer: SmolTimer,
    ) -> Result<Supervisor<SmolTransport, SmolTimer>, ConfigError> {
        let mut builder = Supervisor::builder(SmolTransport::new(request), timer)
            .preset(self.preset)
            .heartbeat(self.heartbeat())
            .outbox(self.outbox());
        if let Some(delay) = self.reconnect_timeout {
            builder = builder.backoff(Constant::new(delay));
        }
        if let Some((base, cap)) = self.backoff {
            builder = builder.backoff(Exponential::new().base(base).cap(cap));
        }
        if let Some(limit) = self.repeat_limit {
            builder = builder.attempts(Attempts::at_most(limit));
        }
        if let Some(timeout) = self.connect_timeout {
            builder = builder.connect_timeout(timeout);
        }
        if let Some(count) = self.max_dials_per_minute {
            builder = builder.dial_budget(DialBudget::new(count, Duration::from_secs(60))?);
        }
        self.stop_on(builder).build()
    }

    /// `--heartbeat` if given. `--ping-msg` alone means a message. Otherwise the preset decides.
    pub(crate) fn heartbeat_kind(&self) -> HeartbeatKind {
        let by_preset = match self.preset {
            Preset::Resilient => HeartbeatKind::Ping,
            _ => HeartbeatKind::Message,
        };
        let by_message = self.ping_msg.as_ref().map(|_| HeartbeatKind::Message);
        self.heartbeat.or(by_message).unwrap_or(by_preset)
    }

    fn heartbeat(&self) -> Heartbeat {
        let idle = Heartbeat::idle(self.ping_timeout.unwrap_or(PING_TIMEOUT))
            .timeout(self.pong_timeout.unwrap_or(Heartbeat::DEFAULT_TIMEOUT));
        match self.heartbeat_kind() {
            HeartbeatKind::Off => Heartbeat::off(),
            HeartbeatKind::Ping => idle.ping(),
            HeartbeatKind::Message => {
                idle.message(self.ping_msg.as_deref().unwrap_or(Heartbeat::ORIGINAL_MESSAGE))
            }
        }
    }

    fn kept_offline(&self) -> usize {
        let by_preset = if self.preset == Preset::Resilient { 1_024 } else { 0 };
        self.keep_offline.unwrap_or(by_preset)
    }

    /// Gives messages back with every preset, since each line that was not written is reported.
    fn outbox(&self) -> OutboxSettings {
        let outbox = match self.kept_offline() {
            0 => OutboxSettings::new().offline(Offline::Refuse),
            count => OutboxSettings::new().offline(Offline::Keep).count(count),
        };
        let outbox = outbox.give_back(true).resend(self.resend.unwrap_or(0));
        let outbox = outbox.bytes(self.max_line_bytes());
        self.max_age.map_or(outbox, |age| outbox.max_age(age))
    }

    fn stop_on(
        &self,
        builder: Builder<SmolTransport, SmolTimer>,
    ) -> Builder<SmolTransport, SmolTimer> {
        if self.stop_on.is_empty() {
            return builder;
        }
        let (statuses, preset) = (self.stop_on.clone(), self.preset);
        builder.verdict(move |failure| {
            if failure.http_status().is_some_and(|status| statuses.contains(&status)) {
                return Verdict::Stop;
            }
            match preset {
                Preset::Resilient => Verdict::careful(failure),
                _ => Verdict::always_retry(failure),
            }
        })
    }
}

/// Refuses the first option that is given and has no effect because of `other`.
fn without_effect(options: [(&str, bool); 3], other: &str) -> Result<(), String> {
    match options.into_iter().find(|(_, given)| *given) {
        Some((option, _)) => Err(format!("{option} has no effect with {other}; leave one out")),
        None => Ok(()),
    }
}
