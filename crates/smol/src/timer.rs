//! Time by async-io's reactor.

use std::{
    future::Future,
    pin::Pin,
    sync::OnceLock,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use websocket_heartbeat::{
    Timer, Timestamp,
    backend::{SharedSleep, SharedTimer},
};

/// A [`Timer`] by async-io. Its clock is [`Instant`], its epoch the moment it was made.
///
/// A sleep ends up to a millisecond after its deadline, as with tokio: async-io has one reactor
/// for the process, and all these timers set one timer of it for each millisecond in which any of
/// their sleeps end; see [`SharedTimer`].
#[derive(Clone, Debug)]
pub struct SmolTimer {
    shared: SharedTimer<Reactor>,
}

impl SmolTimer {
    /// A timer whose epoch is now.
    pub fn new() -> Self {
        static SHARED: OnceLock<SharedTimer<Reactor>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| {
            SharedTimer::with_slot(Reactor { epoch: Instant::now() }, Duration::from_millis(1))
        });
        Self { shared: shared.from_now() }
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
        self.shared.now()
    }

    fn sleep_until(&self, deadline: Timestamp) -> SmolSleep {
        SmolSleep { sleep: self.shared.sleep_until(deadline) }
    }
}

/// A wait of [`SmolTimer`]. Dropping it cancels the wait.
#[derive(Debug)]
pub struct SmolSleep {
    sleep: SharedSleep<Reactor>,
}

impl Future for SmolSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.sleep).poll(cx)
    }
}

/// The reactor's own timers.
#[derive(Debug)]
struct Reactor {
    epoch: Instant,
}

impl Timer for Reactor {
    type Sleep = Expiry;

    fn now(&self) -> Timestamp {
        Timestamp::from_epoch(self.epoch.elapsed())
    }

    fn sleep_until(&self, deadline: Timestamp) -> Expiry {
        let at = self.epoch.checked_add(deadline.since_epoch());
        Expiry { timer: at.map_or_else(async_io::Timer::never, async_io::Timer::at) }
    }
}

struct Expiry {
    timer: async_io::Timer,
}

impl Future for Expiry {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.timer).poll(cx).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_an_epoch_of_its_own() {
        let step = Duration::from_millis(20);
        let deadline = Timestamp::from_epoch(step);
        let first = SmolTimer::new();
        async_io::block_on(first.sleep_until(deadline));
        assert!(first.now() >= deadline);
        let second = SmolTimer::new();
        let (later, earlier) = (second.now(), first.now());
        assert!(earlier.saturating_since(later) >= step);
        async_io::block_on(second.sleep_until(deadline));
        assert!(second.now() >= deadline);
        assert!(second.clone().now() >= deadline, "a clone keeps the epoch");
    }
}
