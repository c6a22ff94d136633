//! The clock of the session, [`Clock`], and the report of the frames that were heard since its last
//! reading.

use std::time::Duration;

use super::{Engine, inbound::Heard};
use crate::{
    time::{Timer, Timestamp},
    transport::Transport,
};

/// The time of the session: the time of the last reading of the timer. It never goes backward.
pub(super) struct Clock<K: Timer> {
    timer: K,
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

    pub(super) fn timer(&self) -> &K {
        &self.timer
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
    fn read_once(&mut self, frames: u32) {
        if self.read_at.take() != Some(frames) {
            self.read();
        }
    }

    /// The time since the last reading.
    pub(super) fn elapsed(&self) -> Duration {
        self.timer.now().saturating_since(self.now)
    }
}

impl<T: Transport, K: Timer> Engine<T, K> {
    /// Reads the clock, and reports the frames since the last call to the machine. Returns whether
    /// proof of life was among them.
    pub(super) fn observe(&mut self) -> bool {
        self.clock.read_once(self.inbound.frames);
        let now = self.clock.now();
        self.inbound.turn.count(std::mem::take(&mut self.inbound.frames), now);
        let heard = std::mem::replace(&mut self.inbound.heard, Heard::Nothing);
        if heard == Heard::Nothing {
            return false;
        }
        let life = heard == Heard::Life;
        let was_out = self.machine.probe_since().is_some();
        self.machine.handle_frame(now, self.machine.connection(), life);
        self.reporter.mark_changed();
        if let Some(answer) = self.probes.take_answer(now) {
            if answer.proves_arrival {
                self.reporter.proven();
            }
            self.reporter.answered(answer.time, &self.shared);
        }
        if was_out && self.machine.probe_since().is_none() {
            self.sleep.replace_at_next_park();
        }
        life
    }
}
