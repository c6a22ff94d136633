//! Parking: the one sleep, and the end.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use super::{Engine, Step};
use crate::{Timer, Timestamp, Transport};

/// The one sleep.
pub(super) struct Alarm<K: Timer> {
    pub(super) sleep: Option<Pin<Box<K::Sleep>>>,
    /// What it is set to; `None` while nothing is awaited of it.
    pub(super) at: Option<Timestamp>,
    /// It is set for a deadline that has gone.
    pub(super) stale: bool,
}

impl<T: Transport, K: Timer> Engine<T, K> {
    /// Sets the one sleep; still if there is nothing to do until something wakes the task.
    pub(super) fn park(&mut self, cx: &mut Context<'_>) -> Step {
        let deadline = match (self.machine.poll_deadline(), self.desk.queue_expiry) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        if self.alarm.set(deadline, &self.timer, cx) == Step::Moved {
            return Step::Moved;
        }
        // What a handle put down since the last look has woken nobody: the task was awake.
        if self.shared.has_work() {
            return Step::Moved;
        }
        if self.desk.is_stale(&self.machine) {
            self.publish();
        }
        Step::Still
    }

    /// Everything ends, because its owner was dropped.
    pub(in crate::supervisor) fn end_by_drop(&mut self) {
        if self.machine.is_closed() {
            return;
        }
        self.tell_time();
        self.leaving = None;
        self.drop_line(None);
        self.machine.handle_abort(self.now);
        self.shared.with(|state, news| state.queue.close(news));
        self.desk.dropped();
        self.publish();
    }
}

impl<K: Timer> Alarm<K> {
    /// Sees to it that the task is woken at `deadline`; moved if that moment has come.
    pub(super) fn set(
        &mut self,
        deadline: Option<Timestamp>,
        timer: &K,
        cx: &mut Context<'_>,
    ) -> Step {
        let Some(deadline) = deadline else {
            if self.stale {
                self.at = None;
                self.stale = false;
                self.sleep = None;
            }
            return Step::Still;
        };
        let replace = self.stale || self.at.is_none_or(|at| deadline < at);
        self.stale = false;
        if replace {
            let sleep = timer.sleep_until(deadline);
            match &mut self.sleep {
                Some(place) => place.as_mut().set(sleep),
                None => self.sleep = Some(Box::pin(sleep)),
            }
            self.at = Some(deadline);
        }
        let Some(sleep) = &mut self.sleep else { return Step::Still };
        match sleep.as_mut().poll(cx) {
            Poll::Pending => Step::Still,
            Poll::Ready(()) => {
                // The clock decides: an early sleep is set again, a due deadline is met.
                self.at = None;
                Step::Moved
            }
        }
    }
}
