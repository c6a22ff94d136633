//! [`TokioTimer`]: tokio's timers.

use std::{
    future::Future,
    pin::{Pin, pin},
    task::{Context, Poll},
};

use pin_project::pin_project;
use tokio::{
    task::unconstrained,
    time::{Instant, Sleep, sleep, sleep_until},
};
use websocket_heartbeat::{Timer, Timestamp};

/// A [`Timer`] by tokio. Its clock is tokio's, which a test can pause; its epoch is the moment when
/// it was made.
///
/// # Panics
///
/// [`sleep_until`](Timer::sleep_until) panics outside a tokio runtime with time enabled. In a
/// session the panic is caught: the session ends with
/// [`CloseReason::Panicked`](websocket_heartbeat::CloseReason::Panicked).
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
    type Sleep = TokioSleep;

    fn now(&self) -> Timestamp {
        Timestamp::from_epoch(self.epoch.elapsed())
    }

    fn sleep_until(&self, deadline: Timestamp) -> TokioSleep {
        // tokio takes a duration that is out of range as some thirty years.
        let sleep = match self.epoch.checked_add(deadline.since_epoch()) {
            Some(at) => sleep_until(at),
            None => sleep(deadline.since_epoch()),
        };
        TokioSleep { sleep }
    }
}

/// A sleep of a [`TokioTimer`]. Dropping it cancels the sleep.
///
/// It ignores tokio's cooperative budget, because a task that has used its budget for other work
/// must still notice its deadlines.
#[pin_project]
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct TokioSleep {
    #[pin]
    sleep: Sleep,
}

impl Future for TokioSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        pin!(unconstrained(self.project().sleep)).poll(cx)
    }
}
