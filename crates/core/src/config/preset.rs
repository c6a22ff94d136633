//! Settings that belong together: [`Preset`].

use std::time::Duration;

use super::{
    attempts::Attempts,
    backoff::{Backoff, Constant, Exponential},
    connect_timeout::ConnectTimeout,
    heartbeat::Heartbeat,
    outbox::{Offline, OutboxSettings},
    settings::{Policies, Settings},
    verdict::Verdict,
};

/// Two sets of settings, side by side.
///
/// | setting | `Original` (the default) | why | `Resilient` | why |
/// |---|---|---|---|---|
/// | heartbeat | the text `heartbeat` after 15 s of silence | the original's `pingMsg`, `pingTimeout` | a control-frame ping after 15 s of silence, where the transport has them | every server answers a ping by itself (RFC 6455 section 5.5.2); 15 s is below the idle timeouts of common proxies and NATs, which begin at 30 s |
/// | its timeout | 10 s, any frame answers | the original's `pongTimeout` | 10 s, any frame answers | a congested mobile line needs seconds; silence is noticed within 25 s |
/// | delays | 2 s, always | the original's `reconnectTimeout` | drawn from 0..=1 s, doubling to 0..=30 s | spread clients do not come back in step, and one lost client is back within a second; a fleet that loses its server at once wants [`Exponential::first`] or a [`DialBudget`](crate::DialBudget) besides |
/// | attempts | unlimited | the original's `repeatLimit: null` | unlimited | a supervisor that gives up is a second outage |
/// | attempt counter resets | on open | the original's `repeat = 0` | after 5 s open | a server that accepts and drops must not reset the backoff; one that means it has sent something by then |
/// | connect timeout | 10 s | the original has none and can wait for ever | 10 s, doubling to 60 s | see [`ConnectTimeout::growing`] |
/// | close timeout | 5 s | the original can wait for ever | 5 s | two round trips on any line, and little enough to wait for |
/// | write timeout | none | the original's: it can wait for ever | 5 min | no server that is going to read waits so long, see [`Builder::write_timeout`](crate::Builder::write_timeout) |
/// | verdict | always retry | the original's: only the client ends a session | [`Verdict::careful`] | a wrong address or certificate does not heal |
/// | while offline | nothing is kept | the original's: `send` goes to the socket or is lost | messages are kept, 1 024 of 64 MiB together | what was accepted should survive an outage |
/// | unknown messages | not given back | the original's | given back | whoever queued them may want to know |
/// | minimum gap between attempts | 100 ms | ten attempts a second at most, under every policy | 100 ms | the same |
///
/// Against a server that never answers the text `heartbeat`, `Original` loses a healthy line every
/// 25 s. [`Lost::ever_answered`](crate::Lost::ever_answered) is false then, and the remedy is
/// [`Heartbeat::ping`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Preset {
    /// The documented numbers of the npm package that this crate re-implements, plus the deadlines
    /// that it lacks.
    #[default]
    Original,
    /// What this crate recommends.
    Resilient,
}

impl Preset {
    pub(crate) fn settings(self) -> Settings {
        let secs = Duration::from_secs;
        match self {
            Self::Original => Settings {
                attempts: Attempts::Unlimited,
                stable_after: Duration::ZERO,
                connect_timeout: ConnectTimeout::fixed(secs(10)),
                close_timeout: secs(5),
                write_timeout: None,
                minimum_gap: Duration::from_millis(100),
                flap_limit: None,
                outage_limit: None,
                max_age: None,
                outbox: OutboxSettings::new().offline(Offline::Refuse).give_back(false),
            },
            Self::Resilient => Settings {
                stable_after: secs(5),
                connect_timeout: ConnectTimeout::growing(secs(10), secs(60)),
                write_timeout: Some(secs(300)),
                outbox: OutboxSettings::new(),
                ..Self::Original.settings()
            },
        }
    }

    /// By functions without state, which take no room in a session.
    pub(crate) fn policies(self) -> Policies {
        match self {
            Self::Original => Policies::new(
                Heartbeat::original(),
                || Constant::new(Duration::from_secs(2)).delays(),
                Box::new(Verdict::always_retry),
            ),
            Self::Resilient => Policies::new(
                Heartbeat::idle(Duration::from_secs(15)).ping(),
                || Exponential::new().delays(),
                Box::new(Verdict::careful),
            ),
        }
    }
}
