//! The admission of new messages, and the queue of tasks that wait for it.

use std::time::Duration;

use super::{
    Online, Outbox, OutboxState, Wants,
    entry::{Entry, Origin},
    error::QueueError,
    waits::Waiting,
};
use crate::{
    config::{Offline, WhenFull},
    event::DropReason,
    message::{Message, Outgoing},
    sync::{Caller, Deferred, Polled},
    time::Timestamp,
};

/// The answer to an offer of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    Accepted,
    /// The session is closed.
    Closed,
    /// The message alone is larger than the outbox.
    TooLarge,
    /// No connection is open, and the policy is to refuse messages then.
    Offline,
    /// There is no room, and the policy is to refuse messages then.
    Full,
    /// There is no room now.
    Wait,
}

impl Admission {
    /// Returns the error for a caller that does not wait.
    pub(crate) fn error(self, message: Message) -> QueueError {
        match self {
            Self::Closed => QueueError::Closed(message),
            Self::TooLarge => QueueError::TooLarge(message),
            Self::Offline => QueueError::Offline(message),
            Self::Full | Self::Wait => QueueError::Full(message),
            Self::Accepted => unreachable!("an accepted message is not given back"),
        }
    }
}

impl Outbox {
    /// Offers a message, which is moved out of `outgoing` if it is accepted. `place` is the place of
    /// a task that is in the queue already. `sink_id` is a sink whose reservation may be used if
    /// there is no other room.
    pub(crate) fn offer(
        &mut self,
        outgoing: &mut Option<Outgoing>,
        place: Option<u64>,
        sink_id: u64,
        deferred: &mut Deferred<'_>,
    ) -> Admission {
        let bytes = outgoing.as_ref().map_or(0, |outgoing| outgoing.message.len());
        if let Some(refusal) = self.refusal(bytes) {
            return refusal;
        }
        if !(self.has_room(bytes, place)
            || self.waits.is_some_and(|waits| waits.use_reservation(self, sink_id, bytes))
            || self.makes_room(bytes, self.reserved(), deferred))
        {
            let refuses = self.policy.when_full == WhenFull::Refuse;
            return if refuses { Admission::Full } else { Admission::Wait };
        }
        if let Some(Outgoing { message, max_age }) = outgoing.take() {
            self.accept(message, max_age, deferred);
        }
        Admission::Accepted
    }

    /// Returns why a message of this size is refused, independent of the room.
    pub(super) fn refusal(&self, bytes: usize) -> Option<Admission> {
        if self.state != OutboxState::Open {
            Some(Admission::Closed)
        } else if bytes > self.policy.bytes {
            Some(Admission::TooLarge)
        } else if self.refuses_offline() {
            Some(Admission::Offline)
        } else {
            None
        }
    }

    /// Returns whether there is room, and it is the turn of this place; `None` is a task that is not
    /// in the queue.
    pub(super) fn has_room(&self, bytes: usize, place: Option<u64>) -> bool {
        self.is_turn(place) && self.fits(bytes, self.reserved())
    }

    /// Uses the reservation of this sink, if it has one and the message fits.
    pub(super) fn use_reservation(&mut self, sink_id: u64, bytes: usize) -> bool {
        let reservations = self.reservations();
        reservations.contains(&sink_id)
            && self.fits(bytes, reservations.len() - 1)
            && self.release_reservation(sink_id)
    }

    /// Returns whether a message fits into both bounds, if this many slots are reserved for others.
    pub(super) fn fits(&self, bytes: usize, reserved: usize) -> bool {
        let held = self.held();
        held.count + reserved < self.policy.count && held.bytes + bytes <= self.policy.bytes
    }

    /// Drops the oldest messages, if that is the policy and makes enough room for a message.
    /// Otherwise drops none. Returns whether there is room now.
    pub(super) fn makes_room(
        &mut self,
        bytes: usize,
        reserved: usize,
        deferred: &mut Deferred<'_>,
    ) -> bool {
        let Some(count) = self.droppable_for(bytes, reserved) else { return false };
        for _ in 0..count {
            let oldest = self.list.droppable().next();
            let (index, _) = oldest.expect("the droppable messages were counted");
            let entry = self.list.remove(index);
            self.drop_entry(entry, DropReason::Overflow, deferred);
        }
        true
    }

    /// Returns how many of the oldest messages must be dropped to make room. Returns `None` if that
    /// is not the policy, or would not make enough room.
    pub(super) fn droppable_for(&self, bytes: usize, reserved: usize) -> Option<usize> {
        if self.policy.when_full != WhenFull::DropOldest {
            return None;
        }
        let (held, handed) = (self.held(), self.list.cursors.handed);
        let count = (held.count + reserved + 1).saturating_sub(self.policy.count);
        let excess = (held.bytes + bytes).saturating_sub(self.policy.bytes);
        // Messages that were handed over are not dropped.
        if handed.count + count > held.count || handed.bytes + excess > held.bytes {
            return None;
        }
        let mut freed = (0, 0);
        let mut droppable = self.list.droppable();
        while freed.0 < count || freed.1 < excess {
            let (_, bytes) = droppable.next()?;
            freed = (freed.0 + 1, freed.1 + bytes);
        }
        Some(freed.0)
    }

    /// Accepts a message; the caller has made sure that there is room.
    pub(super) fn accept(
        &mut self,
        message: Message,
        max_age: Option<Duration>,
        deferred: &mut Deferred<'_>,
    ) {
        // A message may wait long for a connection, and should not keep a larger buffer alive.
        let waits = self.online.connection().is_none();
        let message = match waits.then(|| message.copied_if_small()).flatten() {
            Some(copy) => {
                deferred.drop_later(message);
                copy
            }
            None => message,
        };
        let expires = max_age.or(self.policy.max_age).map(Timestamp::from_epoch);
        self.unstamped_expire |= expires.is_some();
        let entry = Entry::new(message, Origin::Sender, self.next_number);
        self.list.push(Entry { expires, ..entry });
        self.next_number += 1;
        self.parks = 0;
    }

    /// Returns whether messages are refused because no connection is open.
    pub(super) fn refuses_offline(&self) -> bool {
        self.online == Online::No && self.policy.offline == Offline::Refuse
    }

    /// Returns how many slots are reserved.
    pub(super) fn reserved(&self) -> usize {
        self.rare.as_ref().map_or(0, |rare| rare.sinks.reserved())
    }

    /// Returns whether no task or parked message is before this place. `None` is a task that is not
    /// in the queue, so behind all others.
    pub(super) fn is_turn(&self, place: Option<u64>) -> bool {
        let Some(rare) = &self.rare else { return true };
        let waiting = rare.waiters.first().map(|(place, _)| place);
        let first = [waiting, rare.sinks.first_parked()].into_iter().flatten().min();
        first.is_none_or(|first| place.is_some_and(|place| place <= first))
    }

    /// Registers a task at its place in the queue, or at the end if it has none.
    pub(crate) fn wait<R>(
        &mut self,
        place: &mut Option<u64>,
        wants: Wants,
        caller: &mut Caller<'_>,
        deferred: &mut Deferred<'_>,
    ) -> Polled<R> {
        self.waits = Some(&Waiting);
        let place = *place.get_or_insert_with(|| self.draw_number());
        self.rare_mut().waiters.wait(place, wants, caller, deferred)
    }

    /// Removes a task from the queue, if it is there.
    pub(crate) fn leave(&mut self, place: &mut Option<u64>, deferred: &mut Deferred<'_>) {
        if let (Some(place), Some(rare)) = (place.take(), &mut self.rare) {
            rare.waiters.remove(place, deferred);
            self.forget_limit(place);
        }
    }
}
