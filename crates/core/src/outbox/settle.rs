//! The one place that calls those who wait: [`Outbox::settle`].

use super::{Gate, Outbox, waiters::Wants};
use crate::{config::WhenFull, event::DropReason, sync::Garbage};

impl Outbox {
    /// Comes after everything that was done with the outbox. Lets parked messages in, and calls
    /// everybody for whom that became possible what it waits for; whether a message was let in,
    /// which the driver must know of.
    ///
    /// Those who wait may be sure of this: who was not called since it last looked must still wait.
    /// So nothing else has to remember whom to call, whatever it changes.
    #[inline]
    pub(crate) fn settle(&mut self, garbage: &mut Garbage<'_>) -> bool {
        let Some(extra) = &self.extra else { return false };
        let nobody =
            extra.line.is_empty() && extra.flushers.is_empty() && !extra.sinks.has_parked();
        !nobody && self.settle_waiting(garbage)
    }

    fn settle_waiting(&mut self, garbage: &mut Garbage<'_>) -> bool {
        if self.gate != Gate::Open {
            // All are refused.
            self.extra().line.call_all(garbage);
        }
        if self.refuses_offline() {
            self.drop_parked(DropReason::Offline, garbage);
        }
        let before = self.accepted();
        if self.policy.when_full == WhenFull::DropOldest || self.refuses_offline() {
            self.serve_all(garbage);
        } else {
            self.serve_in_turn(garbage);
        }
        self.call_flushers(garbage);
        self.accepted() != before
    }

    /// Serves from the front of the line, until somebody must wait or has been called and keeps its
    /// turn.
    fn serve_in_turn(&mut self, garbage: &mut Garbage<'_>) {
        while let Some(extra) = &mut self.extra {
            let parked = extra.sinks.first_parked();
            let waiting = extra.line.first();
            match (parked, waiting) {
                (None, None) => return,
                (Some(parked), waiting) if waiting.is_none_or(|(place, _)| parked < place) => {
                    if !self.serve_parked(0, garbage) {
                        return;
                    }
                }
                (_, Some((place, wants))) => {
                    if !self.can_have(place, wants) {
                        return;
                    }
                    if let Wants::Room { .. } = wants {
                        // It calls the next by leaving.
                        return self.extra().line.call(0, garbage);
                    }
                    self.extra().line.call_out(0, garbage);
                }
                (Some(_), None) => {
                    unreachable!("a parked message without another in line is first")
                }
            }
        }
    }

    /// Serves everybody who need not wait, where nobody waits for the turn of another.
    fn serve_all(&mut self, garbage: &mut Garbage<'_>) {
        let mut index = 0;
        while let Some(extra) = &self.extra
            && index < extra.sinks.parked()
        {
            index += usize::from(!self.serve_parked(index, garbage));
        }
        let mut index = 0;
        while let Some(extra) = &self.extra
            && let Some((place, wants)) = extra.line.at(index)
        {
            match wants {
                _ if !self.can_have(place, wants) => index += 1,
                Wants::Promise { .. } => self.extra().line.call_out(index, garbage),
                Wants::Room { .. } => {
                    self.extra().line.call(index, garbage);
                    index += 1;
                }
            }
        }
    }

    /// Whether one who stands in line at this place would not have to wait if it looked now.
    fn can_have(&self, place: u64, wants: Wants) -> bool {
        match wants {
            Wants::Promise { owner } => self.may_promise(owner, Some(place)),
            Wants::Room { bytes } => {
                self.refusal(bytes).is_some()
                    || self.has_room(bytes, Some(place))
                    || self.droppable_for(bytes, self.reserved()).is_some()
            }
        }
    }

    fn call_flushers(&mut self, garbage: &mut Garbage<'_>) {
        if self.extra.as_ref().is_none_or(|extra| extra.flushers.is_empty()) {
            return;
        }
        let settled = self.settled_through();
        let flushers = &mut self.extra().flushers;
        for done in flushers.extract_if(.., |flusher| flusher.number <= settled) {
            garbage.wake(done.waker);
        }
    }
}
