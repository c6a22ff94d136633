//! The clock of a session: [`BorderTimer`].

use std::{
    cell::RefCell,
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use websocket_heartbeat::{Timer, Timestamp};

use crate::imports;

/// The one alarm of a session. The core waits for one deadline at a time.
#[derive(Default)]
pub(crate) struct Alarm {
    /// The deadline for which JavaScript has set its timer.
    set_for: Option<Timestamp>,
    waker: Option<Waker>,
}

impl Alarm {
    /// The timer of JavaScript has fired.
    pub(crate) fn fired(&mut self) {
        self.set_for = None;
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }
}

#[derive(Clone)]
pub(crate) struct BorderTimer {
    session: u32,
    epoch: f64,
    alarm: Rc<RefCell<Alarm>>,
}

impl BorderTimer {
    pub(crate) fn new(session: u32, alarm: Rc<RefCell<Alarm>>) -> Self {
        Self { session, epoch: imports::now(), alarm }
    }
}

impl Timer for BorderTimer {
    type Sleep = Sleep;

    fn now(&self) -> Timestamp {
        let micros = (imports::now() - self.epoch) * 1_000.0;
        Timestamp::from_epoch(Duration::from_micros(micros as u64))
    }

    fn entropy(&self) -> u64 {
        // A double has 53 random bits at most.
        (imports::random() * (1_u64 << 53) as f64) as u64
    }

    fn sleep_until(&self, deadline: Timestamp) -> Sleep {
        Sleep { timer: self.clone(), deadline }
    }
}

pub(crate) struct Sleep {
    timer: BorderTimer,
    deadline: Timestamp,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let left = self.deadline.saturating_since(self.timer.now());
        if left.is_zero() {
            return Poll::Ready(());
        }
        let mut alarm = self.timer.alarm.borrow_mut();
        if alarm.set_for != Some(self.deadline) {
            alarm.set_for = Some(self.deadline);
            // Rounded up, since an early alarm costs another one. A timer of JavaScript with a
            // longer delay would fire at once.
            let delay = (left.as_secs_f64() * 1_000.0).ceil().min(f64::from(i32::MAX));
            imports::set_alarm(self.timer.session, delay);
        }
        if !alarm.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            alarm.waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }
}
