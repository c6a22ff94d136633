//! Time by async-std.

use std::{
    future::Future,
    pin::Pin,
    sync::OnceLock,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use async_std::task;
use websocket_heartbeat::{
    Timer, Timestamp,
    backend::{SharedSleep, SharedTimer},
};

/// A [`Timer`] by async-std. Its clock is [`Instant`], its epoch the moment it was made.
///
/// A sleep ends up to a millisecond after its deadline, as with tokio: async-std has one runtime
/// for the process, and all these timers set one timer of it for each millisecond in which any of
/// their sleeps end; see [`SharedTimer`].
#[derive(Clone, Debug)]
pub struct AsyncStdTimer {
    shared: SharedTimer<Runtime>,
}

impl AsyncStdTimer {
    /// A timer whose epoch is now.
    pub fn new() -> Self {
        static SHARED: OnceLock<SharedTimer<Runtime>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| {
            SharedTimer::with_slot(Runtime { epoch: Instant::now() }, Duration::from_millis(1))
        });
        Self { shared: shared.from_now() }
    }
}

impl Default for AsyncStdTimer {
    fn default() -> Self {
        Self::new()
    }
}

impl Timer for AsyncStdTimer {
    type Sleep = AsyncStdSleep;

    fn now(&self) -> Timestamp {
        self.shared.now()
    }

    fn sleep_until(&self, deadline: Timestamp) -> AsyncStdSleep {
        AsyncStdSleep { sleep: self.shared.sleep_until(deadline) }
    }
}

/// A wait of [`AsyncStdTimer`]. Dropping it cancels the wait.
#[derive(Debug)]
pub struct AsyncStdSleep {
    sleep: SharedSleep<Runtime>,
}

impl Future for AsyncStdSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.sleep).poll(cx)
    }
}

/// The runtime's own timers.
#[derive(Debug)]
struct Runtime {
    epoch: Instant,
}

impl Timer for Runtime {
    /// async-std's sleep has no name.
    type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

    fn now(&self) -> Timestamp {
        Timestamp::from_epoch(self.epoch.elapsed())
    }

    fn sleep_until(&self, deadline: Timestamp) -> Self::Sleep {
        Box::pin(task::sleep(deadline.saturating_since(self.now())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_an_epoch_of_its_own() {
        let step = Duration::from_millis(20);
        let deadline = Timestamp::from_epoch(step);
        let first = AsyncStdTimer::new();
        task::block_on(first.sleep_until(deadline));
        assert!(first.now() >= deadline);
        let second = AsyncStdTimer::new();
        let (later, earlier) = (second.now(), first.now());
        assert!(earlier.saturating_since(later) >= step);
        task::block_on(second.sleep_until(deadline));
        assert!(second.now() >= deadline);
        assert!(second.clone().now() >= deadline, "a clone keeps the epoch");
    }
}
