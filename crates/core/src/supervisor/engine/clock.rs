//! The clock of the session: [`Clock`].

use std::time::Duration;

use crate::time::{Timer, Timestamp};

/// The time of the session: the time of the last reading of the timer. It never goes backward.
pub(super) struct Clock<K: Timer> {
    pub(super) timer: K,
    now: Timestamp,
    /// The number of frames that were read when the clock was last read before messages were handed
    /// over. If no frame was read since, that reading is used again.
    read_at: Option<u32>,
}

impl<K: Timer> Clock<K> {
    pub(super) fn new(timer: K) -> Self {
        let now = timer.now();
        Self { timer, now, read_at: None }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    pub(super) fn read(&mut self) {
        self.now = self.now.max(self.timer.now());
    }

    /// Records that the clock was read after this number of frames.
    pub(super) fn mark_read(&mut self, frames: u32) {
        self.read_at = Some(frames);
    }

    /// Reads the clock, unless it was already read after this number of frames.
    pub(super) fn read_once(&mut self, frames: u32) {
        if self.read_at.take() != Some(frames) {
            self.read();
        }
    }

    /// The time since the last reading.
    pub(super) fn elapsed(&self) -> Duration {
        self.timer.now().saturating_since(self.now)
    }
}
