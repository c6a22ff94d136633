//! Time: timestamps, durations, and timers.

#[cfg(all(feature = "futures-timer", not(all(target_family = "wasm", target_os = "unknown"))))]
mod futures_timer;
mod shared_timer;
mod timer;
mod timestamp;

#[cfg(all(
    feature = "futures-timer",
    not(all(target_family = "wasm", target_os = "unknown"))
))]
pub use self::futures_timer::FuturesTimer;
pub use self::{
    shared_timer::{SharedSleep, SharedTimer},
    timer::Timer,
    timestamp::Timestamp,
};

pub(crate) use self::timestamp::from_seconds;

/// Returns the earlier of two deadlines. `None` means never.
pub(crate) fn earlier(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    a.into_iter().chain(b).min()
}
