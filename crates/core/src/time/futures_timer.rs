//! A timer for any executor: [`FuturesTimer`].

use std::time::Instant;

use super::{timer::Timer, timestamp::Timestamp};

/// A [`Timer`] for any executor, based on the `futures-timer` crate.
///
/// It needs no runtime: one thread, shared by the whole process, serves all timers. The timer of a
/// runtime costs less, so each backend crate provides one.
///
/// It does not exist on `wasm32-unknown-unknown`, where there are no threads and the clock of the
/// standard library panics.
#[derive(Clone, Debug)]
pub struct FuturesTimer {
    epoch: Instant,
}

impl FuturesTimer {
    /// Makes a timer whose epoch is now.
    #[allow(clippy::disallowed_methods, reason = "the one real clock in this crate")]
    pub fn new() -> Self {
        Self { epoch: Instant::now() }
    }
}

impl Default for FuturesTimer {
    fn default() -> Self {
        Self::new()
    }
}

impl Timer for FuturesTimer {
    type Sleep = futures_timer::Delay;

    fn now(&self) -> Timestamp {
        Timestamp::from_epoch(self.epoch.elapsed())
    }

    fn sleep_until(&self, deadline: Timestamp) -> Self::Sleep {
        futures_timer::Delay::new(deadline.saturating_since(self.now()))
    }
}
