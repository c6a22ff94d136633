//! [`MockTimer`]: core's `Timer` on virtual time.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use websocket_heartbeat::{Timer, Timestamp};

use super::clock::Clock;

/// A [`Timer`] that lives by a [`Clock`].
///
/// It shows the clock's time and its sleeps end exactly at their deadline, unless the clock was
/// told that timers are [late](Clock::set_timer_lateness),
/// [coarse](Clock::set_timer_granularity), [early](Clock::set_timer_early) or
/// [set back](Clock::set_timer_back).
#[derive(Clone, Debug)]
pub struct MockTimer {
    clock: Clock,
}

impl Clock {
    /// A timer that reads this clock.
    pub fn timer(&self) -> MockTimer {
        MockTimer::new(self)
    }
}

impl MockTimer {
    /// A timer that lives by this clock.
    pub fn new(clock: &Clock) -> Self {
        Self { clock: clock.clone() }
    }
}

impl Timer for MockTimer {
    type Sleep = MockSleep;

    fn now(&self) -> Timestamp {
        self.clock.shown()
    }

    fn sleep_until(&self, deadline: Timestamp) -> MockSleep {
        let (id, end) = self.clock.open_sleep(deadline);
        MockSleep { clock: self.clock.clone(), end, id }
    }
}

/// A wait for one moment of a [`Clock`], from [`MockTimer::sleep_until`](Timer::sleep_until).
///
/// Wakes the last waker that it was polled with, once. Dropping it takes that waker off the clock.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct MockSleep {
    clock: Clock,
    end: Option<Timestamp>,
    id: u64,
}

impl Future for MockSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.clock.poll_sleep(self.end, self.id, cx.waker()) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

impl Drop for MockSleep {
    fn drop(&mut self) {
        self.clock.close_sleep(self.end, self.id);
    }
}
