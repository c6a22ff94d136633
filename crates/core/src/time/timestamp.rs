//! A point in time: [`Timestamp`].

use std::{fmt, num::NonZeroU64, time::Duration};

use super::span::Span;

/// A point in time on one [`Timer`](crate::Timer)'s clock: the time since that timer's epoch.
///
/// Timestamps of different timers cannot be compared in any meaningful way. The resolution is one
/// nanosecond and the range 584 years; what lies beyond is "never", which this crate writes as
/// `None`, see [`checked_add`](Self::checked_add).
///
/// It is not [`std::time::Instant`], so that a virtual clock can start at zero and a test can
/// write down the exact moment it expects.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    /// Nanoseconds since the epoch, plus one: so `Option<Timestamp>`, of which a session holds a
    /// dozen, needs no more room than this.
    count: NonZeroU64,
}

impl Timestamp {
    /// The timer's epoch.
    pub const EPOCH: Self = Self { count: NonZeroU64::MIN };

    const LAST: Self = Self { count: NonZeroU64::MAX };

    /// The moment `since_epoch` after the timer's epoch; the last representable moment if that is
    /// more than 584 years.
    pub const fn from_epoch(since_epoch: Duration) -> Self {
        match Self::EPOCH.checked_add(since_epoch) {
            Some(moment) => moment,
            None => Self::LAST,
        }
    }

    /// The time between the timer's epoch and this moment.
    pub const fn since_epoch(self) -> Duration {
        Duration::from_nanos(self.nanos())
    }

    /// This moment moved into the future; `None` if that is out of range, which means "never".
    #[must_use]
    pub const fn checked_add(self, duration: Duration) -> Option<Self> {
        self.after(Span::of(duration))
    }

    /// The last moment, this one included, that is a whole number of slots after the epoch. This
    /// moment itself if the slot is zero.
    #[must_use]
    pub const fn round_down(self, slot: Duration) -> Self {
        self.aligned(Span::of(slot))
    }

    /// The time from `earlier` to this moment, zero if `earlier` is in fact later.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        self.since(earlier).duration()
    }

    const fn nanos(self) -> u64 {
        self.count.get() - 1
    }
}

/// The same with spans.
impl Timestamp {
    pub(crate) const fn after(self, span: Span) -> Option<Self> {
        // Not `map`, which is not const.
        match self.count.checked_add(span.nanos()) {
            Some(count) => Some(Self { count }),
            None => None,
        }
    }

    pub(crate) const fn aligned(self, slot: Span) -> Self {
        match self.nanos().checked_rem(slot.nanos()) {
            // What is left over is less than the count, which has one more.
            Some(over) => match NonZeroU64::new(self.count.get() - over) {
                Some(count) => Self { count },
                None => Self::EPOCH,
            },
            None => self,
        }
    }

    pub(crate) const fn since(self, earlier: Self) -> Span {
        Span::from_nanos(self.count.get().saturating_sub(earlier.count.get()))
    }
}

/// The epoch.
impl Default for Timestamp {
    fn default() -> Self {
        Self::EPOCH
    }
}

/// Hours, minutes, seconds and microseconds since the timer's epoch, such as `0:00:15.000000`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.nanos() / 1_000;
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
    fn overflow_means_never() {
        let late = Timestamp::from_epoch(Duration::MAX);
        assert_eq!(late.checked_add(Duration::from_nanos(1)), None);
        assert_eq!(Timestamp::EPOCH.checked_add(Duration::MAX), None);
        assert_eq!(
            Timestamp::EPOCH.checked_add(Duration::from_secs(1)),
            Some(Timestamp::from_epoch(Duration::from_secs(1)))
        );
    }

    #[test]
    fn a_moment_is_as_far_from_the_epoch_as_it_was_made() {
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
    fn never_takes_no_room() {
        assert_eq!(size_of::<Option<Timestamp>>(), 8);
    }

    #[test]
    fn prints_as_a_clock() {
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
    fn since_a_later_moment_is_zero() {
        let later = Timestamp::from_epoch(Duration::from_secs(2));
        assert_eq!(Timestamp::EPOCH.saturating_since(later), Duration::ZERO);
    }
}
