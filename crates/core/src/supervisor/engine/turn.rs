//! What one poll may do: [`Turn`], and what is read before a verdict: [`Readable`].

use std::time::Duration;

use crate::time::Timestamp;

/// Frames that one turn may handle: some hundred microseconds of small messages.
const FRAMES_PER_TURN: u32 = 1_024;

/// A look at the clock counts as so many frames at least, so that what brings events and no frames
/// ends a turn as well.
const FRAMES_PER_ROUND: u32 = 8;

/// How long a turn may take once the clock was looked at: a fifth of what a user notices.
pub(super) const TURN: Duration = Duration::from_millis(10);

/// What was done since the task last got `Pending`. A turn that is over ends by `Pending` and a
/// wake, so that other tasks get their turn, however much there is to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing was left to do at the end of the last poll.
    Rest,
    /// So many frames were handled, since the clock was first looked at.
    Busy { frames: u32, since: Option<Timestamp> },
}

impl Turn {
    pub(super) const BEGIN: Self = Self::Busy { frames: 0, since: None };

    /// The clock was looked at after so many frames.
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

/// What is known of what the connection, or the attempt, has to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readable {
    /// It may have something.
    Maybe,
    /// It had nothing more when last asked, and has not stirred since.
    Quiet,
    /// A verdict or a burial is due, and it is read first: until it has nothing more, even where
    /// it says `Pending` and calls at once, or for 256 frames. So often it was put off.
    First { put_off: u8 },
    /// It was read to its end for the verdict that is due.
    Heard,
}

impl Readable {
    /// Whether a verdict that is due may be given. `life`: proof of life was among what was read.
    pub(super) fn is_heard(&mut self, life: bool, turn: &mut Turn) -> bool {
        match *self {
            Self::Maybe | Self::Quiet => {
                *self = Self::First { put_off: 0 };
                false
            }
            Self::First { put_off } if put_off < 1 + u8::from(life) => {
                *self = Self::First { put_off: put_off + 1 };
                turn.end();
                false
            }
            Self::First { .. } => true,
            Self::Heard => {
                *self = Self::Quiet;
                true
            }
        }
    }

    /// No verdict is due any more.
    pub(super) fn relax(&mut self) {
        match self {
            Self::Maybe | Self::Quiet => {}
            Self::First { .. } => *self = Self::Maybe,
            Self::Heard => *self = Self::Quiet,
        }
    }

    /// What it is after `Pending`. `stirred`: its waker was called within the poll.
    pub(super) fn pending(&mut self, stirred: bool) {
        *self = match self {
            Self::First { put_off } if stirred => Self::First { put_off: *put_off },
            _ if stirred => Self::Maybe,
            Self::First { .. } | Self::Heard => Self::Heard,
            Self::Maybe | Self::Quiet => Self::Quiet,
        };
    }

    pub(super) fn is_quiet(self) -> bool {
        matches!(self, Self::Quiet | Self::Heard)
    }

    pub(super) fn is_first(self) -> bool {
        matches!(self, Self::First { .. })
    }
}
