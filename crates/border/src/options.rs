//! The options of a session: [`Options`].

use std::time::Duration;

use websocket_heartbeat::{
    Attempts, Builder, ConnectTimeout, Constant, Exponential, Heartbeat, Offline, OutboxSettings,
    Preset,
};

use crate::{
    entry,
    timer::{BorderTimer, duration},
    transport::BorderTransport,
};

type Session = Builder<BorderTransport, BorderTimer>;

/// The options that JavaScript has set. The others have the value of the preset.
#[derive(Clone, Copy)]
pub(crate) struct Options {
    preset: Preset,
    /// By [`Key`]. An option that was not set is not a number.
    values: [f64; COUNT],
}

/// The options, in the order of `OPTIONS` in `npm/src/session.js`. Times are milliseconds.
#[derive(Clone, Copy)]
enum Key {
    HeartbeatIdle,
    HeartbeatTimeout,
    BackoffDelay,
    Attempts,
    HeartbeatMessages,
    RecheckTimeout,
    MaxMissed,
    BackoffExponential,
    BackoffCap,
    BackoffFactor,
    BackoffJitter,
    BackoffFirst,
    ConnectTimeout,
    ConnectTimeoutCap,
    CloseTimeout,
    StableAfter,
    FlapLimit,
    OutageLimit,
    MaxAge,
    MinimumGap,
    Keep,
    KeepCount,
    KeepBytes,
}

const COUNT: usize = Key::KeepBytes as usize + 1;

impl Options {
    pub(crate) const fn new(preset: Preset) -> Self {
        Self { preset, values: [f64::NAN; COUNT] }
    }

    /// Sets the option with this number, see [`Key`].
    pub(crate) fn set(&mut self, key: u32, value: f64) {
        if let Some(known) = self.values.get_mut(key as usize) {
            *known = value;
        }
    }

    /// How many bytes of payload the outbox holds at most. By default as many as in the core.
    pub(crate) fn bytes(&self) -> f64 {
        self.number(Key::KeepBytes).unwrap_or(f64::from(64 << 20))
    }

    pub(crate) fn apply(&self, builder: Session) -> Session {
        let mut builder = builder.preset(self.preset).outbox(self.outbox());
        if let Some(heartbeat) = self.heartbeat() {
            builder = builder.heartbeat(heartbeat);
        }
        builder = self.backoff(builder);
        if let Some(count) = self.count(Key::Attempts) {
            builder = builder.attempts(Attempts::at_most(count));
        }
        if let Some(timeout) = self.time(Key::ConnectTimeout) {
            let cap = self.time(Key::ConnectTimeoutCap).unwrap_or(timeout);
            builder = builder.connect_timeout(ConnectTimeout::growing(timeout, cap));
        }
        if let Some(limit) = self.count(Key::FlapLimit) {
            builder = builder.flap_limit(limit);
        }
        let times: [(Key, fn(Session, Duration) -> Session); 5] = [
            (Key::CloseTimeout, Builder::close_timeout),
            (Key::StableAfter, Builder::stable_after),
            (Key::OutageLimit, Builder::outage_limit),
            (Key::MaxAge, Builder::max_age),
            (Key::MinimumGap, Builder::minimum_gap),
        ];
        for (key, set) in times {
            if let Some(time) = self.time(key) {
                builder = set(builder, time);
            }
        }
        builder
    }

    /// Messages that were not written come back, since JavaScript calls their `fail`.
    fn outbox(&self) -> OutboxSettings {
        let mut outbox = OutboxSettings::new();
        if !self.flag(Key::Keep).unwrap_or(self.preset == Preset::Resilient) {
            outbox = outbox.offline(Offline::Refuse);
        }
        self.count(Key::KeepCount).map_or(outbox, |count| outbox.count(count as usize))
    }

    /// `None`: the preset decides.
    fn heartbeat(&self) -> Option<Heartbeat> {
        let (idle, timeout) = (self.time(Key::HeartbeatIdle), self.time(Key::HeartbeatTimeout));
        let messages = self.flag(Key::HeartbeatMessages) == Some(true);
        let set = messages || idle.is_some() || timeout.is_some();
        if !set && self.preset != Preset::Original {
            return None;
        }
        let mut heartbeat = Heartbeat::idle(idle.unwrap_or(Duration::from_secs(15)))
            .timeout(timeout.unwrap_or(Heartbeat::DEFAULT_TIMEOUT))
            .message_with(|_| entry::heartbeat());
        if let Some(timeout) = self.time(Key::RecheckTimeout) {
            heartbeat = heartbeat.recheck_timeout(timeout);
        }
        if let Some(misses) = self.count(Key::MaxMissed) {
            heartbeat = heartbeat.max_missed(misses);
        }
        Some(heartbeat)
    }

    fn backoff(&self, builder: Session) -> Session {
        let delay = self.time(Key::BackoffDelay);
        let exponential = self.flag(Key::BackoffExponential) == Some(true);
        if !exponential && self.preset == Preset::Original {
            return match delay {
                Some(delay) => builder.backoff(Constant::new(delay)),
                None => builder,
            };
        }
        let mut policy = Exponential::new();
        if let Some(delay) = delay {
            policy = policy.base(delay);
        }
        if let Some(cap) = self.time(Key::BackoffCap) {
            policy = policy.cap(cap);
        }
        if let Some(factor) = self.number(Key::BackoffFactor) {
            policy = policy.factor(factor);
        }
        if let Some(jitter) = self.number(Key::BackoffJitter) {
            policy = policy.jitter(jitter);
        }
        if let Some(first) = self.time(Key::BackoffFirst) {
            policy = policy.first(first);
        }
        builder.backoff(policy)
    }

    fn number(&self, key: Key) -> Option<f64> {
        Some(self.values[key as usize]).filter(|value| !value.is_nan())
    }

    fn flag(&self, key: Key) -> Option<bool> {
        self.number(key).map(|value| value != 0.0)
    }

    fn count(&self, key: Key) -> Option<u32> {
        self.number(key).map(|value| value as u32)
    }

    #[inline(never)]
    fn time(&self, key: Key) -> Option<Duration> {
        self.number(key).map(duration)
    }
}
