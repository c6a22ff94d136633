//! Time: timestamps, durations, and timers.

mod boxed;
#[cfg(all(feature = "futures-timer", not(all(target_family = "wasm", target_os = "unknown"))))]
mod futures_timer;
mod shared_timer;
mod steady;
mod timer;
mod timestamp;

#[cfg(all(
    feature = "futures-timer",
    not(all(target_family = "wasm", target_os = "unknown"))
))]
pub use self::futures_timer::FuturesTimer;
pub use self::{
    boxed::BoxTimer,
    shared_timer::{SharedSleep, SharedTimer},
    timer::Timer,
    timestamp::Timestamp,
};

pub(crate) use self::{steady::SteadyTimer, timestamp::from_seconds};

use std::{fmt, time::Duration};

/// Shows a time for people, rounded to the millisecond if it is longer than one.
pub(crate) struct Rounded(pub(crate) Duration);

impl fmt::Display for Rounded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(time) = *self;
        let half = Duration::from_micros(500);
        match time.checked_add(half) {
            Some(up) if time >= 2 * half => {
                let excess = Duration::from_nanos((up.subsec_nanos() % 1_000_000).into());
                fmt::Debug::fmt(&(up - excess), f)
            }
            _ => fmt::Debug::fmt(&time, f),
        }
    }
}

/// Returns the earlier of two deadlines. `None` means never.
pub(crate) fn earlier(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    a.into_iter().chain(b).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_rounded_to_the_millisecond() {
        for (nanos, shown) in [
            (1_400_512_345, "1.401s"),
            (1_400_499_999, "1.4s"),
            (999_999_999, "1s"),
            (25_000_000_000, "25s"),
            (1_500_000, "2ms"),
            (214_499, "214.499µs"),
            (0, "0ns"),
        ] {
            assert_eq!(Rounded(Duration::from_nanos(nanos)).to_string(), shown);
        }
        assert!(!Rounded(Duration::MAX).to_string().is_empty());
    }
}
