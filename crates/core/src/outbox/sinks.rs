//! Sinks over the outbox: their reservations, and their messages that have no room yet.
//!
//! A `Sink` has two steps. In the first one, `poll_ready`, it reserves a slot, that is, room for
//! one message in count. The size of the message is not known then. In the second one,
//! `start_send`, a message for which there are not enough bytes is *parked*: it waits in the queue
//! with its bytes, and its sink gets no other reservation before. So the bound in bytes holds for
//! any number of ready sinks, and a sink that is ready and idle blocks no bytes.
//!
//! A sink has an id, which is drawn when it is first used.

use std::{collections::VecDeque, mem, task::Waker};

use super::{Outbox, OutboxState, admission::Admission, error::SessionClosed, wants::Wants};
use crate::{
    config::WhenFull,
    event::{DropReason, Fate},
    message::Message,
    sync::Deferred,
};

#[derive(Default)]
pub(super) struct Sinks {
    /// The ids of sinks with a reserved slot.
    reservations: Vec<u64>,
    /// Parked messages, ordered by their places.
    parked: VecDeque<Parked>,
    /// The ids of sinks whose parked message was accepted or dropped since their last flush, each
    /// with the number that the flush waits for.
    unparked: Vec<(u64, u64)>,
}

/// A message that `start_send` took and for which the outbox has no room.
pub(super) struct Parked {
    sink_id: u64,
    /// The place in the queue, in which tasks wait, too. [`RESERVED`], before all others, if the
    /// message has a slot already.
    place: u64,
    message: Message,
    /// The number after that of the previous message of this sink.
    last: u64,
}

/// The place of messages whose sink had a reservation. All other places are larger.
const RESERVED: u64 = 0;

/// The state that a sink keeps between its calls.
#[derive(Debug, Default)]
pub(crate) struct SinkState {
    /// 0 before it was used.
    pub(crate) id: u64,
    /// The place in the queue of waiting tasks.
    pub(crate) place: Option<u64>,
    /// The number after that of the last message accepted from this sink.
    pub(crate) last: u64,
}

impl Sinks {
    pub(super) fn is_empty(&self) -> bool {
        self.reservations.is_empty() && self.parked.is_empty() && self.unparked.is_empty()
    }

    /// Returns how many sinks have a reservation.
    pub(super) fn reservations(&self) -> usize {
        self.reservations.len()
    }

    /// Returns how many slots are reserved: by sinks that are ready, and by parked messages.
    pub(super) fn reserved(&self) -> usize {
        self.reservations.len() + self.parked.partition_point(|parked| parked.place == RESERVED)
    }

    pub(super) fn has_parked(&self) -> bool {
        !self.parked.is_empty()
    }

    /// Returns the place of the first parked message.
    pub(super) fn first_parked(&self) -> Option<u64> {
        self.parked.front().map(|parked| parked.place)
    }

    pub(super) fn parked(&self) -> usize {
        self.parked.len()
    }

    pub(super) fn has_reservation(&self, sink_id: u64) -> bool {
        self.reservations.contains(&sink_id)
    }

    /// Removes a reservation. Returns whether there was one.
    pub(super) fn remove_reservation(&mut self, sink_id: u64) -> bool {
        let at = self.reservations.iter().position(|known| *known == sink_id);
        at.map(|at| self.reservations.swap_remove(at)).is_some()
    }

    pub(super) fn is_parked(&self, sink_id: u64) -> bool {
        self.parked.iter().any(|parked| parked.sink_id == sink_id)
    }

    /// Records the number that a flush of this sink waits for.
    pub(super) fn put_unparked(&mut self, sink_id: u64, number: u64) {
        match self.unparked.iter_mut().find(|(known, _)| *known == sink_id) {
            Some((_, known)) => *known = number.max(*known),
            None => self.unparked.push((sink_id, number)),
        }
    }

    /// Takes the recorded number of this sink.
    pub(super) fn take_unparked(&mut self, sink_id: u64) -> Option<u64> {
        let at = self.unparked.iter().position(|(known, _)| *known == sink_id)?;
        Some(self.unparked.swap_remove(at).1)
    }
}

/// Reservations.
impl Outbox {
    /// Reserves a slot for a sink, if that is possible. Returns whether it has one.
    pub(crate) fn reserve(&mut self, sink: &mut SinkState) -> Result<bool, SessionClosed> {
        if self.state != OutboxState::Open {
            return Err(SessionClosed);
        }
        let sink_id = self.id_of(sink);
        if self.rare.as_ref().is_some_and(|rare| rare.sinks.has_reservation(sink_id)) {
            return Ok(true);
        }
        let possible = self.can_reserve(sink_id, sink.place);
        if possible {
            self.sinks().reservations.push(sink_id);
        }
        Ok(possible)
    }

    /// Returns whether this sink, which waits at this place, can have a reservation.
    pub(super) fn can_reserve(&self, sink_id: u64, place: Option<u64>) -> bool {
        if self.refuses_offline() || self.is_parked(sink_id) {
            return false;
        }
        let held = self.held();
        let room =
            held.count + self.reserved() < self.policy.count && held.bytes < self.policy.bytes;
        match self.policy.when_full {
            WhenFull::Wait | WhenFull::Refuse => room && self.is_turn(place),
            // The newest message comes first, and each reservation has a message that it may drop.
            WhenFull::DropOldest => room || self.list.droppable().nth(self.reserved()).is_some(),
        }
    }

    /// Releases the reservation of a sink. Returns whether it had one.
    pub(crate) fn release_reservation(&mut self, sink_id: u64) -> bool {
        self.rare.as_mut().is_some_and(|rare| rare.sinks.remove_reservation(sink_id))
    }

    /// Gives a sink the reservation back that was [released](Self::release_reservation). If there is
    /// no room any more, its message will be parked.
    pub(crate) fn restore_reservation(&mut self, sink: &SinkState) {
        if self.state == OutboxState::Open {
            self.sinks().reservations.push(sink.id);
        }
    }

    /// Removes all reservations: nothing new is accepted.
    pub(super) fn cancel_reservations(&mut self) {
        if let Some(rare) = &mut self.rare {
            rare.sinks.reservations.clear();
        }
    }

    /// Returns whether this sink waits for a reservation already, and is woken by this waker.
    pub(crate) fn is_reservation_registered(&self, sink: &SinkState, waker: &Waker) -> bool {
        let wants = Wants::Reservation { sink_id: sink.id };
        sink.place.is_some_and(|place| self.is_registered(place, wants, waker))
    }

    /// Registers a sink that waits for a reservation.
    pub(crate) fn await_reservation(
        &mut self,
        sink: &mut SinkState,
        waker: Waker,
        deferred: &mut Deferred<'_>,
    ) {
        let sink_id = self.id_of(sink);
        let place = *sink.place.get_or_insert_with(|| self.draw_number());
        self.register(place, Wants::Reservation { sink_id }, waker, deferred);
    }
}

/// Messages of sinks.
impl Outbox {
    /// Takes a message from a sink. A message that is refused gets its fate at once, since a sink
    /// cannot give it back.
    pub(crate) fn send(
        &mut self,
        sink: &mut SinkState,
        message: Message,
        deferred: &mut Deferred<'_>,
    ) -> Result<(), SessionClosed> {
        let sink_id = self.id_of(sink);
        let reserved = self.release_reservation(sink_id);
        let bytes = message.len();
        let reason = match self.refusal(bytes) {
            Some(Admission::TooLarge) => DropReason::TooLarge,
            Some(Admission::Offline) => DropReason::Offline,
            Some(_) if self.state == OutboxState::Closed => {
                // The last event was taken, so no event could report its fate.
                deferred.drop_later(message);
                return Err(SessionClosed);
            }
            Some(_) => {
                self.drop_unaccepted(message, DropReason::SessionEnded, deferred);
                return Err(SessionClosed);
            }
            // Sent without `poll_ready`, while the message before it is parked.
            None if self.is_parked(sink_id) => DropReason::Overflow,
            None => {
                self.accept_or_park(sink, reserved, message, deferred);
                return Ok(());
            }
        };
        self.drop_unaccepted(message, reason, deferred);
        Ok(())
    }

    fn accept_or_park(
        &mut self,
        sink: &mut SinkState,
        reserved: bool,
        message: Message,
        deferred: &mut Deferred<'_>,
    ) {
        let bytes = message.len();
        let place = if reserved { Some(RESERVED) } else { sink.place };
        if self.takes(bytes, place, deferred) {
            self.accept(message, None, deferred);
            sink.last = self.accepted();
        } else {
            let place = place.unwrap_or_else(|| self.draw_number());
            let SinkState { id: sink_id, last, .. } = *sink;
            let parked = &mut self.sinks().parked;
            let at = parked.partition_point(|known| known.place <= place);
            parked.insert(at, Parked { sink_id, place, message, last });
        }
        self.stop_waiting(sink, deferred);
    }

    /// Returns whether there is room for a message at this place; `None` is a message that is not in
    /// the queue. Makes room if that is the policy.
    fn takes(&mut self, bytes: usize, place: Option<u64>, deferred: &mut Deferred<'_>) -> bool {
        if place != Some(RESERVED) {
            return self.has_room(bytes, place)
                || self.makes_room(bytes, self.reserved(), deferred);
        }
        // It has a slot, so it waits for bytes only, and not for its turn.
        let reservations = self.rare.as_ref().map_or(0, |rare| rare.sinks.reservations());
        self.fits(bytes, reservations) || self.makes_room(bytes, reservations, deferred)
    }

    /// Accepts the parked message with this index, if there is room. Returns whether there was.
    pub(super) fn serve_parked(&mut self, index: usize, deferred: &mut Deferred<'_>) -> bool {
        let Parked { place, message, .. } = &self.sinks().parked[index];
        let (place, bytes) = (*place, message.len());
        if !self.takes(bytes, Some(place), deferred) {
            return false;
        }
        let parked = self.sinks().parked.remove(index).expect("the index was used just now");
        self.accept(parked.message, None, deferred);
        self.note_unparked(parked.sink_id, self.accepted());
        true
    }

    /// Drops all parked messages.
    pub(super) fn drop_parked(&mut self, reason: DropReason, deferred: &mut Deferred<'_>) {
        let Some(rare) = &mut self.rare else { return };
        for parked in mem::take(&mut rare.sinks.parked) {
            self.drop_unaccepted(parked.message, reason, deferred);
            self.note_unparked(parked.sink_id, parked.last);
        }
    }

    /// Resolves a message that was not accepted and that a `Sink` cannot give back.
    fn drop_unaccepted(
        &mut self,
        message: Message,
        reason: DropReason,
        deferred: &mut Deferred<'_>,
    ) {
        self.counts.dropped += 1;
        self.push_unsent(Fate::Dropped { reason, message }, deferred);
    }

    fn is_parked(&self, sink_id: u64) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.sinks.is_parked(sink_id))
    }
}

/// The life of a sink.
impl Outbox {
    /// Forgets the wakers of a sink. It keeps its place in the queue.
    pub(crate) fn forget_wakers(&mut self, sink: &SinkState, deferred: &mut Deferred<'_>) {
        if let Some(place) = sink.place {
            self.forget_waiter(place, deferred);
        }
        self.forget_flusher(sink.id, deferred);
    }

    /// Removes a sink from the queue.
    pub(crate) fn stop_waiting(&mut self, sink: &mut SinkState, deferred: &mut Deferred<'_>) {
        if let Some(place) = sink.place.take() {
            self.forget_waiter(place, deferred);
        }
    }

    /// Forgets a sink that was dropped, with its reservation. Drops its parked message.
    pub(crate) fn forget_sink(&mut self, sink: &mut SinkState, deferred: &mut Deferred<'_>) {
        self.stop_waiting(sink, deferred);
        self.forget_flusher(sink.id, deferred);
        let Some(rare) = &mut self.rare else { return };
        let sink_id = sink.id;
        rare.sinks.remove_reservation(sink_id);
        rare.sinks.unparked.retain(|(known, _)| *known != sink_id);
        let at = rare.sinks.parked.iter().position(|parked| parked.sink_id == sink_id);
        if let Some(parked) = at.and_then(|at| rare.sinks.parked.remove(at)) {
            self.drop_unaccepted(parked.message, DropReason::Overflow, deferred);
        }
    }

    /// Returns the id of a sink, and draws it at the first use.
    pub(super) fn id_of(&mut self, sink: &mut SinkState) -> u64 {
        if sink.id == 0 {
            sink.id = self.draw_number();
        }
        sink.id
    }

    fn sinks(&mut self) -> &mut Sinks {
        &mut self.rare_mut().sinks
    }
}

#[cfg(test)]
impl Sinks {
    /// Returns how many numbers are recorded for flushes.
    pub(super) fn unparked(&self) -> usize {
        self.unparked.len()
    }
}
