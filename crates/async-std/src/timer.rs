//! Time by async-std.

use std::{future::Future, pin::Pin, time::Instant};

use async_std::task;
use websocket_heartbeat::{Timer, Timestamp};

/// A [`Timer`] by async-std. Its clock is [`Instant`], its epoch the moment it was made.
#[derive(Clone, Debug)]
pub struct AsyncStdTimer {
    epoch: Instant,
}

impl AsyncStdTimer {
    /// A timer whose epoch is now.
    pub fn new() -> Self {
        Self { epoch: Instant::now() }
    }
}

impl Default for AsyncStdTimer {
    fn default() -> Self {
        Self::new()
    }
}

impl Timer for AsyncStdTimer {
    /// async-std's sleep has no name. The supervisor arms one anew once or twice a heartbeat, so
    /// that the box does not count.
    type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

    fn now(&self) -> Timestamp {
        Timestamp::from_epoch(self.epoch.elapsed())
    }

    fn sleep_until(&self, deadline: Timestamp) -> Self::Sleep {
        Box::pin(task::sleep(deadline.saturating_since(self.now())))
    }
}
