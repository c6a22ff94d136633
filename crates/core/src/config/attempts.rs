//! How many attempts may follow a loss: [`Attempts`].

use std::num::NonZeroU32;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_counts_attempts_after_the_first() {
        assert_eq!([0, 4].map(|count| Attempts::at_most(count).last()), [0, 4]);
        assert_eq!(Attempts::Unlimited.last(), u32::MAX);
    }
}
