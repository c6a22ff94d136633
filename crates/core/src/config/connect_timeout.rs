//! How long an attempt may take: [`ConnectTimeout`].

use std::time::Duration;

use crate::error::{ConfigError, ensure, not_zero};

/// How long an attempt may take.
///
/// This includes the whole attempt: name resolution, credentials, TCP, TLS, the upgrade, and the
/// exchange of [`before_open`](crate::before_open).
///
/// ```
/// use std::time::Duration;
/// use websocket_heartbeat::{ConnectTimeout, Supervisor};
///
/// # let clock = websocket_heartbeat_mock::Clock::new();
/// # let (transport, _) = websocket_heartbeat_mock::mock(&clock);
/// # let timer = clock.timer();
/// let secs = Duration::from_secs;
/// // 5 s, 10 s, 20 s, then 30 s. A plain `secs(5)` means 5 s for every attempt.
/// let timeout = ConnectTimeout::growing(secs(5), secs(30));
/// let supervisor = Supervisor::builder(transport, timer).connect_timeout(timeout).build()?;
/// # drop(supervisor);
/// # Ok::<_, websocket_heartbeat::ConfigError>(())
/// ```
///
/// [`Builder::build`](crate::Builder::build) refuses a timeout of zero and a cap below the first
/// timeout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConnectTimeout {
    first: Duration,
    cap: Duration,
}

impl ConnectTimeout {
    /// The same timeout for every attempt.
    pub const fn fixed(timeout: Duration) -> Self {
        Self::growing(timeout, timeout)
    }

    /// `first` for the first attempt of a session and for the first one after a stable connection.
    /// It doubles with each failed attempt in a row, up to `cap`.
    ///
    /// The reason for the growth is a simulation: 100,000 clients connected to a server with ten
    /// seconds of queued handshakes. With a fixed timeout of 5 s and any backoff, some clients
    /// never connected, since the server worked on handshakes of clients that had already given up.
    /// With a growing timeout all clients connected.
    pub const fn growing(first: Duration, cap: Duration) -> Self {
        Self { first, cap }
    }

    /// The timeout after this many failures in a row.
    pub(crate) fn of(self, failures: u32) -> Duration {
        let factor = 1_u32.checked_shl(failures).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.cap)
    }

    pub(crate) fn check(self) -> Result<(), ConfigError> {
        not_zero("connect timeout", self.first)?;
        let rule = "must be at least the first connect timeout";
        ensure(self.cap >= self.first, "connect timeout cap", self.cap, rule)
    }
}

/// [`ConnectTimeout::fixed`].
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
        let first: Vec<_> = (0..5).map(|n| growing.of(n).as_secs()).collect();
        assert_eq!(first, [10, 20, 40, 60, 60]);
        assert_eq!(growing.of(u32::MAX), secs(60));
        assert_eq!(ConnectTimeout::fixed(Duration::MAX).of(u32::MAX), Duration::MAX);
    }

    #[test]
    fn invalid_values_are_refused_by_name() {
        let zero = ConnectTimeout::fixed(Duration::ZERO).check().unwrap_err();
        assert_eq!(zero.setting(), "connect timeout");
        let second = Duration::from_secs(1);
        let cap = ConnectTimeout::growing(second, second / 2).check().unwrap_err();
        assert_eq!(cap.setting(), "connect timeout cap");
    }
}
