//! The bound on the work of one poll: [`Turn`].

use std::time::Duration;

use crate::time::Timestamp;

/// Frames that one turn may handle: small messages take about a hundred microseconds.
const FRAMES_PER_TURN: u32 = 1_024;

/// A reading of the clock counts as at least this many frames, so that a turn also ends if there
/// are events without frames.
const FRAMES_PER_ROUND: u32 = 8;

/// How long a turn may take after its first reading of the clock: a fifth of a delay that a user
/// notices.
pub(super) const TURN: Duration = Duration::from_millis(10);

/// The work since the last `Pending`. At the end of a turn the task gets `Pending` and a wake, so
/// that other tasks run even if there is more to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing was left to do at the end of the last poll.
    Rest,
    /// This many frames were handled since the first reading of the clock. The turn ends at `until`.
    Busy { frames: u32, until: Option<Timestamp> },
}

impl Turn {
    pub(super) const BEGIN: Self = Self::Busy { frames: 0, until: None };

    /// The clock was read, and this many frames were handled since its last reading.
    pub(super) fn count(&mut self, more: u32, now: Timestamp) {
        let Self::Busy { frames, until } = self else { return };
        *frames = frames.saturating_add(more.max(FRAMES_PER_ROUND));
        match *until {
            Some(until) if until <= now => self.end(),
            Some(_) => {}
            None => *until = now.checked_add(TURN),
        }
    }

    /// Ends this turn.
    pub(super) fn end(&mut self) {
        *self = Self::Busy { frames: u32::MAX, until: None };
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self, Self::Busy { frames, .. } if *frames >= FRAMES_PER_TURN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_ends_after_its_time_or_its_frames() {
        let at = |ms| Timestamp::from_epoch(Duration::from_millis(ms));
        let mut turn = Turn::BEGIN;
        for (ms, is_over) in [(5, false), (14, false), (15, true)] {
            turn.count(1, at(ms));
            assert_eq!(turn.is_over(), is_over, "at {ms} ms");
        }
        let mut turn = Turn::BEGIN;
        turn.count(FRAMES_PER_TURN - 1, at(0));
        assert!(!turn.is_over());
        turn.count(0, at(0));
        assert!(turn.is_over(), "each round counts");
    }
}
