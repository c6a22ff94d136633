//! The options of a session: [`Options`].

use std::time::Duration;

use websocket_heartbeat::{
    Attempts, Builder, ConnectTimeout, Constant, Exponential, Heartbeat, Offline, OutboxSettings,
    Preset,
};

use crate::{entry, timer::BorderTimer, transport::BorderTransport};

/// The options that JavaScript has set. The others have the value of the preset.
#[derive(Clone, Copy)]
pub(crate) struct Options {
    preset: Preset,
    heartbeat: HeartbeatOptions,
    backoff: BackoffOptions,
    attempts: Option<u32>,
    connect_timeout: Option<Duration>,
    connect_timeout_cap: Option<Duration>,
    close_timeout: Option<Duration>,
    stable_after: Option<Duration>,
    flap_limit: Option<u32>,
    outage_limit: Option<Duration>,
    max_age: Option<Duration>,
    minimum_gap: Option<Duration>,
    keep: Option<bool>,
    keep_count: Option<u32>,
    keep_bytes: Option<f64>,
}

#[derive(Clone, Copy)]
struct HeartbeatOptions {
    messages: bool,
    idle: Option<Duration>,
    timeout: Option<Duration>,
    recheck_timeout: Option<Duration>,
    max_missed: Option<u32>,
}

#[derive(Clone, Copy)]
struct BackoffOptions {
    delay: Option<Duration>,
    exponential: bool,
    cap: Option<Duration>,
    factor: Option<f64>,
    jitter: Option<f64>,
    first: Option<Duration>,
}

impl Options {
    pub(crate) const fn new(preset: Preset) -> Self {
        Self {
            preset,
            heartbeat: HeartbeatOptions {
                messages: false,
                idle: None,
                timeout: None,
                recheck_timeout: None,
                max_missed: None,
            },
            backoff: BackoffOptions {
                delay: None,
                exponential: false,
                cap: None,
                factor: None,
                jitter: None,
                first: None,
            },
            attempts: None,
            connect_timeout: None,
            connect_timeout_cap: None,
            close_timeout: None,
            stable_after: None,
            flap_limit: None,
            outage_limit: None,
            max_age: None,
            minimum_gap: None,
            keep: None,
            keep_count: None,
            keep_bytes: None,
        }
    }

    /// The keys are the places in `OPTIONS` of `npm/src/session.js`.
    pub(crate) fn set(&mut self, key: u32, value: f64) {
        let time = Some(Duration::from_micros((value * 1_000.0) as u64));
        let count = Some(value as u32);
        match key {
            0 => self.heartbeat.idle = time,
            1 => self.heartbeat.timeout = time,
            2 => self.backoff.delay = time,
            3 => self.attempts = count,
            4 => self.heartbeat.messages = value != 0.0,
            5 => self.heartbeat.recheck_timeout = time,
            6 => self.heartbeat.max_missed = count,
            7 => self.backoff.exponential = value != 0.0,
            8 => self.backoff.cap = time,
            9 => self.backoff.factor = Some(value),
            10 => self.backoff.jitter = Some(value),
            11 => self.backoff.first = time,
            12 => self.connect_timeout = time,
            13 => self.connect_timeout_cap = time,
            14 => self.close_timeout = time,
            15 => self.stable_after = time,
            16 => self.flap_limit = count,
            17 => self.outage_limit = time,
            18 => self.max_age = time,
            19 => self.minimum_gap = time,
            20 => self.keep = Some(value != 0.0),
            21 => self.keep_count = count,
            22 => self.keep_bytes = Some(value),
            _ => {}
        }
    }

    /// How many bytes of payload the outbox holds at most. By default as many as in the core.
    pub(crate) fn bytes(&self) -> u64 {
        self.keep_bytes.map_or(64 << 20, |bytes| bytes as u64)
    }

    pub(crate) fn apply(
        &self,
        builder: Builder<BorderTransport, BorderTimer>,
    ) -> Builder<BorderTransport, BorderTimer> {
        let mut builder = builder.preset(self.preset).outbox(self.outbox());
        if let Some(heartbeat) = self.heartbeat.setting(self.preset) {
            builder = builder.heartbeat(heartbeat);
        }
        builder = self.backoff.apply(builder, self.preset);
        if let Some(count) = self.attempts {
            builder = builder.attempts(Attempts::at_most(count));
        }
        if let Some(timeout) = self.connect_timeout {
            let cap = self.connect_timeout_cap.unwrap_or(timeout);
            builder = builder.connect_timeout(ConnectTimeout::growing(timeout, cap));
        }
        if let Some(timeout) = self.close_timeout {
            builder = builder.close_timeout(timeout);
        }
        if let Some(time) = self.stable_after {
            builder = builder.stable_after(time);
        }
        if let Some(limit) = self.flap_limit {
            builder = builder.flap_limit(limit);
        }
        if let Some(limit) = self.outage_limit {
            builder = builder.outage_limit(limit);
        }
        if let Some(age) = self.max_age {
            builder = builder.max_age(age);
        }
        if let Some(gap) = self.minimum_gap {
            builder = builder.minimum_gap(gap);
        }
        builder
    }

    /// Messages that were not written come back, since JavaScript calls their `fail`.
    fn outbox(&self) -> OutboxSettings {
        let mut outbox = OutboxSettings::new();
        if !self.keep.unwrap_or(self.preset == Preset::Resilient) {
            outbox = outbox.offline(Offline::Refuse);
        }
        self.keep_count.map_or(outbox, |count| outbox.count(count as usize))
    }
}

impl HeartbeatOptions {
    /// `None`: the preset decides.
    fn setting(&self, preset: Preset) -> Option<Heartbeat> {
        let set = self.messages || self.idle.is_some() || self.timeout.is_some();
        if !set && preset != Preset::Original {
            return None;
        }
        let seconds = Duration::from_secs;
        let mut heartbeat = Heartbeat::idle(self.idle.unwrap_or(seconds(15)))
            .timeout(self.timeout.unwrap_or(Heartbeat::DEFAULT_TIMEOUT))
            .message_with(|_| entry::heartbeat());
        if let Some(timeout) = self.recheck_timeout {
            heartbeat = heartbeat.recheck_timeout(timeout);
        }
        if let Some(misses) = self.max_missed {
            heartbeat = heartbeat.max_missed(misses);
        }
        Some(heartbeat)
    }
}

impl BackoffOptions {
    fn apply(
        self,
        builder: Builder<BorderTransport, BorderTimer>,
        preset: Preset,
    ) -> Builder<BorderTransport, BorderTimer> {
        if !self.exponential && preset == Preset::Original {
            return match self.delay {
                Some(delay) => builder.backoff(Constant::new(delay)),
                None => builder,
            };
        }
        let mut policy = Exponential::new();
        if let Some(delay) = self.delay {
            policy = policy.base(delay);
        }
        if let Some(cap) = self.cap {
            policy = policy.cap(cap);
        }
        if let Some(factor) = self.factor {
            policy = policy.factor(factor);
        }
        if let Some(jitter) = self.jitter {
            policy = policy.jitter(jitter);
        }
        if let Some(first) = self.first {
            policy = policy.first(first);
        }
        builder.backoff(policy)
    }
}
