//! Time by tokio.

use tokio::{
    task::{Unconstrained, unconstrained},
    time::{Instant, Sleep, sleep, sleep_until},
};
use websocket_heartbeat::{Timer, Timestamp};

/// A [`Timer`] by tokio. Its clock is tokio's, which a test can pause; its epoch is the moment it
/// was made.
///
/// # Panics
///
/// [`sleep_until`](Timer::sleep_until) panics outside a tokio runtime with time enabled.
#[derive(Clone, Debug)]
pub struct TokioTimer {
    epoch: Instant,
}

impl TokioTimer {
    /// A timer whose epoch is now.
    pub fn new() -> Self {
        Self { epoch: Instant::now() }
    }
}

impl Default for TokioTimer {
    fn default() -> Self {
        Self::new()
    }
}

impl Timer for TokioTimer {
    // A task that has used up its cooperative budget on other things must see its deadlines, too.
    type Sleep = Unconstrained<Sleep>;

    fn now(&self) -> Timestamp {
        Timestamp::from_epoch(self.epoch.elapsed())
    }

    fn sleep_until(&self, deadline: Timestamp) -> Self::Sleep {
        // tokio takes what is out of range for some thirty years.
        unconstrained(match self.epoch.checked_add(deadline.since_epoch()) {
            Some(at) => sleep_until(at),
            None => sleep(deadline.since_epoch()),
        })
    }
}
