//! Time: points in it, lengths of it, and what keeps it.

#[cfg(feature = "futures-timer")]
mod futures_timer;
mod shared_timer;
mod span;
mod timer;
mod timestamp;

#[cfg(feature = "futures-timer")]
pub use self::futures_timer::FuturesTimer;
pub(crate) use self::span::Span;
pub use self::{
    shared_timer::{SharedSleep, SharedTimer},
    timer::Timer,
    timestamp::Timestamp,
};

/// The earlier of two deadlines, where `None` is never.
pub(crate) fn earlier(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
