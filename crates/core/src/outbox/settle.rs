//! The only place that wakes tasks that wait for the outbox: [`Outbox::settle`].

use super::{Outbox, OutboxState, wants::Wants};
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
        let nobody =
            rare.waiters.is_empty() && rare.flushers.is_empty() && !rare.sinks.has_parked();
        !nobody && self.settle_waiting(deferred)
    }

    fn settle_waiting(&mut self, deferred: &mut Deferred<'_>) -> bool {
        if self.state != OutboxState::Open {
            // All of them are refused.
            self.rare_mut().waiters.wake_all(deferred);
        }
        if self.refuses_offline() {
            self.drop_parked(DropReason::Offline, deferred);
        }
        let before = self.accepted();
        if self.policy.when_full == WhenFull::DropOldest || self.refuses_offline() {
            self.serve_all(deferred);
        } else {
            self.serve_in_turn(deferred);
        }
        self.wake_flushers(deferred);
        self.accepted() != before
    }

    /// Serves the queue from the front, until a task must wait, or was woken and keeps its turn.
    fn serve_in_turn(&mut self, deferred: &mut Deferred<'_>) {
        while let Some(rare) = &mut self.rare {
            let parked = rare.sinks.first_parked();
            let waiting = rare.waiters.first();
            match (parked, waiting) {
                (None, None) => return,
                (Some(parked), waiting) if waiting.is_none_or(|(place, _)| parked < place) => {
                    if !self.serve_parked(0, deferred) {
                        return;
                    }
                }
                (_, Some((place, wants))) => {
                    if !self.can_proceed(place, wants) {
                        return;
                    }
                    if let Wants::Room { .. } = wants {
                        // When it leaves the queue, the next one is served.
                        return self.rare_mut().waiters.wake(0, deferred);
                    }
                    self.rare_mut().waiters.wake_and_remove(0, deferred);
                }
                (Some(_), None) => {
                    unreachable!("a parked message is first if no task waits")
                }
            }
        }
    }

    /// Serves every task that need not wait, for policies without turns.
    fn serve_all(&mut self, deferred: &mut Deferred<'_>) {
        let mut index = 0;
        while let Some(rare) = &self.rare
            && index < rare.sinks.parked()
        {
            index += usize::from(!self.serve_parked(index, deferred));
        }
        let mut index = 0;
        while let Some(rare) = &self.rare
            && let Some((place, wants)) = rare.waiters.at(index)
        {
            match wants {
                _ if !self.can_proceed(place, wants) => index += 1,
                Wants::Reservation { .. } => {
                    self.rare_mut().waiters.wake_and_remove(index, deferred)
                }
                Wants::Room { .. } => {
                    self.rare_mut().waiters.wake(index, deferred);
                    index += 1;
                }
            }
        }
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
    fn wake_flushers(&mut self, deferred: &mut Deferred<'_>) {
        if self.rare.as_ref().is_none_or(|rare| rare.flushers.is_empty()) {
            return;
        }
        let settled = self.settled_through();
        let flushers = &mut self.rare_mut().flushers;
        for done in flushers.extract_if(.., |flusher| flusher.number <= settled) {
            deferred.wake(done.waker);
        }
    }
}
