//! [`MockTimer`]: a `Timer` on virtual time.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use websocket_heartbeat::{Timer, Timestamp};

use super::clock::Clock;

/// A [`Timer`] that reads a [`Clock`].
///
/// Its time is the clock's time, and its sleeps end exactly at their deadline, unless the clock was
/// set to make timers [late](Clock::set_timer_lateness),
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
    /// A timer that reads this clock.
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

    fn entropy(&self) -> u64 {
        self.clock.entropy()
    }
}

/// A sleep until one instant of a [`Clock`], from [`MockTimer::sleep_until`](Timer::sleep_until).
///
/// It wakes only the waker of the last poll, once. Dropping it removes that waker from the clock.
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
