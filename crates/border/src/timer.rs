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

/// A time in milliseconds as a duration of at least zero and at most 136 years.
///
/// It converts to numbers of 32 bits, since those of 64 are slow and large as JavaScript.
#[inline(never)]
pub(crate) fn duration(millis: f64) -> Duration {
    // Conversions saturate.
    let seconds = (millis / 1_000.0) as u32;
    let rest = (millis - f64::from(seconds) * 1_000.0) * 1_000_000.0;
    Duration::new(seconds.into(), rest as u32)
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
        Timestamp::from_epoch(duration(imports::now() - self.epoch))
    }

    fn entropy(&self) -> u64 {
        // A double has 53 random bits at most.
        let number = imports::random() * f64::from(1 << 21);
        let high = number as u32;
        let low = (number - f64::from(high)) * (u64::pow(2, 32) as f64);
        u64::from(high) << 32 | u64::from(low as u32)
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
