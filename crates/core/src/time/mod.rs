//! Time: timestamps, durations, and timers.

#[cfg(feature = "futures-timer")]
mod futures_timer;
mod shared_timer;
mod timer;
mod timestamp;

#[cfg(feature = "futures-timer")]
pub use self::futures_timer::FuturesTimer;
pub use self::{
    shared_timer::{SharedSleep, SharedTimer},
    timer::Timer,
    timestamp::Timestamp,
};

/// Returns the earlier of two deadlines. `None` means never.
pub(crate) fn earlier(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    a.into_iter().chain(b).min()
}
