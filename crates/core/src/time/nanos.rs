//! Durations in eight bytes: [`Nanos`].

use std::{fmt, time::Duration};

/// A duration in whole nanoseconds. It is half as large as a `Duration`, and every session holds a
/// dozen of them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Nanos {
    nanos: u64,
}

impl Nanos {
    /// 584 years or longer. No clock runs that long, so a deadline this far away is never reached.
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

/// Prints as a `Duration`.
impl fmt::Debug for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.duration().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    #[test]
    fn a_duration_out_of_range_never_ends() {
        let longest = Duration::from_nanos(u64::MAX);
        assert_eq!(Nanos::of(Duration::MAX), Nanos::FOREVER);
        assert_eq!(Nanos::of(longest), Nanos::FOREVER);
        assert!(Nanos::of(longest - Duration::from_nanos(1)) < Nanos::FOREVER);
        assert_eq!(Timestamp::EPOCH.after(Nanos::FOREVER), None);
        assert_eq!(Nanos::FOREVER.saturating_mul(2), Nanos::FOREVER);
    }
}
