//! The single sleep of a session.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Waker},
};

use super::{Engine, Step};
use crate::{
    panics::{UserFunction, UserPanic, contain_in, drop_contained},
    time::{Timer, Timestamp, earlier},
    transport::Transport,
};

/// The single sleep of a session, set to its next deadline.
pub(super) struct DeadlineSleep<K: Timer> {
    sleep: Option<Pin<Box<K::Sleep>>>,
    /// The deadline to which it is set. `None` if it has finished or the deadline is no longer
    /// valid.
    at: Option<Timestamp>,
    /// The sleep gets no other waker, so it is polled only when it is set and after it has called
    /// this waker.
    pub(super) waker: Waker,
}

impl<T: Transport, K: Timer> Engine<T, K> {
    /// Sets the sleep. Returns `Still` if there is nothing to do until something wakes the task.
    pub(super) fn park(&mut self) -> Step {
        let due = self.shared.tasks.take_timer_woken()
            || self.sleep.at.is_some_and(|at| at <= self.clock.now());
        let deadline = earlier(self.machine.poll_deadline(), self.queued.expiry);
        let deadline = earlier(deadline, self.redial.look());
        if due || !self.sleep.ends_by(deadline) {
            match self.sleep.renew(due, deadline, &self.clock.timer) {
                Ok(Step::Still) => {}
                Ok(Step::Moved) => return Step::Moved,
                Err(panic) => {
                    self.reporter.panicked(Box::new(panic));
                    self.machine.handle_panicked(self.clock.now());
                    return Step::Moved;
                }
            }
        }
        // A handle that has changed the state since the last look woke no task, since this one was
        // awake.
        if self.shared.has_work() {
            return Step::Moved;
        }
        self.publish();
        Step::Still
    }
}

impl<K: Timer> DeadlineSleep<K> {
    pub(super) fn new(waker: Waker) -> Self {
        Self { sleep: None, at: None, waker }
    }

    /// The deadline of the sleep may no longer be valid.
    pub(super) fn replace_at_next_park(&mut self) {
        self.at = None;
    }

    pub(super) fn clear(&mut self) {
        self.sleep = None;
        self.at = None;
    }

    /// Returns whether the sleep ends at `deadline` or earlier, or there is neither.
    fn ends_by(&self, deadline: Option<Timestamp>) -> bool {
        match deadline {
            Some(deadline) => self.at.is_some_and(|at| at <= deadline),
            None => self.sleep.is_none(),
        }
    }

    /// Polls the sleep if it is due, and sets it. A timer of a runtime panics outside of that
    /// runtime: then the sleep is dropped.
    fn renew(
        &mut self,
        due: bool,
        deadline: Option<Timestamp>,
        timer: &K,
    ) -> Result<Step, UserPanic> {
        let renewed = contain_in(UserFunction::Timer, || {
            if due {
                self.poll();
            }
            self.set(deadline, timer)
        });
        if renewed.is_err() {
            drop_contained(self.sleep.take());
            self.at = None;
        }
        renewed
    }

    /// Polls the sleep. Returns whether it has just finished. This does not mean that the deadline
    /// has passed: the clock decides.
    fn poll(&mut self) -> bool {
        let Some(sleep) = self.sleep.as_mut().filter(|_| self.at.is_some()) else { return false };
        let mut cx = Context::from_waker(&self.waker);
        let finished = sleep.as_mut().poll(&mut cx).is_ready();
        if finished {
            self.at = None;
        }
        finished
    }

    /// Sets the sleep to `deadline`, unless it ends earlier. Without a deadline there is no sleep.
    /// Returns `Moved` if the deadline has passed already.
    fn set(&mut self, deadline: Option<Timestamp>, timer: &K) -> Step {
        let Some(deadline) = deadline else {
            self.clear();
            return Step::Still;
        };
        if self.ends_by(Some(deadline)) {
            return Step::Still;
        }
        let sleep = timer.sleep_until(deadline);
        match &mut self.sleep {
            Some(place) => place.as_mut().set(sleep),
            None => self.sleep = Some(Box::pin(sleep)),
        }
        self.at = Some(deadline);
        if self.poll() { Step::Moved } else { Step::Still }
    }
}
