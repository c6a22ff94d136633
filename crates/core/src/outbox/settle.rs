//! The only place that wakes tasks that wait for the outbox: [`Outbox::settle`].

use super::{Outbox, OutboxState, Wants};
use crate::{config::WhenFull, event::DropReason, sync::Deferred};

impl Outbox {
    /// Accepts parked messages, and wakes every task that need not wait any longer. Runs after every
    /// change of the outbox. Returns whether a message was accepted, so that the driver is woken.
    ///
    /// It guarantees that a task that was not woken since its last poll must still wait. So the
    /// methods that change the outbox need not know which tasks to wake.
    #[inline]
    pub(crate) fn settle(&mut self, deferred: &mut Deferred<'_>) -> bool {
        let Some(rare) = &self.rare else { return false };
        let sinks = &rare.sinks;
        let nobody = rare.waiters.is_empty() && sinks.flushes.is_empty() && sinks.parked.is_empty();
        !nobody && self.waits.is_some_and(|waits| waits.settle(self, deferred))
    }

    pub(super) fn settle_waiting(&mut self, deferred: &mut Deferred<'_>) -> bool {
        if self.state != OutboxState::Open {
            // All of them are refused.
            self.rare_mut().waiters.wake_all(deferred);
        }
        if self.refuses_offline() {
            self.drop_parked(DropReason::Offline, deferred);
        }
        self.wake_after_limit(deferred);
        let before = self.next_number;
        if self.policy.when_full == WhenFull::DropOldest || self.refuses_offline() {
            self.serve_all(deferred);
        } else {
            self.serve_in_turn(deferred);
        }
        self.wake_flushed(deferred);
        self.next_number != before
    }

    /// Wakes the tasks that have waited for as long as they may.
    fn wake_after_limit(&mut self, deferred: &mut Deferred<'_>) {
        let Some(rare) = &mut self.rare else { return };
        let Some(limits) = &rare.limits else { return };
        let mut place = 0;
        while let Some(passed) = limits.passed_after(place) {
            if let Ok(index) = rare.waiters.find(passed) {
                rare.waiters.wake(index, deferred);
            }
            place = passed;
        }
    }

    /// Serves the queue from the front, until a task must wait, or was woken and keeps its turn.
    fn serve_in_turn(&mut self, deferred: &mut Deferred<'_>) {
        while let Some(rare) = &self.rare {
            let has_parked = rare.sinks.first_parked().is_some();
            match rare.waiters.first() {
                Some((place, wants)) if self.is_turn(Some(place)) => {
                    // When a task with a place leaves the queue, the next one is served.
                    if !self.can_proceed(place, wants) || self.wake_waiter(0, wants, deferred) {
                        return;
                    }
                }
                _ if has_parked && self.serve_parked(0, deferred) => {}
                _ => return,
            }
        }
    }

    /// Serves every task that need not wait, for policies without turns.
    fn serve_all(&mut self, deferred: &mut Deferred<'_>) {
        let mut index = 0;
        while let Some(rare) = &self.rare
            && index < rare.sinks.parked.len()
        {
            index += usize::from(!self.serve_parked(index, deferred));
        }
        let mut index = 0;
        while let Some(rare) = &self.rare
            && let Some((place, wants)) = rare.waiters.at(index)
        {
            let stays = !self.can_proceed(place, wants) || self.wake_waiter(index, wants, deferred);
            index += usize::from(stays);
        }
    }

    /// Wakes the waiter with this index. Returns whether it stays in the queue.
    fn wake_waiter(&mut self, index: usize, wants: Wants, deferred: &mut Deferred<'_>) -> bool {
        let stays = matches!(wants, Wants::Room { .. });
        let waiters = &mut self.rare_mut().waiters;
        if stays {
            waiters.wake(index, deferred);
        } else {
            waiters.wake_and_remove(index, deferred);
        }
        stays
    }

    /// Returns whether the task at this place would be ready if it was polled now.
    fn can_proceed(&self, place: u64, wants: Wants) -> bool {
        match wants {
            Wants::Reservation { sink_id } => self.can_reserve(sink_id, Some(place)),
            Wants::Room { bytes } => {
                self.refusal(bytes).is_some()
                    || self.has_room(bytes, Some(place))
                    || self.droppable_for(bytes, self.reserved()).is_some()
            }
        }
    }

    /// Wakes the sinks whose messages all have their fate.
    fn wake_flushed(&mut self, deferred: &mut Deferred<'_>) {
        if self.rare.as_ref().is_none_or(|rare| rare.sinks.flushes.is_empty()) {
            return;
        }
        let settled = self.settled_through();
        let flushes = &mut self.rare_mut().sinks.flushes;
        let mut index = 0;
        while let Some((_, number)) = flushes.at(index) {
            if number <= settled {
                flushes.wake_and_remove(index, deferred);
            } else {
                index += 1;
            }
        }
    }
}
