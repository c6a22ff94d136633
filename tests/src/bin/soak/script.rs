//! [`Script`]: what the server does with one connection, by the seed.

use std::time::Duration;

use websocket_heartbeat_mock::Rng;

/// The behaviour of the server on one connection.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) answer: Answer,
    /// The time from the upgrade to the fault.
    pub(crate) life: Duration,
    pub(crate) fault: Fault,
    /// The pause after each read of a few bytes.
    pub(crate) slow: Option<Duration>,
    /// The longest time between two messages of the server.
    pub(crate) chatter: Option<Duration>,
    /// The largest message of the server.
    pub(crate) largest: u64,
}

/// The answer to the request for an upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Accept,
    /// A status, and the seconds of `Retry-After`.
    Refuse(u16, Option<u32>),
    /// No byte.
    Hang,
    /// Bytes that are not HTTP.
    Noise,
    /// A reset.
    Reset,
}

/// The end of a connection, or of its service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// None: the connection is served until the client ends it.
    None,
    /// A reset, even if bytes are unread.
    Reset,
    /// The end of the stream. All bytes of the client are still read.
    End,
    /// A close frame. All bytes of the client are still read.
    Close(u16),
    /// A close frame, and at once a reset.
    CloseAndReset,
    /// Nothing is read or sent: the connection is half open.
    Stall,
    /// Everything is read, and nothing is answered.
    Mute,
    /// A frame that the protocol does not allow.
    Garbage(u8),
    /// A part of a frame, and the end of the stream.
    HalfFrame,
}

impl Fault {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Reset => "reset",
            Self::End => "end",
            Self::Close(_) => "close",
            Self::CloseAndReset => "close_and_reset",
            Self::Stall => "stall",
            Self::Mute => "mute",
            Self::Garbage(_) => "garbage",
            Self::HalfFrame => "half_frame",
        }
    }
}

impl Answer {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Refuse(..) => "refusal",
            Self::Hang => "hang",
            Self::Noise => "noise",
            Self::Reset => "reset_of_upgrade",
        }
    }
}

/// A generator for one purpose of one session.
pub(crate) fn rng(seed: u64, session: u64, purpose: u64) -> Rng {
    let mut rng = Rng::new(seed);
    let seed = rng.next_u64() ^ session.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    Rng::new(Rng::new(seed).next_u64() ^ purpose.wrapping_mul(0xd1b5_4a32_d192_ed03))
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

impl Script {
    /// The script for the connection with this number within its session.
    pub(crate) fn draw(seed: u64, session: u64, connection: u64) -> Self {
        let rng = &mut rng(seed, session, 1_000 + connection);
        let answer = match rng.below(20) {
            0 => Answer::Refuse(503, Some(1)),
            1 => Answer::Refuse([429, 500, 502][rng.below(3) as usize], None),
            2 => Answer::Hang,
            3 => Answer::Noise,
            4 => Answer::Reset,
            _ => Answer::Accept,
        };
        let fault = match rng.below(18) {
            0 | 1 => Fault::Reset,
            2 | 3 => Fault::End,
            4 | 5 => Fault::Close([1001, 1011, 1012, 4000][rng.below(4) as usize]),
            6 => Fault::CloseAndReset,
            7 | 8 => Fault::Stall,
            9 | 10 => Fault::Mute,
            11 | 12 => Fault::Garbage(rng.below(5) as u8),
            13 => Fault::HalfFrame,
            _ => Fault::None,
        };
        Self {
            answer,
            life: if rng.once_in(8) { Duration::ZERO } else { rng.duration(ms(0)..ms(4_000)) },
            fault,
            slow: rng.once_in(6).then(|| rng.duration(ms(1)..ms(30))),
            chatter: rng.once_in(2).then(|| rng.duration(ms(20)..ms(2_000))),
            largest: if rng.once_in(10) { 300_000 } else { 500 },
        }
    }
}
