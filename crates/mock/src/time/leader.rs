//! The timer that a clock follows: [`Leader`].

use std::task::Waker;

use websocket_heartbeat::Timestamp;

/// The timer that a clock follows.
pub(super) struct Leader {
    /// The time of the timer, as time of the clock.
    pub(super) now: Box<dyn Fn() -> Timestamp + Send>,
    /// The task of `Follow`, which sleeps until an instant, or without end.
    waker: Option<Waker>,
    until: Option<Timestamp>,
}

impl Leader {
    pub(super) fn new(now: impl Fn() -> Timestamp + Send + 'static) -> Self {
        Self { now: Box::new(now), waker: None, until: None }
    }

    /// The waker of the task, if it sleeps longer than until `next`.
    pub(super) fn wake_before(&mut self, next: Timestamp) -> Option<Waker> {
        self.waker.take_if(|_| self.until.is_none_or(|until| next < until))
    }

    /// The task sleeps until this instant; `None` is without end.
    pub(super) fn sleep_until(&mut self, until: Option<Timestamp>, waker: &Waker) {
        self.until = until;
        self.waker = Some(waker.clone());
    }
}
