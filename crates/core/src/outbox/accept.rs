//! The gate: what is accepted, and who stands in line.

use std::{sync::Arc, task::Waker, time::Duration};

use super::{
    Fates, Gate, Online, Outbox,
    entry::{Entry, Origin},
    error::QueueError,
    receipt::Receipt,
    waiters::Wants,
};
use crate::{
    config::{Offline, WhenFull},
    event::DropReason,
    message::{Message, Outgoing},
    sync::Garbage,
    time::Timestamp,
};

/// What came of an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offered {
    Accepted,
    /// The session is closed.
    Closed,
    /// The message alone is larger than the outbox.
    TooLarge,
    /// No connection is open.
    Offline,
    Full,
    /// There is no room at present.
    Wait,
}

impl Offered {
    /// Why the message is not taken, by one who does not wait.
    pub(crate) fn error(self, message: Message) -> QueueError {
        match self {
            Self::Closed => QueueError::Closed(message),
            Self::TooLarge => QueueError::TooLarge(message),
            Self::Offline => QueueError::Offline(message),
            Self::Full | Self::Wait => QueueError::Full(message),
            Self::Accepted => unreachable!("what is accepted does not come back"),
        }
    }
}

impl Outbox {
    /// Offers a message, which is taken if it is accepted. `place`: the number of one who stands
    /// in line already; `owner`: a sink whose promise may be used if there is no other room.
    pub(crate) fn offer(
        &mut self,
        outgoing: &mut Option<Outgoing>,
        place: Option<u64>,
        owner: u64,
        garbage: &mut Garbage<'_>,
    ) -> Offered {
        let bytes = outgoing.as_ref().map_or(0, |outgoing| outgoing.message.len());
        if let Some(refusal) = self.refusal(bytes) {
            return refusal;
        }
        if !(self.has_room(bytes, place)
            || self.use_promise(owner, bytes)
            || self.makes_room(bytes, self.reserved(), garbage))
        {
            let refuses = self.policy.when_full == WhenFull::Refuse;
            return if refuses { Offered::Full } else { Offered::Wait };
        }
        if let Some(Outgoing { message, max_age }) = outgoing.take() {
            self.accept(message, max_age, garbage);
        }
        Offered::Accepted
    }

    /// Why a message of so many bytes is not accepted, however much room there is.
    pub(super) fn refusal(&self, bytes: usize) -> Option<Offered> {
        if self.gate != Gate::Open {
            Some(Offered::Closed)
        } else if bytes > self.policy.bytes {
            Some(Offered::TooLarge)
        } else if self.refuses_offline() {
            Some(Offered::Offline)
        } else {
            None
        }
    }

    /// Whether there is room for one who stands in line at this place, or does not stand in it.
    pub(super) fn has_room(&self, bytes: usize, place: Option<u64>) -> bool {
        self.is_turn(place) && self.fits(bytes, self.reserved())
    }

    /// Uses the promise of this sink, if it has one and the message fits.
    fn use_promise(&mut self, owner: u64, bytes: usize) -> bool {
        let Some(sinks) = self.extra.as_ref().map(|extra| &extra.sinks) else { return false };
        sinks.is_ready(owner)
            && self.fits(bytes, sinks.ready() - 1)
            && self.extra().sinks.take_ready(owner)
    }

    /// Whether a message fits into both bounds, of which so many places are for others.
    pub(super) fn fits(&self, bytes: usize, reserved: usize) -> bool {
        let held = self.held();
        held.count + reserved < self.policy.count && held.bytes + bytes <= self.policy.bytes
    }

    /// Drops the oldest messages if that is the policy and makes room for a message; else none is
    /// dropped. Whether there is room now.
    pub(super) fn makes_room(
        &mut self,
        bytes: usize,
        reserved: usize,
        garbage: &mut Garbage<'_>,
    ) -> bool {
        let Some(count) = self.droppable_for(bytes, reserved) else { return false };
        for _ in 0..count {
            let oldest = self.list.droppable().next();
            let (index, _) = oldest.expect("as many can be dropped as were counted");
            let entry = self.list.remove(index);
            self.drop_entry(entry, DropReason::Overflow, garbage);
        }
        true
    }

    /// How many of the oldest messages would have to go to make room; `None` if that is not the
    /// policy, or would not help.
    pub(super) fn droppable_for(&self, bytes: usize, reserved: usize) -> Option<usize> {
        if self.policy.when_full != WhenFull::DropOldest {
            return None;
        }
        let (held, handed) = (self.held(), self.list.handed());
        let count = (held.count + reserved + 1).saturating_sub(self.policy.count);
        let excess = (held.bytes + bytes).saturating_sub(self.policy.bytes);
        // What was handed over stays in any case.
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

    pub(super) fn accept(
        &mut self,
        message: Message,
        max_age: Option<Duration>,
        garbage: &mut Garbage<'_>,
    ) {
        // What waits for a connection may wait long, and must not hold more than itself.
        let waits = self.online.connection().is_none();
        let message = match waits.then(|| message.copied_if_small()).flatten() {
            Some(copy) => {
                garbage.drop_later(message);
                copy
            }
            None => message,
        };
        let expires = max_age.or(self.policy.max_age).map(Timestamp::from_epoch);
        self.unseen_expire |= expires.is_some();
        let entry = Entry::new(message, Origin::Sender, self.numbers);
        self.list.push(Entry { expires, ..entry });
        self.numbers += 1;
        self.rests = 0;
    }

    /// The receipt of the message that was accepted just now.
    pub(crate) fn receipt(&mut self) -> Option<Receipt> {
        let entry = self.list.last_mut()?;
        entry.receipt = true;
        let number = entry.number;
        let fates = self.fates.get_or_insert_with(|| Arc::new(Fates::new(number)));
        Some(Receipt::new(Arc::clone(fates), number))
    }

    /// A number that is larger than those of all messages accepted so far, and not larger than
    /// those to come.
    pub(crate) fn accepted(&self) -> u64 {
        self.numbers
    }

    /// Whether messages are refused because no connection is open.
    pub(super) fn refuses_offline(&self) -> bool {
        self.online == Online::No && self.policy.offline == Offline::Refuse
    }

    /// Places in count that are promised.
    pub(super) fn reserved(&self) -> usize {
        self.extra.as_ref().map_or(0, |extra| extra.sinks.reserved())
    }

    /// Whether nobody stands in line before `place`, or at all for one who does not.
    pub(super) fn is_turn(&self, place: Option<u64>) -> bool {
        let Some(extra) = &self.extra else { return true };
        let waiting = extra.line.first().map(|(place, _)| place);
        let first = [waiting, extra.sinks.first_parked()].into_iter().flatten().min();
        first.is_none_or(|first| place.is_some_and(|place| place <= first))
    }

    /// Whether who stands in line at this place waits for just that, and would be called by this
    /// waker.
    pub(crate) fn knows(&self, place: u64, wants: Wants, waker: &Waker) -> bool {
        self.extra.as_ref().is_some_and(|extra| extra.line.knows(place, wants, waker))
    }

    /// Stands in line, or comes back to its place.
    pub(crate) fn wait(
        &mut self,
        place: u64,
        wants: Wants,
        waker: Waker,
        garbage: &mut Garbage<'_>,
    ) {
        self.extra().line.stand(place, wants, waker, garbage);
    }

    /// Leaves the line, served or not.
    pub(crate) fn leave(&mut self, place: u64, garbage: &mut Garbage<'_>) {
        if let Some(extra) = &mut self.extra {
            extra.line.leave(place, garbage);
        }
    }
}
