//! A timer whose clock never goes backward: [`SteadyTimer`].

use super::{Timer, Timestamp};

/// A timer for a layer that is polled. Its clock is read at most once for each poll.
pub(crate) struct SteadyTimer<K> {
    timer: K,
    /// The latest time that was read.
    latest: Timestamp,
}

impl<K: Timer> SteadyTimer<K> {
    pub(crate) fn new(timer: K) -> Self {
        Self { timer, latest: Timestamp::EPOCH }
    }

    /// The time of this poll, which is read if it is not known yet.
    pub(crate) fn now(&mut self, of_this_poll: &mut Option<Timestamp>) -> Timestamp {
        *of_this_poll.get_or_insert_with(|| {
            self.latest = self.latest.max(self.timer.now());
            self.latest
        })
    }

    pub(crate) fn sleep_until(&self, deadline: Timestamp) -> K::Sleep {
        self.timer.sleep_until(deadline)
    }
}
