//! A point in time: [`Timestamp`].

use std::{fmt, num::NonZeroU64, time::Duration};

/// A point in time on the clock of a [`Timer`](crate::Timer): the time since the epoch of that timer.
///
/// Timestamps of different timers must not be compared. The resolution is one nanosecond and the
/// range is 584 years. A time out of range means "never", which this crate writes as `None`; see
/// [`checked_add`](Self::checked_add).
///
/// The type is not [`std::time::Instant`], so that a virtual clock can start at zero and a test can
/// contain the exact times that it expects.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    /// Nanoseconds since the epoch, plus one. So an `Option<Timestamp>`, of which a session holds a
    /// dozen, is no larger than a `Timestamp`.
    count: NonZeroU64,
}

impl Timestamp {
    /// The epoch of the timer.
    pub const EPOCH: Self = Self { count: NonZeroU64::MIN };

    /// Returns the time `since_epoch` after the epoch of the timer. Returns the last representable
    /// time if that is more than 584 years.
    pub const fn from_epoch(since_epoch: Duration) -> Self {
        match Self::EPOCH.checked_add(since_epoch) {
            Some(moment) => moment,
            None => Self { count: NonZeroU64::MAX },
        }
    }

    /// Returns the time from the epoch of the timer to this timestamp.
    pub const fn since_epoch(self) -> Duration {
        self.saturating_since(Self::EPOCH)
    }

    /// Returns the time `duration` after this one. Returns `None` if it is out of range, which means
    /// "never".
    #[must_use]
    #[cfg_attr(target_family = "wasm", inline(never))] // for its size there
    pub const fn checked_add(self, duration: Duration) -> Option<Self> {
        // Not `?` and `map`, which are not const.
        let Some(nanos) = nanos(duration) else { return None };
        match self.count.checked_add(nanos) {
            Some(count) => Some(Self { count }),
            None => None,
        }
    }

    /// Returns the last whole multiple of `slot` after the epoch that is not later than this
    /// timestamp. Returns this timestamp if `slot` is zero.
    #[must_use]
    pub const fn round_down(self, slot: Duration) -> Self {
        let since_epoch = self.count.get() - 1;
        let Some(slot) = nanos(slot) else { return Self::EPOCH };
        match since_epoch.checked_rem(slot) {
            Some(over) => Self::from_epoch(Duration::from_nanos(since_epoch - over)),
            None => self,
        }
    }

    /// Returns the time from `earlier` to this timestamp. Returns zero if `earlier` is later.
    #[must_use]
    #[cfg_attr(target_family = "wasm", inline(never))] // for its size there
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.count.get().saturating_sub(earlier.count.get()))
    }
}

/// Returns the nanoseconds of a duration; `None` if they are more than 64 bits. `as_nanos` has 128
/// bits, which would be much code on processors of 32 bits and on WebAssembly.
const fn nanos(duration: Duration) -> Option<u64> {
    const PER_SECOND: u64 = 1_000_000_000;
    let seconds = duration.as_secs();
    if seconds > u64::MAX / PER_SECOND {
        return None;
    }
    (seconds * PER_SECOND).checked_add(duration.subsec_nanos() as u64)
}

/// Returns a duration of so many seconds, rounded to nanoseconds: at least zero and at most 584
/// years. `Duration::try_from_secs_f64` calculates with 128 bits.
pub(crate) fn from_seconds(seconds: f64) -> Duration {
    // The conversion saturates.
    Duration::from_nanos((seconds * 1e9 + 0.5) as u64)
}

/// Returns the epoch.
impl Default for Timestamp {
    fn default() -> Self {
        Self::EPOCH
    }
}

/// Shows hours, minutes, seconds and microseconds since the epoch, for example `0:00:15.000000`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.since_epoch().as_micros();
        let seconds = micros / 1_000_000;
        write!(
            f,
            "{}:{:02}:{:02}.{:06}",
            seconds / 3_600,
            seconds / 60 % 60,
            seconds % 60,
            micros % 1_000_000
        )
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overflow_is_never() {
        let late = Timestamp::from_epoch(Duration::MAX);
        assert_eq!(late.checked_add(Duration::from_nanos(1)), None);
        assert_eq!(Timestamp::EPOCH.checked_add(Duration::MAX), None);
        let last = Duration::from_nanos(u64::MAX - 1);
        assert!(Timestamp::EPOCH.checked_add(last).is_some());
        for more in [Duration::from_nanos(1), Duration::from_secs(1), Duration::from_secs(1 << 60)]
        {
            assert_eq!(Timestamp::EPOCH.checked_add(last + more), None, "{more:?}");
        }
        assert_eq!(
            Timestamp::EPOCH.checked_add(Duration::from_secs(1)),
            Some(Timestamp::from_epoch(Duration::from_secs(1)))
        );
    }

    #[test]
    fn a_timestamp_keeps_its_distance_from_the_epoch() {
        assert_eq!(
            (Timestamp::default(), Timestamp::EPOCH.since_epoch()),
            (Timestamp::EPOCH, Duration::ZERO)
        );
        for nanos in [1, 2, 1_000_000_007, u64::MAX - 1] {
            let since_epoch = Duration::from_nanos(nanos);
            assert_eq!(Timestamp::from_epoch(since_epoch).since_epoch(), since_epoch);
        }
    }

    #[test]
    fn seconds_are_rounded_to_nanoseconds_and_saturate() {
        let seconds = [0.0, 0.3, 1.5e-9, 30.000_000_001, -1.0, f64::NAN, f64::INFINITY];
        let nanos = [0, 300_000_000, 2, 30_000_000_001, 0, 0, u64::MAX];
        assert_eq!(seconds.map(from_seconds), nanos.map(Duration::from_nanos));
    }

    #[test]
    fn an_optional_timestamp_takes_no_extra_bytes() {
        assert_eq!(size_of::<Option<Timestamp>>(), 8);
    }

    #[test]
    fn a_timestamp_prints_as_a_clock() {
        let at = Timestamp::from_epoch(Duration::from_micros(3_725_000_042));
        assert_eq!(at.to_string(), "1:02:05.000042");
    }

    #[test]
    fn slots_are_counted_from_the_epoch() {
        let ms = |ms| Timestamp::from_epoch(Duration::from_millis(ms));
        let slot = Duration::from_millis(250);
        assert_eq!([0, 1, 250, 499].map(|at| ms(at).round_down(slot)), [0, 0, 250, 250].map(ms));
        assert_eq!(ms(7).round_down(Duration::ZERO), ms(7));
        assert_eq!(ms(7).round_down(Duration::MAX), ms(0));
    }

    #[test]
    fn the_time_since_a_later_timestamp_is_zero() {
        let later = Timestamp::from_epoch(Duration::from_secs(2));
        assert_eq!(Timestamp::EPOCH.saturating_since(later), Duration::ZERO);
    }
}
