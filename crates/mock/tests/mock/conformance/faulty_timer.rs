//! [`FaultyTimer`]: a timer with one fault.

use std::{
    cell::Cell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use websocket_heartbeat::{Timer, Timestamp};
use websocket_heartbeat_mock::{MockSleep, MockTimer};

use super::fault::Fault;

/// The clock of a faulty timer is ahead of that of the mock by this time.
pub(super) type Ahead = Rc<Cell<Duration>>;

pub(super) struct FaultyTimer {
    pub(super) timer: MockTimer,
    pub(super) fault: Fault,
    pub(super) ahead: Ahead,
}

impl Timer for FaultyTimer {
    type Sleep = FaultySleep;

    fn now(&self) -> Timestamp {
        let now = self.timer.now().checked_add(self.ahead.get()).expect("in range");
        if self.fault == Fault::GoesBackward {
            // Ahead by less each time.
            let less = self.ahead.get().checked_sub(Duration::from_millis(1));
            self.ahead.set(less.unwrap_or(Duration::from_secs(1)));
        }
        now
    }

    fn sleep_until(&self, deadline: Timestamp) -> FaultySleep {
        let soon = self.timer.now();
        let deadline = match self.fault {
            Fault::SleepsLong => {
                deadline.max(soon.checked_add(Duration::from_secs(6)).expect("in range"))
            }
            Fault::EndsSleepsAtOnce => soon,
            Fault::EndsTheLastSleep if deadline == Timestamp::from_epoch(Duration::MAX) => soon,
            _ => deadline,
        };
        let keeps = self.fault == Fault::KeepsTheFirstSleeper;
        FaultySleep { sleep: Box::pin(self.timer.sleep_until(deadline)), keeps, first: None }
    }

    fn entropy(&self) -> u64 {
        if self.fault == Fault::IsNotRandom { 4 } else { self.timer.entropy() }
    }
}

pub(super) struct FaultySleep {
    sleep: Pin<Box<MockSleep>>,
    keeps: bool,
    first: Option<Waker>,
}

impl Future for FaultySleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let waker = match self.keeps {
            true => self.first.get_or_insert_with(|| cx.waker().clone()).clone(),
            false => cx.waker().clone(),
        };
        self.sleep.as_mut().poll(&mut Context::from_waker(&waker))
    }
}
