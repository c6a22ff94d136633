//! Lengths of time, small: [`Span`].

use std::{fmt, time::Duration};

/// A length of time in whole nanoseconds, in half the room of a `Duration`: every session holds a
/// dozen.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Span {
    nanos: u64,
}

impl Span {
    /// 584 years or anything longer. No clock runs so long: this after any moment is never.
    pub(crate) const FOREVER: Self = Self { nanos: u64::MAX };

    pub(crate) const ZERO: Self = Self { nanos: 0 };

    pub(crate) const fn of(duration: Duration) -> Self {
        let nanos = duration.as_nanos();
        if nanos > u64::MAX as u128 { Self::FOREVER } else { Self { nanos: nanos as u64 } }
    }

    pub(crate) const fn from_nanos(nanos: u64) -> Self {
        Self { nanos }
    }

    pub(crate) const fn nanos(self) -> u64 {
        self.nanos
    }

    pub(crate) const fn duration(self) -> Duration {
        Duration::from_nanos(self.nanos)
    }

    pub(crate) const fn half(self) -> Self {
        Self { nanos: self.nanos / 2 }
    }

    pub(crate) const fn tenth(self) -> Self {
        Self { nanos: self.nanos / 10 }
    }

    pub(crate) const fn saturating_mul(self, factor: u32) -> Self {
        Self { nanos: self.nanos.saturating_mul(factor as u64) }
    }
}

/// As a `Duration` prints.
impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.duration().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    #[test]
    fn what_is_too_long_is_for_ever_and_after_any_moment_never() {
        let longest = Duration::from_nanos(u64::MAX);
        assert_eq!(Span::of(Duration::MAX), Span::FOREVER);
        assert_eq!(Span::of(longest), Span::FOREVER);
        assert!(Span::of(longest - Duration::from_nanos(1)) < Span::FOREVER);
        assert_eq!(Timestamp::EPOCH.after(Span::FOREVER), None);
        assert_eq!(Span::FOREVER.saturating_mul(2), Span::FOREVER);
    }
}
