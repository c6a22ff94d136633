//! The state of reading: [`Inbound`].

use super::turn::Turn;

/// The reading side of the engine.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inbound {
    /// Frames since the last look at the clock.
    pub(super) frames: u32,
    pub(super) heard: Heard,
    pub(super) readable: Readable,
    pub(super) turn: Turn,
}

impl Inbound {
    pub(super) const BEGIN: Self =
        Self { frames: 0, heard: Heard::Nothing, readable: Readable::Maybe, turn: Turn::BEGIN };

    /// Returns whether a due verdict may be given. `life`: proof of life was among the frames that
    /// were just read.
    pub(super) fn is_read_for_verdict(&mut self, life: bool) -> bool {
        match self.readable {
            Readable::Maybe | Readable::Quiet => {
                self.readable = Readable::First { put_off: 0 };
                false
            }
            Readable::First { put_off } if put_off < 1 + u8::from(life) => {
                self.readable = Readable::First { put_off: put_off + 1 };
                self.turn.end();
                false
            }
            Readable::First { .. } => true,
            Readable::Done => {
                self.readable = Readable::Quiet;
                true
            }
        }
    }
}

/// The strongest sign of life since the last look at the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Heard {
    Nothing,
    /// Frames, none of which is proof of life.
    Frame,
    /// Proof of life.
    Life,
}

/// Whether the connection or the attempt may have something to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readable {
    /// It may have something.
    Maybe,
    /// It had nothing more when it was last polled, and has not called its waker since.
    Quiet,
    /// A verdict or the report of a failed write is due, and the connection is read first. It is
    /// read until it has nothing more, even if it returns `Pending` and calls its waker at once, or
    /// for 256 frames. The verdict was put off this many times.
    First { put_off: u8 },
    /// Everything was read for the verdict that is due.
    Done,
}

impl Readable {
    /// No verdict is due any more.
    pub(super) fn relax(&mut self) {
        match self {
            Self::Maybe | Self::Quiet => {}
            Self::First { .. } => *self = Self::Maybe,
            Self::Done => *self = Self::Quiet,
        }
    }

    /// The poll returned `Pending`. `woken`: the waker was called during the poll.
    pub(super) fn pending(&mut self, woken: bool) {
        *self = match self {
            Self::First { put_off } if woken => Self::First { put_off: *put_off },
            _ if woken => Self::Maybe,
            Self::First { .. } | Self::Done => Self::Done,
            Self::Maybe | Self::Quiet => Self::Quiet,
        };
    }

    pub(super) fn is_quiet(self) -> bool {
        matches!(self, Self::Quiet | Self::Done)
    }

    pub(super) fn is_first(self) -> bool {
        matches!(self, Self::First { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_put_off_once_more_after_proof_of_life() {
        for (life, expected) in [(false, 2), (true, 3)] {
            let mut inbound = Inbound::BEGIN;
            let put_off = (0..9).take_while(|_| !inbound.is_read_for_verdict(life)).count();
            assert_eq!(put_off, expected);
        }
    }

    #[test]
    fn a_connection_is_quiet_after_pending_without_a_wake() {
        let first = Readable::First { put_off: 1 };
        for (before, woken, after) in [
            (Readable::Maybe, false, Readable::Quiet),
            (Readable::Quiet, true, Readable::Maybe),
            (Readable::Quiet, false, Readable::Quiet),
            (first, true, first),
            (first, false, Readable::Done),
            (Readable::Done, true, Readable::Maybe),
            (Readable::Done, false, Readable::Done),
        ] {
            let mut readable = before;
            readable.pending(woken);
            assert_eq!(readable, after, "{before:?}, woken: {woken}");
            assert_eq!(readable.is_quiet(), !woken);
        }
    }
}
