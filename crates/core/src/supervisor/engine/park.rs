//! Parking: the one sleep, and the end.

use std::{future::Future, pin::Pin, task::Context};

use super::{Engine, Step};
use crate::{
    event::CloseReason,
    panics::{contain, drop_contained},
    time::{Timer, Timestamp, earlier},
    transport::Transport,
};

/// The one sleep.
pub(super) struct Alarm<K: Timer> {
    sleep: Option<Pin<Box<K::Sleep>>>,
    /// What it is set to; `None` while nothing is awaited of it.
    at: Option<Timestamp>,
    /// It is set for a deadline that has gone.
    pub(super) stale: bool,
}

impl<K: Timer> Default for Alarm<K> {
    fn default() -> Self {
        Self { sleep: None, at: None, stale: false }
    }
}

impl<T: Transport, K: Timer> Engine<T, K> {
    /// Sets the one sleep; still if there is nothing to do until something wakes the task.
    pub(super) fn park(&mut self) -> Step {
        // Its waker never changes, so it is polled when it is set and once it has called.
        let mut cx = Context::from_waker(&self.bell);
        if self.shared.slots.take_rung() || self.alarm.is_due(self.now) {
            self.alarm.is_over(&mut cx);
        }
        let deadline = earlier(self.machine.poll_deadline(), self.desk.queue_expiry);
        let deadline = earlier(deadline, self.policies.redial.look());
        if self.alarm.set(deadline, &self.timer, &mut cx) == Step::Moved {
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
        // A timer that panics may be what dropped it; the end needs no exact moment.
        let _ = contain(|| self.tell_time());
        drop_contained(self.leaving.take());
        self.drop_line(None);
        self.machine.handle_abort(self.now);
        self.publish_with(|state, _, garbage| {
            state.outbox.close(garbage);
            let reason = &mut state.published.status.close_reason;
            garbage.drop_later(reason.replace(CloseReason::Dropped));
        });
    }
}

impl<K: Timer> Alarm<K> {
    /// Whether the moment that it is set to has come.
    fn is_due(&self, now: Timestamp) -> bool {
        self.at.is_some_and(|at| at <= now)
    }

    /// Whether the sleep has just finished, which says nothing about the deadline: the clock
    /// decides.
    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(sleep) = self.sleep.as_mut().filter(|_| self.at.is_some()) else { return false };
        let over = sleep.as_mut().poll(cx).is_ready();
        if over {
            self.at = None;
        }
        over
    }

    /// Sees to it that the task is woken at `deadline`; moved if that moment has come.
    fn set(&mut self, deadline: Option<Timestamp>, timer: &K, cx: &mut Context<'_>) -> Step {
        let stale = std::mem::take(&mut self.stale);
        let Some(deadline) = deadline else {
            if stale {
                *self = Self::default();
            }
            return Step::Still;
        };
        if !stale && self.at.is_some_and(|at| at <= deadline) {
            return Step::Still;
        }
        let sleep = timer.sleep_until(deadline);
        match &mut self.sleep {
            Some(place) => place.as_mut().set(sleep),
            None => self.sleep = Some(Box::pin(sleep)),
        }
        self.at = Some(deadline);
        if self.is_over(cx) { Step::Moved } else { Step::Still }
    }
}
