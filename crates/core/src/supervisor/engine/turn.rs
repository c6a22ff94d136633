//! The bound on the work of one poll: [`Turn`].

use std::time::Duration;

use crate::time::Timestamp;

/// Frames that one turn may handle: some hundred microseconds of small messages.
const FRAMES_PER_TURN: u32 = 1_024;

/// A look at the clock counts as this many frames at least, so that a turn also ends where events
/// come without frames.
const FRAMES_PER_ROUND: u32 = 8;

/// How long a turn may take after its first look at the clock: a fifth of what a user notices.
pub(super) const TURN: Duration = Duration::from_millis(10);

/// The work done since the task last got `Pending`. A turn that is over ends by `Pending` and a
/// wake, so that other tasks run, however much there is to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing was left to do at the end of the last poll.
    Rest,
    /// This many frames were handled since the first look at the clock.
    Busy { frames: u32, since: Option<Timestamp> },
}

impl Turn {
    pub(super) const BEGIN: Self = Self::Busy { frames: 0, since: None };

    /// The clock was read, this many frames after the last time.
    pub(super) fn count(&mut self, more: u32, now: Timestamp) {
        let Self::Busy { frames, since } = self else { return };
        *frames = frames.saturating_add(more.max(FRAMES_PER_ROUND));
        if now.saturating_since(*since.get_or_insert(now)) >= TURN {
            self.end();
        }
    }

    /// Nothing more is done in this turn.
    pub(super) fn end(&mut self) {
        *self = Self::Busy { frames: u32::MAX, since: None };
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self, Self::Busy { frames, .. } if *frames >= FRAMES_PER_TURN)
    }
}
