//! How many attempts may follow a loss: [`Attempts`].

use std::num::NonZeroU32;

/// How many attempts may follow a lost connection.
///
/// - The count begins again after a [stable](crate::Builder::stable_after) connection, and when an
///   open connection is replaced by [`reconnect_now`](crate::Handle::reconnect_now) or for its
///   [maximum age](crate::Builder::max_age).
/// - The replacement itself and the first attempt of a session do not count.
/// - An attempt that [`resume`](crate::Handle::resume) begins counts. An attempt that a pause ended
///   also counts.
/// - If `reconnect_now` starts a scheduled attempt early, it counts as one attempt.
///
/// If the next attempt would exceed the limit, the session ends with
/// [`CloseReason::AttemptsExhausted`](crate::CloseReason::AttemptsExhausted).
///
/// A plain `u32` is converted: 0 is [`Never`](Self::Never).
///
/// ```
/// use websocket_heartbeat::Attempts;
///
/// assert_eq!(Attempts::from(5), Attempts::at_most(5));
/// assert_eq!(Attempts::from(0), Attempts::Never);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "there is nothing between none, some and all")]
pub enum Attempts {
    /// No limit. This is the default, as in the original: if the session gives up, the
    /// program stays offline even when the server is back.
    #[default]
    Unlimited,
    /// Only the first attempt: the session ends with its first connection or attempt, for any
    /// cause. A replacement or a resume begins no further attempt.
    Never,
    /// At most this many attempts after the first one, like `repeatLimit` of the original.
    AtMost(NonZeroU32),
}

impl Attempts {
    /// At most `count` attempts after the first one. 0 is [`Never`](Self::Never).
    pub fn at_most(count: u32) -> Self {
        NonZeroU32::new(count).map_or(Self::Never, Self::AtMost)
    }

    /// Returns the name of the variant in lower case, for logs. These names are stable.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unlimited => "unlimited",
            Self::Never => "never",
            Self::AtMost(_) => "at_most",
        }
    }

    /// The number of the last attempt that is allowed.
    pub(crate) fn last(self) -> u32 {
        match self {
            Self::Unlimited => u32::MAX,
            Self::Never => 0,
            Self::AtMost(limit) => limit.get(),
        }
    }
}

/// At most this many attempts after the first one. 0 is [`Never`](Attempts::Never).
impl From<u32> for Attempts {
    fn from(count: u32) -> Self {
        Self::at_most(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_counts_attempts_after_the_first() {
        assert_eq!([0, 4].map(|count| Attempts::at_most(count).last()), [0, 4]);
        assert_eq!(Attempts::Unlimited.last(), u32::MAX);
    }
}
