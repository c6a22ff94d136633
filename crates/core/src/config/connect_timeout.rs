//! How long an attempt may take: [`ConnectTimeout`].

use std::time::Duration;

use crate::{
    error::{ConfigError, not_zero},
    time::Span,
};

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
    fn nonsense_is_refused_by_name() {
        let zero = ConnectTimeout::fixed(Duration::ZERO).check().unwrap_err();
        assert_eq!(zero.setting(), "connect timeout");
        let second = Duration::from_secs(1);
        let cap = ConnectTimeout::growing(second, second / 2).check().unwrap_err();
        assert_eq!(cap.setting(), "connect timeout cap");
    }
}
