//! Time by async-io's reactor.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Instant,
};

use websocket_heartbeat::{Timer, Timestamp};

/// A [`Timer`] by async-io. Its clock is [`Instant`], its epoch the moment it was made.
#[derive(Clone, Debug)]
pub struct SmolTimer {
    epoch: Instant,
}

impl SmolTimer {
    /// A timer whose epoch is now.
    pub fn new() -> Self {
        Self { epoch: Instant::now() }
    }
}

impl Default for SmolTimer {
    fn default() -> Self {
        Self::new()
    }
}

impl Timer for SmolTimer {
    type Sleep = SmolSleep;

    fn now(&self) -> Timestamp {
        Timestamp::from_epoch(self.epoch.elapsed())
    }

    fn sleep_until(&self, deadline: Timestamp) -> SmolSleep {
        let at = self.epoch.checked_add(deadline.since_epoch());
        SmolSleep { timer: at.map_or_else(async_io::Timer::never, async_io::Timer::at) }
    }
}

/// A wait of [`SmolTimer`]. Dropping it cancels the wait.
#[derive(Debug)]
pub struct SmolSleep {
    timer: async_io::Timer,
}

impl Future for SmolSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.timer).poll(cx).map(drop)
    }
}
