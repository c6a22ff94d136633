//! [`Plan`]: the random choices of a session.

use std::time::Duration;

use websocket_heartbeat::{Offline, ProofOfLife, WhenFull};
use websocket_heartbeat_mock::Rng;

/// All choices before a session starts. Later choices also use `seed`.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) server: Server,
    pub(crate) driver: DriverKind,
    pub(crate) reader: Reader,
    pub(crate) end: End,
    /// The duration of the session before its end.
    pub(crate) life: Duration,
    pub(crate) heartbeat: HeartbeatKind,
    pub(crate) outbox: Bounds,
    pub(crate) senders: u64,
    pub(crate) minimum_gap: Duration,
    pub(crate) backoff: Duration,
    pub(crate) outage_limit: Option<Duration>,
    pub(crate) attempts: Option<u32>,
    pub(crate) budget: Option<(u32, Duration)>,
    pub(crate) max_age: Option<Duration>,
    pub(crate) close_timeout: Duration,
    pub(crate) timers: Timers,
    /// Commands besides the end: pause, resume, reconnect, probe.
    pub(crate) commands: bool,
    /// The machine is suspended from time to time, for up to an hour.
    pub(crate) suspends: bool,
    /// The transport has pings.
    pub(crate) pings: bool,
    /// The heartbeat: the silence, and the timeout of an answer.
    pub(crate) silence: Duration,
    pub(crate) timeout: Duration,
    /// Every pause of a task is longer by this factor.
    pub(crate) stretch: u32,
    /// Every eight hours the server refuses connections for this long. Open ones are not affected.
    pub(crate) outage: Duration,
    /// A proxy ends silent connections after this time.
    pub(crate) silence_limit: Option<Duration>,
}

/// The behaviour of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    /// It always answers in time.
    Healthy(Quirks),
    /// The first connection is cut silently, and later ones are healthy.
    Dying { after: Duration, quirks: Quirks },
    /// Random faults.
    Chaos,
}

/// The options of its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quirks {
    pub(crate) latency: Duration,
    pub(crate) hesitant: bool,
    pub(crate) cooperative: Option<u32>,
    pub(crate) spurious_wakes: bool,
    pub(crate) chatter: Option<Duration>,
    pub(crate) without_bytes_written: bool,
}

/// The way in which the session is driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DriverKind {
    Stream,
    /// By the methods of the supervisor that wait, and sometimes by the stream.
    Waits,
    Sink,
    Split,
    Inbox {
        count: usize,
        drop_oldest: bool,
    },
}

/// The speed at which events are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    AtOnce,
    /// Sleeps up to this long after each event.
    Slow(Duration),
    /// Reads nothing before the end.
    Late,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Close,
    Abort,
    Drop,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeartbeatKind {
    Ping(LifeKind),
    Message,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LifeKind {
    AnyFrame,
    Reply,
}

impl LifeKind {
    pub(crate) fn life(self) -> ProofOfLife {
        match self {
            Self::AnyFrame => ProofOfLife::AnyFrame,
            Self::Reply => ProofOfLife::Reply,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) count: usize,
    pub(crate) bytes: usize,
    pub(crate) when_full: WhenFull,
    pub(crate) offline: Offline,
    pub(crate) max_age: Option<Duration>,
    pub(crate) resend: u32,
    pub(crate) give_back: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timers {
    pub(crate) lateness: Duration,
    pub(crate) granularity: Duration,
    pub(crate) early: bool,
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

impl Plan {
    pub(crate) fn draw(seed: u64) -> Self {
        let rng = &mut Rng::new(seed);
        let server = match rng.below(3) {
            0 => Server::Healthy(Quirks::draw(rng)),
            1 => {
                let after = rng.duration(ms(1)..secs(60));
                Server::Dying { after, quirks: Quirks::draw(rng) }
            }
            _ => Server::Chaos,
        };
        let driver = match rng.below(4) {
            // By the seed itself, so that all other choices of a seed stay as they are.
            0 if seed.is_multiple_of(2) => DriverKind::Waits,
            0 => DriverKind::Stream,
            1 => DriverKind::Sink,
            2 => DriverKind::Split,
            _ => {
                let count = [1, 2, 10, 100][rng.below(4) as usize];
                DriverKind::Inbox { count, drop_oldest: rng.once_in(3) }
            }
        };
        let reader = match rng.below(4) {
            0 | 1 => Reader::AtOnce,
            2 => Reader::Slow(rng.duration(ms(2)..secs(20))),
            _ if matches!(driver, DriverKind::Stream | DriverKind::Waits) => Reader::AtOnce,
            _ => Reader::Late,
        };
        Self {
            seed,
            server,
            driver,
            reader,
            end: [End::Close, End::Close, End::Abort, End::Drop][rng.below(4) as usize],
            life: rng.duration(secs(1)..secs(600)),
            heartbeat: match rng.below(3) {
                0 => HeartbeatKind::Ping(LifeKind::AnyFrame),
                1 => HeartbeatKind::Ping(LifeKind::Reply),
                _ => HeartbeatKind::Message,
            },
            outbox: Bounds::draw(rng),
            senders: rng.below(4),
            minimum_gap: [ms(1), ms(100), secs(3)][rng.below(3) as usize],
            backoff: [Duration::ZERO, ms(500), secs(5)][rng.below(3) as usize],
            outage_limit: rng.once_in(4).then(|| rng.duration(secs(1)..secs(120))),
            attempts: rng.once_in(5).then(|| rng.below(4) as u32),
            budget: rng
                .once_in(4)
                .then(|| (1 + rng.below(3) as u32, rng.duration(secs(1)..secs(40)))),
            max_age: rng.once_in(4).then(|| rng.duration(secs(5)..secs(200))),
            close_timeout: rng.duration(ms(1)..secs(8)),
            timers: Timers {
                lateness: if rng.once_in(3) { rng.duration(ms(1)..ms(900)) } else { ms(0) },
                granularity: if rng.once_in(4) { ms(1 + rng.below(1_000)) } else { ms(0) },
                early: rng.once_in(4),
            },
            commands: rng.once_in(3),
            suspends: rng.once_in(5),
            pings: !rng.once_in(4),
            silence: secs(5),
            timeout: secs(3),
            stretch: 1,
            outage: Duration::ZERO,
            silence_limit: None,
        }
    }

    /// The same choices, with much longer times: a session of up to some days.
    pub(crate) fn draw_days(seed: u64) -> Self {
        const STRETCH: u32 = 400;
        let mut plan = Self::draw(seed);
        // Choices beyond those of `draw`.
        let rng = &mut Rng::new(!seed);
        plan.stretch = STRETCH;
        plan.life = secs(24 * 3_600) + plan.life * STRETCH;
        (plan.silence, plan.timeout) = (secs(60), secs(10));
        match &mut plan.server {
            Server::Healthy(quirks) => quirks.stretch(STRETCH),
            Server::Dying { after, quirks } => {
                *after *= STRETCH;
                quirks.stretch(STRETCH);
            }
            Server::Chaos => {}
        }
        plan.outbox.max_age = plan.outbox.max_age.map(|age| age * STRETCH);
        plan.max_age = plan.max_age.map(|age| age * STRETCH);
        // A session that gives up does not last for days.
        (plan.outage_limit, plan.attempts) = (None, None);
        // One attempt per hour and less would be too rare, and one per millisecond too many.
        plan.backoff = plan.backoff.max(secs(10));
        if rng.once_in(3) {
            plan.outage = rng.duration(secs(60)..secs(4 * 3_600));
        }
        plan.silence_limit = rng.once_in(3).then_some(secs(150));
        plan
    }

    /// The most that a random pause may be cut short at the end of the session.
    pub(crate) fn piece(&self) -> Duration {
        if self.stretch > 1 { secs(300) } else { Duration::MAX }
    }
}

impl Quirks {
    fn stretch(&mut self, factor: u32) {
        self.chatter = self.chatter.map(|period| period * factor);
    }

    fn draw(rng: &mut Rng) -> Self {
        Self {
            latency: if rng.once_in(2) { rng.duration(ms(0)..ms(300)) } else { ms(0) },
            hesitant: rng.once_in(3),
            cooperative: rng.once_in(4).then(|| 1 + rng.below(4) as u32),
            spurious_wakes: rng.once_in(4),
            chatter: rng.once_in(2).then(|| rng.duration(ms(50)..secs(30))),
            without_bytes_written: rng.once_in(4),
        }
    }
}

impl Bounds {
    fn draw(rng: &mut Rng) -> Self {
        Self {
            count: [1, 2, 10, 1_024][rng.below(4) as usize],
            bytes: [20, 300, 1 << 20][rng.below(3) as usize],
            when_full: [WhenFull::Wait, WhenFull::Refuse, WhenFull::DropOldest]
                [rng.below(3) as usize],
            offline: if rng.once_in(3) { Offline::Refuse } else { Offline::Keep },
            max_age: rng.once_in(4).then(|| rng.duration(ms(1)..secs(30))),
            resend: if rng.once_in(4) { 1 + rng.below(3) as u32 } else { 0 },
            give_back: !rng.once_in(4),
        }
    }
}
