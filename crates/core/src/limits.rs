//! How often to try and how long to wait: [`Attempts`], [`ConnectTimeout`], and the rule that no
//! time is zero.

use std::{num::NonZeroU32, time::Duration};

use crate::{ConfigError, span::Span};

/// How many attempts may follow a lost connection.
///
/// The count starts again when a connection proved stable, see
/// [`Builder::stable_after`](crate::Builder::stable_after), and when an open connection is replaced
/// by [`reconnect_now`](crate::Handle::reconnect_now) or for its
/// [maximum age](crate::Builder::max_age): the replacement does not count, as the first attempt of
/// a session does not. What [`resume`](crate::Handle::resume) begins counts, an attempt that was
/// given up for the pause included. Who hurries an attempt that is scheduled changes no count.
///
/// An attempt that is over the count ends the session with
/// [`CloseReason::AttemptsExhausted`](crate::CloseReason::AttemptsExhausted).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "there is nothing between none, some and all")]
pub enum Attempts {
    /// Try for ever. The default, and the original's.
    #[default]
    Unlimited,
    /// Never reconnect: the session ends with its first connection or attempt, whatever ended that.
    /// Nothing begins another one, neither a replacement nor a resume.
    Never,
    /// At most this many attempts after the first one; the original's `repeatLimit`.
    AtMost(NonZeroU32),
}

impl Attempts {
    /// At most `count` attempts after the first, [`Never`](Self::Never) for 0.
    pub fn at_most(count: u32) -> Self {
        NonZeroU32::new(count).map_or(Self::Never, Self::AtMost)
    }

    /// The number of the last attempt that is allowed; none is above the largest number.
    pub(crate) fn last(self) -> u32 {
        match self {
            Self::Unlimited => u32::MAX,
            Self::Never => 0,
            Self::AtMost(limit) => limit.get(),
        }
    }
}

/// How long an attempt may take, everything included: address, credentials, dial, TLS, upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConnectTimeout {
    first: Span,
    cap: Span,
}

impl ConnectTimeout {
    /// The same for every attempt.
    pub const fn fixed(timeout: Duration) -> Self {
        Self::growing(timeout, timeout)
    }

    /// `first` for the first attempt of a session or after a stable connection, doubled with each
    /// one in a row that fails up to `cap`.
    ///
    /// Why: against a server that queues ten seconds of handshakes, 100 000 simulated clients with
    /// a fixed timeout of 5 s never all connected, under no backoff; the server kept serving those
    /// that had left. With a growing timeout all did.
    pub const fn growing(first: Duration, cap: Duration) -> Self {
        Self { first: Span::of(first), cap: Span::of(cap) }
    }

    /// The timeout after so many failures in a row.
    pub(crate) fn of(self, failures: u32) -> Span {
        let factor = 1_u32.checked_shl(failures).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.cap)
    }

    pub(crate) fn check(self) -> Result<(), ConfigError> {
        not_zero("connect timeout", self.first.duration())?;
        if self.cap < self.first {
            let rule = "must be at least the first connect timeout";
            return Err(ConfigError::new("connect timeout cap", self.cap.duration(), rule));
        }
        Ok(())
    }
}

/// A fixed timeout.
impl From<Duration> for ConnectTimeout {
    fn from(timeout: Duration) -> Self {
        Self::fixed(timeout)
    }
}

pub(crate) fn not_zero(setting: &'static str, value: Duration) -> Result<(), ConfigError> {
    if value.is_zero() {
        return Err(ConfigError::new(setting, value, "must be longer than zero"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_growing_timeout_doubles_up_to_its_cap_without_overflow() {
        let secs = Duration::from_secs;
        let growing = ConnectTimeout::growing(secs(10), secs(60));
        let first: Vec<_> = (0..5).map(|n| growing.of(n).duration().as_secs()).collect();
        assert_eq!(first, [10, 20, 40, 60, 60]);
        assert_eq!(growing.of(u32::MAX), Span::of(secs(60)));
        assert_eq!(ConnectTimeout::fixed(Duration::MAX).of(u32::MAX), Span::FOREVER);
    }

    #[test]
    fn at_most_counts_attempts_after_the_first() {
        assert_eq!([0, 4].map(|count| Attempts::at_most(count).last()), [0, 4]);
        assert_eq!(Attempts::Unlimited.last(), u32::MAX);
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        let zero = ConnectTimeout::fixed(Duration::ZERO).check().unwrap_err();
        assert_eq!(zero.setting(), "connect timeout");
        let second = Duration::from_secs(1);
        let cap = ConnectTimeout::growing(second, second / 2).check().unwrap_err();
        assert_eq!(cap.setting(), "connect timeout cap");
    }
}
