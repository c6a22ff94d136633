//! The options of `wsbeat connect`, and the session that they describe.

use std::time::Duration;

use websocket_heartbeat_smol::{
    Attempts, Builder, ConfigError, Constant, DialBudget, Exponential, Heartbeat, Offline,
    OutboxSettings, Preset, Request, SmolTimer, SmolTransport, Supervisor, Verdict,
};

/// The options as given; `None` leaves the preset's value.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) request: Request,
    pub(crate) preset: Preset,
    pub(crate) heartbeat: Option<Kind>,
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

/// What a heartbeat consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Message,
    Ping,
    Off,
}

/// The original's `pingTimeout`, which both presets use.
const PING_TIMEOUT: Duration = Duration::from_secs(15);

/// The outbox's own default, see [`OutboxSettings`].
const OUTBOX_BYTES: usize = 64 << 20;

impl Options {
    pub(crate) fn new(request: Request) -> Self {
        Self {
            request,
            preset: Preset::Original,
            heartbeat: None,
            ping_timeout: None,
            pong_timeout: None,
            ping_msg: None,
            reconnect_timeout: None,
            backoff: None,
            repeat_limit: None,
            connect_timeout: None,
            max_dials_per_minute: None,
            stop_on: Vec::new(),
            keep_offline: None,
            outbox_bytes: None,
            max_age: None,
            resend: None,
            json: false,
            duration: None,
            close_on_eof: false,
        }
    }

    /// Options that cannot stand together.
    pub(crate) fn check(&self) -> Result<(), String> {
        let refused = |line: &str| Err(line.to_owned());
        if self.ping_msg.is_some() && !matches!(self.heartbeat, None | Some(Kind::Message)) {
            return refused("--ping-msg is for --heartbeat message: leave one of them out");
        }
        if self.heartbeat == Some(Kind::Off) {
            if self.ping_timeout.is_some() {
                return refused("--ping-timeout has no effect with --heartbeat off: leave it out");
            }
            if self.pong_timeout.is_some() {
                return refused("--pong-timeout has no effect with --heartbeat off: leave it out");
            }
        }
        if self.backoff.is_some() && self.reconnect_timeout.is_some() {
            return refused(
                "--reconnect-timeout is a constant delay, --backoff a growing one: leave one out",
            );
        }
        if self.resend.is_some_and(|times| times > 0) && self.kept_offline() == 0 {
            return refused(
                "--resend needs an outbox that keeps messages: add --keep-offline COUNT",
            );
        }
        Ok(())
    }

    /// The most bytes that one line may have.
    pub(crate) fn longest_line(&self) -> usize {
        self.outbox_bytes.unwrap_or(OUTBOX_BYTES)
    }

    pub(crate) fn supervisor(
        &self,
        timer: SmolTimer,
    ) -> Result<Supervisor<SmolTransport, SmolTimer>, ConfigError> {
        let transport = SmolTransport::new(self.request.clone());
        let mut builder = Supervisor::builder(transport, timer)
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

    /// What a heartbeat consists of, by preset unless told otherwise.
    pub(crate) fn kind(&self) -> Kind {
        let by_preset = match self.preset {
            Preset::Resilient if self.ping_msg.is_none() => Kind::Ping,
            _ => Kind::Message,
        };
        self.heartbeat.unwrap_or(by_preset)
    }

    fn heartbeat(&self) -> Heartbeat {
        let idle = Heartbeat::idle(self.ping_timeout.unwrap_or(PING_TIMEOUT))
            .timeout(self.pong_timeout.unwrap_or(Heartbeat::DEFAULT_TIMEOUT));
        match self.kind() {
            Kind::Off => Heartbeat::off(),
            Kind::Ping => idle.ping(),
            Kind::Message => {
                idle.message(self.ping_msg.as_deref().unwrap_or(Heartbeat::ORIGINAL_MESSAGE))
            }
        }
    }

    fn kept_offline(&self) -> usize {
        let by_preset = if self.preset == Preset::Resilient { 1_024 } else { 0 };
        self.keep_offline.unwrap_or(by_preset)
    }

    /// Always gives back, whatever the preset: each line that was not written is reported.
    fn outbox(&self) -> OutboxSettings {
        let outbox = match self.kept_offline() {
            0 => OutboxSettings::new().offline(Offline::Refuse),
            count => OutboxSettings::new().offline(Offline::Keep).count(count),
        };
        let outbox = outbox.give_back(true).resend(self.resend.unwrap_or(0));
        let outbox = outbox.bytes(self.longest_line());
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
