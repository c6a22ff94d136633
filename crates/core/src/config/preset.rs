//! Settings that belong together: [`Preset`].

use std::time::Duration;

use super::{
    backoff::{Backoff, BoxBackoff, Constant, Exponential},
    connect_timeout::ConnectTimeout,
    heartbeat::Heartbeat,
    outbox::{Offline, OutboxSettings},
    verdict::{Verdict, VerdictFn},
};

/// Two sets of settings. A setting of the [`Builder`](crate::Builder) that is not set has the value
/// of the preset.
///
/// | setting | `Resilient` (the default) | why | `Original` | why |
/// |---|---|---|---|---|
/// | heartbeat | a ping after 15 s of silence | every server answers a ping (RFC 6455 section 5.5.2); 15 s is below the idle timeouts of common proxies and NATs, which begin at 30 s | the text `heartbeat` after 15 s of silence | the original's `pingMsg` and `pingTimeout` |
/// | its timeout | 10 s, any frame answers | a congested mobile network needs seconds; a dead connection is noticed within 25 s | 10 s, any frame answers | the original's `pongTimeout` |
/// | on a transport without pings | nothing is sent that the application did not ask for: [`Event::Silent`](crate::Event::Silent) after 60 s of silence | servers need not answer a text that they do not know, so an unanswered text does not prove that a connection is dead | the same heartbeat | the original's only transport has no pings |
/// | delays | at random from 0..=1 s, doubling to 0..=30 s | random delays keep clients apart, and one lost client is back within a second; for a fleet that loses its server at once add [`Exponential::first`] or a [`DialBudget`](crate::DialBudget) | 2 s | the original's `reconnectTimeout` |
/// | attempts | unlimited | a session that gives up is a second outage | unlimited | the original's `repeatLimit: null` |
/// | attempts are counted again from 0 | after 5 s open | a server that accepts connections and drops them must not reset the delays; a healthy one has sent something by then | on open | the original's `repeat = 0` |
/// | connect timeout | 10 s, doubling to 60 s | see [`ConnectTimeout::growing`] | 10 s | the original has none and can wait forever |
/// | close timeout | 5 s | time for two round trips on any network | 5 s | the original can wait forever |
/// | write timeout | 5 min | see [`Builder::write_timeout`](crate::Builder::write_timeout) | none | the original can wait forever |
/// | verdict | [`Verdict::careful`] | no attempt corrects a wrong address or certificate | [`Verdict::always_retry`] | in the original only the client ends a session, except for sockets outside of their runtime |
/// | while offline | messages are kept, at most 1,024 and 64 MiB | an accepted message should survive an outage | messages are refused | the original's `send` goes to the socket or is lost |
/// | messages of unknown fate | come back | the application may queue them again | do not come back | the original loses them |
/// | minimum gap between attempts | 100 ms | at most ten attempts per second, with any other settings | 100 ms | the same |
///
/// `Original` needs a server that answers the text `heartbeat`. Any other server loses a healthy
/// connection every 25 s, and [`Lost::ever_answered`](crate::Lost::ever_answered) is false then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Preset {
    /// The documented numbers of the npm packages that this crate re-implements, with the timeouts
    /// that they lack.
    Original,
    /// The default: for long connections on unreliable networks.
    #[default]
    Resilient,
}

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// The values of the settings in which the presets differ, in the order of the table. Backoff and
/// verdict are functions without state, which take no memory in a session.
pub(crate) struct Values {
    pub(crate) heartbeat: Heartbeat,
    pub(crate) backoff: BoxBackoff,
    pub(crate) connect_timeout: ConnectTimeout,
    pub(crate) write_timeout: Duration,
    pub(crate) verdict: VerdictFn,
    pub(crate) outbox: OutboxSettings,
}

impl Preset {
    /// Returns the name of the variant in lower case, for logs. These names are stable.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Original => "original",
            Self::Resilient => "resilient",
        }
    }

    /// The silence that is reported on a transport without pings.
    pub(crate) const SILENCE: Duration = secs(60);
    pub(crate) const CLOSE_TIMEOUT: Duration = secs(5);
    pub(crate) const MINIMUM_GAP: Duration = Duration::from_millis(100);

    pub(crate) fn stable_after(self) -> Duration {
        match self {
            Self::Original => Duration::ZERO,
            Self::Resilient => secs(5),
        }
    }

    pub(crate) fn values(self) -> Values {
        match self {
            Self::Original => Values {
                heartbeat: Heartbeat::original(),
                backoff: BoxBackoff::valid(|entropy| Constant::new(secs(2)).delays(entropy)),
                connect_timeout: ConnectTimeout::fixed(secs(10)),
                write_timeout: Duration::MAX,
                verdict: Box::new(Verdict::always_retry),
                outbox: OutboxSettings::new().offline(Offline::Refuse).give_back(false),
            },
            Self::Resilient => Values {
                heartbeat: Heartbeat::idle(secs(15)).ping(),
                backoff: BoxBackoff::valid(|entropy| Exponential::new().delays(entropy)),
                connect_timeout: ConnectTimeout::growing(secs(10), secs(60)),
                write_timeout: secs(300),
                verdict: Box::new(Verdict::careful),
                outbox: OutboxSettings::new(),
            },
        }
    }
}
