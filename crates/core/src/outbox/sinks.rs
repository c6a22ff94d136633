//! Sinks over the outbox: their reservations, their messages that have no room yet, and their
//! flushes.
//!
//! A `Sink` has two steps. In the first one, `poll_ready`, it reserves a slot, that is, room for
//! one message in count. The size of the message is not known then. In the second one,
//! `start_send`, a message for which there are not enough bytes is *parked*: it waits in the queue
//! with its bytes, and its sink gets no other reservation before. So the bound in bytes holds for
//! any number of ready sinks, and a sink that is ready and idle blocks no bytes.
//!
//! A sink has an id, which is drawn when it is first used.

use std::{collections::VecDeque, mem};

use super::{
    Outbox, OutboxState, SinkSide, Wants, admission::Admission, error::SessionClosed,
    waits::Waiting,
};
use crate::{
    config::WhenFull,
    event::{DropReason, Fate},
    message::Message,
    sync::{Caller, Deferred, Polled, WaitQueue},
};

#[derive(Default)]
pub(super) struct Sinks {
    /// The ids of sinks with a reserved slot.
    pub(super) reservations: Vec<u64>,
    /// Parked messages, ordered by their places.
    pub(super) parked: VecDeque<Parked>,
    /// The tasks that wait for a flush, by the ids of their sinks, each with the number after that
    /// of the last message of the sink: larger than all numbers while that message is parked. A sink
    /// whose message is or was parked is in it also without a task.
    pub(super) flushes: WaitQueue<u64>,
}

/// A message that `start_send` took and for which the outbox has no room.
pub(super) struct Parked {
    sink_id: u64,
    /// The place in the queue, in which tasks wait, too. [`RESERVED`], before all others, if the
    /// message has a slot already.
    place: u64,
    message: Message,
}

/// The place of messages whose sink had a reservation. All other places are larger.
const RESERVED: u64 = 0;

impl Sinks {
    pub(super) fn is_empty(&self) -> bool {
        self.reservations.is_empty() && self.parked.is_empty() && self.flushes.is_empty()
    }

    /// Returns how many slots are reserved: by sinks that are ready, and by parked messages.
    pub(super) fn reserved(&self) -> usize {
        self.reservations.len() + self.parked.partition_point(|parked| parked.place == RESERVED)
    }

    /// Returns the place of the first parked message.
    pub(super) fn first_parked(&self) -> Option<u64> {
        self.parked.front().map(|parked| parked.place)
    }
}

/// Reservations.
impl Outbox {
    /// Reserves a slot for a sink, or waits for one.
    pub(crate) fn poll_ready(
        &mut self,
        sink: &mut SinkSide,
        caller: &mut Caller<'_>,
        deferred: &mut Deferred<'_>,
    ) -> Polled<Result<(), SessionClosed>> {
        let sink_id = self.id_of(sink);
        let open = self.state == OutboxState::Open && !sink.closed;
        if open && !self.reservations().contains(&sink_id) {
            if !self.can_reserve(sink_id, sink.place) {
                let wants = Wants::Reservation { sink_id };
                return self.wait(&mut sink.place, wants, caller, deferred);
            }
            self.rare_mut().sinks.reservations.push(sink_id);
        }
        self.leave(&mut sink.place, deferred);
        Polled::Ready(if open { Ok(()) } else { Err(SessionClosed) })
    }

    /// Returns the ids of sinks with a reserved slot.
    pub(super) fn reservations(&self) -> &[u64] {
        self.rare.as_ref().map_or(&[], |rare| &rare.sinks.reservations)
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
        let Some(rare) = &mut self.rare else { return false };
        let reservations = &mut rare.sinks.reservations;
        let at = reservations.iter().position(|known| *known == sink_id);
        at.map(|at| reservations.swap_remove(at)).is_some()
    }

    /// Gives a sink the reservation back that was [released](Self::release_reservation). If there is
    /// no room any more, its message will be parked.
    pub(crate) fn restore_reservation(&mut self, sink_id: u64) {
        if self.state == OutboxState::Open {
            self.rare_mut().sinks.reservations.push(sink_id);
        }
    }
}

/// Messages of sinks.
impl Outbox {
    /// Takes a message from a sink. A message that is refused gets its fate at once, since a sink
    /// cannot give it back.
    pub(crate) fn send(
        &mut self,
        sink: &mut SinkSide,
        message: Message,
        deferred: &mut Deferred<'_>,
    ) -> Result<(), SessionClosed> {
        let sink_id = self.id_of(sink);
        let reserved = self.release_reservation(sink_id);
        let (reason, result) = match self.refusal(message.len()) {
            None if self.is_parked(sink_id) => {
                // Sent without `poll_ready`, while the message before it is parked.
                (DropReason::Overflow, Ok(()))
            }
            None => {
                self.accept_or_park(sink, reserved, message, deferred);
                return Ok(());
            }
            Some(Admission::TooLarge) => (DropReason::TooLarge, Ok(())),
            Some(Admission::Offline) => (DropReason::Offline, Ok(())),
            Some(_) => (DropReason::SessionEnded, Err(SessionClosed)),
        };
        if self.state == OutboxState::Closed {
            // The last event was taken, so no event could report its fate.
            deferred.drop_later(message);
        } else {
            self.drop_unaccepted(message, reason, deferred);
        }
        result
    }

    fn accept_or_park(
        &mut self,
        sink: &mut SinkSide,
        reserved: bool,
        message: Message,
        deferred: &mut Deferred<'_>,
    ) {
        let place = if reserved { Some(RESERVED) } else { sink.place };
        if self.takes(message.len(), place, deferred) {
            self.accept(message, None, deferred);
            sink.last = self.next_number;
        } else {
            let place = place.unwrap_or_else(|| self.draw_number());
            let sink_id = sink.id;
            let Sinks { parked, flushes, .. } = &mut self.rare_mut().sinks;
            flushes.set(sink_id, u64::MAX);
            let at = parked.partition_point(|known| known.place <= place);
            parked.insert(at, Parked { sink_id, place, message });
        }
        self.leave(&mut sink.place, deferred);
    }

    /// Returns whether there is room for a message at this place; `None` is a message that is not in
    /// the queue. Makes room if that is the policy.
    fn takes(&mut self, bytes: usize, place: Option<u64>, deferred: &mut Deferred<'_>) -> bool {
        let (is_turn, others) = if place == Some(RESERVED) {
            // It has a slot, so it waits for bytes only, and not for its turn.
            (true, self.reservations().len())
        } else {
            (self.is_turn(place), self.reserved())
        };
        (is_turn && self.fits(bytes, others)) || self.makes_room(bytes, others, deferred)
    }

    /// Accepts the parked message with this index, if there is room. Returns whether there was.
    pub(super) fn serve_parked(&mut self, index: usize, deferred: &mut Deferred<'_>) -> bool {
        let Parked { place, message, .. } = &self.rare_mut().sinks.parked[index];
        let (place, bytes) = (*place, message.len());
        if !self.takes(bytes, Some(place), deferred) {
            return false;
        }
        let parked = self.rare_mut().sinks.parked.remove(index);
        let Parked { sink_id, message, .. } = parked.expect("the index was used just now");
        self.accept(message, None, deferred);
        self.flush_accepted(sink_id);
        true
    }

    /// Drops all parked messages.
    pub(super) fn drop_parked(&mut self, reason: DropReason, deferred: &mut Deferred<'_>) {
        let Some(rare) = &mut self.rare else { return };
        for parked in mem::take(&mut rare.sinks.parked) {
            self.drop_unaccepted(parked.message, reason, deferred);
            self.flush_accepted(parked.sink_id);
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

    /// Returns whether a message of this sink is parked.
    pub(super) fn is_parked(&self, sink_id: u64) -> bool {
        let mut parked = self.rare.iter().flat_map(|rare| &rare.sinks.parked);
        parked.any(|parked| parked.sink_id == sink_id)
    }
}

/// Flushes.
impl Outbox {
    /// Waits until every message of this sink has its fate.
    pub(crate) fn poll_flush(
        &mut self,
        sink: &mut SinkSide,
        caller: &mut Caller<'_>,
        deferred: &mut Deferred<'_>,
    ) -> Polled<()> {
        let known = self.rare.as_ref().and_then(|rare| rare.sinks.flushes.get(sink.id));
        let number = known.unwrap_or(0).max(sink.last);
        if number <= self.settled_through() {
            return Polled::Ready(());
        }
        let sink_id = self.id_of(sink);
        self.rare_mut().sinks.flushes.wait(sink_id, number, caller, deferred)
    }

    /// The parked message of this sink was accepted or dropped: its flush waits for all messages that
    /// are accepted by now.
    fn flush_accepted(&mut self, sink_id: u64) {
        let number = self.next_number;
        self.rare_mut().sinks.flushes.set(sink_id, number);
    }
}

/// The life of a sink.
impl Outbox {
    /// Forgets the tasks of a sink. It keeps its place in the queue.
    pub(crate) fn forget_tasks(&mut self, sink: &SinkSide, deferred: &mut Deferred<'_>) {
        let mut place = sink.place;
        self.leave(&mut place, deferred);
        let Some(rare) = &mut self.rare else { return };
        if let Some(number) = rare.sinks.flushes.get(sink.id) {
            deferred.drop_waker(rare.sinks.flushes.set(sink.id, number).take());
        }
    }

    /// Forgets a sink that was dropped, with its reservation. Drops its parked message.
    pub(crate) fn forget_sink(&mut self, sink: &SinkSide, deferred: &mut Deferred<'_>) {
        if let Some(waits) = self.waits {
            waits.forget_sink(self, sink, deferred);
        }
    }

    /// See [`forget_sink`](Self::forget_sink).
    pub(super) fn forget_waiting_sink(&mut self, sink: &SinkSide, deferred: &mut Deferred<'_>) {
        self.forget_tasks(sink, deferred);
        self.release_reservation(sink.id);
        let Some(rare) = &mut self.rare else { return };
        let Sinks { parked, flushes, .. } = &mut rare.sinks;
        flushes.remove(sink.id, deferred);
        let at = parked.iter().position(|parked| parked.sink_id == sink.id);
        if let Some(parked) = at.and_then(|at| parked.remove(at)) {
            self.drop_unaccepted(parked.message, DropReason::Overflow, deferred);
        }
    }

    /// Returns the id of a sink, and draws it at the first use.
    fn id_of(&mut self, sink: &mut SinkSide) -> u64 {
        if sink.id == 0 {
            self.waits = Some(&Waiting);
            sink.id = self.draw_number();
        }
        sink.id
    }
}
