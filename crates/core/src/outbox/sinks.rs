//! What the outbox promised to sinks, and what they sent that has no room yet: [`Sinks`].
//!
//! A `Sink` has two steps. At the first, `poll_ready`, it is promised a place in count; how large
//! the message will be is not known then. At the second, `start_send`, a message that finds no room
//! in bytes is *parked*: it stands in line with its bytes, and its sink gets no other promise
//! before. So the bound in bytes holds however many sinks were ready at once, and one that is ready
//! and idle keeps nobody's bytes.
//!
//! A sink is known by a number, its owner's, which is drawn when it is first used.

use std::{collections::VecDeque, task::Waker};

use super::{
    Gate, Outbox,
    accept::Offered,
    error::SessionClosed,
    waiters::{Flusher, Wants},
};
use crate::{
    config::WhenFull,
    event::{DropReason, Fate},
    message::Message,
    sync::Garbage,
};

#[derive(Default)]
pub(super) struct Sinks {
    /// Owners of a promised place.
    ready: Vec<u64>,
    /// In the order of their places.
    parked: VecDeque<Parked>,
    /// Owners whose parked message has left its place since they looked, each with the number that
    /// a flush of it waits for.
    moved: Vec<(u64, u64)>,
}

/// A message that `start_send` took and the outbox has no room for.
pub(super) struct Parked {
    owner: u64,
    /// In line, among those who wait as well: [`PROMISED`], before them all, if it has a place in
    /// count already.
    place: u64,
    message: Message,
    /// The number after that of the message accepted from this sink before.
    last: u64,
}

/// The place in line of messages that came by a promise. All others are larger.
const PROMISED: u64 = 0;

/// What a sink keeps of itself between its calls.
#[derive(Debug, Default)]
pub(crate) struct SinkState {
    /// The number that it is known by, 0 before it was used.
    pub(crate) owner: u64,
    /// The place in line at the gate.
    pub(crate) place: Option<u64>,
    /// The number after that of the last message accepted here.
    pub(crate) last: u64,
}

impl Sinks {
    pub(super) fn is_empty(&self) -> bool {
        self.ready.is_empty() && self.parked.is_empty() && self.moved.is_empty()
    }

    pub(super) fn ready(&self) -> usize {
        self.ready.len()
    }

    /// How many places are promised, to sinks that are ready and to messages that are parked.
    pub(super) fn reserved(&self) -> usize {
        self.ready.len() + self.parked.partition_point(|parked| parked.place == PROMISED)
    }

    pub(super) fn has_parked(&self) -> bool {
        !self.parked.is_empty()
    }

    /// The first parked message's place.
    pub(super) fn first_parked(&self) -> Option<u64> {
        self.parked.front().map(|parked| parked.place)
    }

    pub(super) fn parked(&self) -> usize {
        self.parked.len()
    }

    pub(super) fn is_ready(&self, owner: u64) -> bool {
        self.ready.contains(&owner)
    }

    /// Takes a promise back; whether there was one.
    pub(super) fn take_ready(&mut self, owner: u64) -> bool {
        let at = self.ready.iter().position(|known| *known == owner);
        at.map(|at| self.ready.swap_remove(at)).is_some()
    }

    pub(super) fn is_parked(&self, owner: u64) -> bool {
        self.parked.iter().any(|parked| parked.owner == owner)
    }
}

impl Outbox {
    fn sinks(&mut self) -> &mut Sinks {
        &mut self.extra().sinks
    }

    fn is_parked(&self, owner: u64) -> bool {
        self.extra.as_ref().is_some_and(|extra| extra.sinks.is_parked(owner))
    }

    /// Promises a place to a sink, if that is possible; whether it has one.
    pub(crate) fn promise(&mut self, sink: &mut SinkState) -> Result<bool, SessionClosed> {
        if self.gate != Gate::Open {
            return Err(SessionClosed);
        }
        let owner = self.owner(sink);
        let extra = self.extra.as_ref();
        if extra.is_some_and(|extra| extra.sinks.is_ready(owner)) {
            return Ok(true);
        }
        let may = self.may_promise(owner, sink.place);
        if may {
            self.sinks().ready.push(owner);
        }
        Ok(may)
    }

    /// Whether a place can be promised to this sink, which stands in line at this place.
    pub(super) fn may_promise(&self, owner: u64, place: Option<u64>) -> bool {
        if self.refuses_offline() || self.is_parked(owner) {
            return false;
        }
        let held = self.held();
        let room =
            held.count + self.reserved() < self.policy.count && held.bytes < self.policy.bytes;
        match self.policy.when_full {
            WhenFull::Wait | WhenFull::Refuse => room && self.is_turn(place),
            // The newest goes before all others, and each promise has one that it may drop.
            WhenFull::DropOldest => room || self.list.droppable().nth(self.reserved()).is_some(),
        }
    }

    /// Takes a message from a sink. What is refused gets its fate at once, since a sink cannot give
    /// it back.
    pub(crate) fn send(
        &mut self,
        sink: &mut SinkState,
        message: Message,
        garbage: &mut Garbage<'_>,
    ) -> Result<(), SessionClosed> {
        let owner = self.owner(sink);
        let promised = self.extra.as_mut().is_some_and(|extra| extra.sinks.take_ready(owner));
        let bytes = message.len();
        let reason = match self.refusal(bytes) {
            Some(Offered::TooLarge) => DropReason::TooLarge,
            Some(Offered::Offline) => DropReason::Offline,
            Some(_) if self.gate == Gate::Ended => {
                // The last event is out: nobody would hear of it.
                garbage.drop_later(message);
                return Err(SessionClosed);
            }
            Some(_) => {
                self.drop_unaccepted(message, DropReason::SessionEnded, garbage);
                return Err(SessionClosed);
            }
            // Sent without asking first, behind another that waits.
            None if self.is_parked(owner) => DropReason::Overflow,
            None => {
                self.accept_or_park(sink, promised, message, garbage);
                return Ok(());
            }
        };
        self.drop_unaccepted(message, reason, garbage);
        Ok(())
    }

    fn accept_or_park(
        &mut self,
        sink: &mut SinkState,
        promised: bool,
        message: Message,
        garbage: &mut Garbage<'_>,
    ) {
        let bytes = message.len();
        let place = if promised { Some(PROMISED) } else { sink.place };
        if self.takes(bytes, place, garbage) {
            self.accept(message, None, garbage);
            sink.last = self.accepted();
        } else {
            let place = place.unwrap_or_else(|| self.draw_number());
            let SinkState { owner, last, .. } = *sink;
            let parked = &mut self.sinks().parked;
            let at = parked.partition_point(|known| known.place <= place);
            parked.insert(at, Parked { owner, place, message, last });
        }
        self.stop_waiting(sink, garbage);
    }

    /// Whether a message that stands in line at this place, or in none, finds room. Makes it if that
    /// is the policy.
    fn takes(&mut self, bytes: usize, place: Option<u64>, garbage: &mut Garbage<'_>) -> bool {
        if place != Some(PROMISED) {
            return self.has_room(bytes, place) || self.makes_room(bytes, self.reserved(), garbage);
        }
        // It has a place, so it waits for its bytes alone, and for nobody's turn.
        let ready = self.extra.as_ref().map_or(0, |extra| extra.sinks.ready());
        self.fits(bytes, ready) || self.makes_room(bytes, ready, garbage)
    }

    /// Lets the parked message with this index in, if there is room for it; whether there was.
    pub(super) fn serve_parked(&mut self, index: usize, garbage: &mut Garbage<'_>) -> bool {
        let Parked { place, message, .. } = &self.sinks().parked[index];
        let (place, bytes) = (*place, message.len());
        if !self.takes(bytes, Some(place), garbage) {
            return false;
        }
        let parked = self.sinks().parked.remove(index).expect("its bytes were just looked at");
        self.accept(parked.message, None, garbage);
        self.note_moved(parked.owner, self.accepted());
        true
    }

    /// Drops all parked messages.
    pub(super) fn drop_parked(&mut self, reason: DropReason, garbage: &mut Garbage<'_>) {
        let Some(extra) = &mut self.extra else { return };
        for parked in std::mem::take(&mut extra.sinks.parked) {
            self.drop_unaccepted(parked.message, reason, garbage);
            self.note_moved(parked.owner, parked.last);
        }
    }

    fn note_moved(&mut self, owner: u64, number: u64) {
        let extra = self.extra();
        let moved = &mut extra.sinks.moved;
        match moved.iter_mut().find(|(known, _)| *known == owner) {
            Some((_, known)) => *known = number.max(*known),
            None => moved.push((owner, number)),
        }
        let flushers = extra.flushers.iter_mut().filter(|flusher| flusher.owner == owner);
        flushers.for_each(|flusher| flusher.number = number);
    }

    /// No promise is kept any more: nothing new is accepted.
    pub(super) fn break_promises(&mut self) {
        if let Some(extra) = &mut self.extra {
            extra.sinks.ready.clear();
        }
    }

    /// Gives a message that a `Sink` cannot give back its fate at once.
    fn drop_unaccepted(&mut self, message: Message, reason: DropReason, garbage: &mut Garbage<'_>) {
        self.counts.dropped += 1;
        self.tell(Fate::Dropped { reason, message }, garbage);
    }

    /// The number of the message after those that a flush of this sink waits for: larger than any
    /// while one is parked.
    fn awaited(&mut self, sink: &mut SinkState) -> u64 {
        let Some(extra) = &mut self.extra else { return sink.last };
        let moved = &mut extra.sinks.moved;
        if let Some(at) = moved.iter().position(|(owner, _)| *owner == sink.owner) {
            sink.last = moved.swap_remove(at).1.max(sink.last);
        }
        if extra.sinks.is_parked(sink.owner) { u64::MAX } else { sink.last }
    }

    /// Whether every message of this sink has its fate.
    pub(crate) fn is_flushed(&mut self, sink: &mut SinkState, garbage: &mut Garbage<'_>) -> bool {
        let flushed = self.settled_through() >= self.awaited(sink);
        if flushed {
            self.forget_flusher(sink.owner, garbage);
        }
        flushed
    }

    /// Whether this sink waits for its flush already, and would be called by this waker.
    pub(crate) fn knows_flusher(&self, sink: &SinkState, waker: &Waker) -> bool {
        let mut flushers = self.extra.iter().flat_map(|extra| &extra.flushers);
        let known = flushers.find(|flusher| flusher.owner == sink.owner);
        known.is_some_and(|known| known.waker.will_wake(waker))
    }

    /// Notes whom to call when every message of this sink so far has its fate.
    pub(crate) fn await_flush(
        &mut self,
        sink: &mut SinkState,
        waker: Waker,
        garbage: &mut Garbage<'_>,
    ) {
        let owner = self.owner(sink);
        let number = self.awaited(sink);
        self.forget_flusher(owner, garbage);
        self.extra().flushers.push(Flusher { owner, number, waker });
    }

    fn forget_flusher(&mut self, owner: u64, garbage: &mut Garbage<'_>) {
        let Some(extra) = &mut self.extra else { return };
        for known in extra.flushers.extract_if(.., |known| known.owner == owner) {
            garbage.drop_later(known.waker);
        }
    }

    /// The sink waits no longer, neither in line nor for a flush. Its number in line still counts.
    pub(crate) fn forget_wakers(&mut self, sink: &SinkState, garbage: &mut Garbage<'_>) {
        if let Some(place) = sink.place {
            self.leave(place, garbage);
        }
        self.forget_flusher(sink.owner, garbage);
    }

    /// Takes the promise of a sink back; whether it had one.
    pub(crate) fn take_promise(&mut self, owner: u64) -> bool {
        self.extra.as_mut().is_some_and(|extra| extra.sinks.take_ready(owner))
    }

    /// Gives a promise back that was [taken](Self::take_promise). If its place is gone meanwhile,
    /// the message will be parked.
    pub(crate) fn give_promise(&mut self, sink: &SinkState) {
        if self.gate == Gate::Open {
            self.sinks().ready.push(sink.owner);
        }
    }

    /// The sink is gone, and with it what it was promised and what it had parked.
    pub(crate) fn forget_sink(&mut self, sink: &mut SinkState, garbage: &mut Garbage<'_>) {
        self.stop_waiting(sink, garbage);
        self.forget_flusher(sink.owner, garbage);
        let Some(extra) = &mut self.extra else { return };
        let owner = sink.owner;
        extra.sinks.take_ready(owner);
        extra.sinks.moved.retain(|(known, _)| *known != owner);
        let at = extra.sinks.parked.iter().position(|parked| parked.owner == owner);
        if let Some(parked) = at.and_then(|at| extra.sinks.parked.remove(at)) {
            self.drop_unaccepted(parked.message, DropReason::Overflow, garbage);
        }
    }

    /// The sink leaves the line.
    pub(crate) fn stop_waiting(&mut self, sink: &mut SinkState, garbage: &mut Garbage<'_>) {
        if let Some(place) = sink.place.take() {
            self.leave(place, garbage);
        }
    }

    /// Whether this sink waits for a promise already, and would be called by this waker.
    pub(crate) fn knows_waiting(&self, sink: &SinkState, waker: &Waker) -> bool {
        let wants = Wants::Promise { owner: sink.owner };
        sink.place.is_some_and(|place| self.knows(place, wants, waker))
    }

    /// Puts this sink in line for a promise.
    pub(crate) fn await_promise(
        &mut self,
        sink: &mut SinkState,
        waker: Waker,
        garbage: &mut Garbage<'_>,
    ) {
        let owner = self.owner(sink);
        let place = *sink.place.get_or_insert_with(|| self.draw_number());
        self.wait(place, Wants::Promise { owner }, waker, garbage);
    }

    fn owner(&mut self, sink: &mut SinkState) -> u64 {
        if sink.owner == 0 {
            sink.owner = self.draw_number();
        }
        sink.owner
    }
}

#[cfg(test)]
impl Sinks {
    /// How many notes there are for sinks that have not looked.
    pub(super) fn moved(&self) -> usize {
        self.moved.len()
    }
}
