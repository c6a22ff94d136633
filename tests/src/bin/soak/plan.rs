//! [`Plan`]: the choices of one session, by the seed.

use std::time::Duration;

use websocket_heartbeat::{
    Builder, Constant, DialBudget, Heartbeat, Offline, OutboxSettings, ProofOfLife, Timer,
    Transport, WhenFull,
};
use websocket_heartbeat_mock::Rng;

use crate::{script, server::HEARTBEAT};

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) life: Duration,
    pub(crate) drive: Drive,
    pub(crate) end: End,
    pub(crate) senders: u32,
    /// The longest pause of a sender.
    pub(crate) pause: Duration,
    /// Messages of some 15 kB are frequent, so that the buffers of both kernels fill.
    large: bool,
    pub(crate) commands: bool,
    /// The longest pause of the reader after an event. Only with an inbox.
    pub(crate) reader: Duration,
    pub(crate) resend: u32,
    pub(crate) count: usize,
    pub(crate) when_full: WhenFull,
    offline: Offline,
    max_age: Option<Duration>,
    heartbeat: Beat,
    silence: Duration,
    budget: bool,
    max_connection_age: Option<Duration>,
}

/// The way in which the session is driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Drive {
    Stream,
    /// The sink and the stream apart.
    Split,
    /// A driver, and an inbox in another task.
    Inbox {
        count: usize,
        drop_oldest: bool,
    },
}

/// The end of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Close,
    Abort,
    /// The supervisor, or the driver, is dropped.
    Drop,
    /// The inbox is dropped. Without one, the session is closed.
    DropInbox,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beat {
    Ping,
    /// A ping, and only its answer is proof of life.
    StrictPing,
    Message,
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

impl Plan {
    pub(crate) fn draw(seed: u64, session: u64) -> Self {
        let rng = &mut script::rng(seed, session, 1);
        let drive = match rng.below(4) {
            0 => Drive::Stream,
            1 => Drive::Split,
            _ => Drive::Inbox {
                count: [1, 4, 64][rng.below(3) as usize],
                drop_oldest: rng.once_in(3),
            },
        };
        Self {
            life: rng.duration(ms(200)..ms(12_000)),
            drive,
            end: match rng.below(8) {
                0..4 => End::Close,
                4 => End::Abort,
                5 => End::DropInbox,
                _ => End::Drop,
            },
            senders: rng.below(4) as u32,
            pause: rng.duration(ms(50)..ms(1_500)),
            large: rng.once_in(4),
            commands: rng.once_in(3),
            reader: if rng.once_in(3) { rng.duration(ms(1)..ms(300)) } else { Duration::ZERO },
            resend: if rng.once_in(4) { 1 + rng.below(3) as u32 } else { 0 },
            count: [2, 8, 256][rng.below(3) as usize],
            when_full: [WhenFull::Wait, WhenFull::Wait, WhenFull::Refuse, WhenFull::DropOldest]
                [rng.below(4) as usize],
            offline: if rng.once_in(4) { Offline::Refuse } else { Offline::Keep },
            max_age: rng.once_in(5).then(|| rng.duration(ms(50)..ms(2_000))),
            heartbeat: match rng.below(4) {
                0 => Beat::Message,
                1 => Beat::StrictPing,
                _ => Beat::Ping,
            },
            silence: rng.duration(ms(300)..ms(1_500)),
            budget: rng.once_in(6),
            max_connection_age: rng.once_in(8).then(|| rng.duration(ms(500)..ms(5_000))),
        }
    }

    /// The largest sum of the bytes in the outbox.
    pub(crate) const OUTBOX: usize = 256 << 10;

    /// The size of the next message.
    pub(crate) fn size(&self, rng: &mut Rng) -> usize {
        let largest = match rng.below(40) {
            0 => 150_000,
            1..20 if self.large => 30_000,
            _ => 300,
        };
        rng.below(largest) as usize
    }

    pub(crate) fn apply<T: Transport, K: Timer>(
        &self,
        builder: Builder<T, K>,
        budget: &DialBudget,
    ) -> Builder<T, K> {
        let heartbeat = Heartbeat::idle(self.silence).timeout(ms(700));
        let heartbeat = match self.heartbeat {
            Beat::Ping => heartbeat.ping(),
            Beat::StrictPing => heartbeat.ping().proof_of_life(ProofOfLife::Reply),
            Beat::Message => heartbeat.message(HEARTBEAT),
        };
        let mut outbox = OutboxSettings::new()
            .count(self.count)
            .bytes(Self::OUTBOX)
            .when_full(self.when_full)
            .offline(self.offline)
            .resend(self.resend);
        if let Some(age) = self.max_age {
            outbox = outbox.max_age(age);
        }
        let mut builder = builder
            .heartbeat(heartbeat)
            .outbox(outbox)
            .backoff(Constant::new(ms(100)))
            .connect_timeout(ms(1_000))
            .close_timeout(ms(500))
            .write_timeout(ms(2_000));
        if self.budget {
            builder = builder.dial_budget(budget.clone());
        }
        if let Some(age) = self.max_connection_age {
            builder = builder.max_age(age);
        }
        builder
    }
}
