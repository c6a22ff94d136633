//! Sinks that wait until all of their messages have a fate.

use std::task::Waker;

use super::{Outbox, sinks::SinkState};
use crate::sync::Deferred;

/// A sink that waits for a flush.
pub(super) struct Flusher {
    pub(super) sink_id: u64,
    /// The number of the message after those that it waits for.
    pub(super) number: u64,
    pub(super) waker: Waker,
}

impl Outbox {
    /// Returns whether every message of this sink has its fate.
    pub(crate) fn is_flushed(&mut self, sink: &mut SinkState, deferred: &mut Deferred<'_>) -> bool {
        let flushed = self.settled_through() >= self.flush_target(sink);
        if flushed {
            self.forget_flusher(sink.id, deferred);
        }
        flushed
    }

    /// Returns the number of the message after those that a flush of this sink waits for. It is
    /// larger than all numbers while a message of the sink is parked.
    fn flush_target(&mut self, sink: &mut SinkState) -> u64 {
        let Some(rare) = &mut self.rare else { return sink.last };
        if let Some(number) = rare.sinks.take_unparked(sink.id) {
            sink.last = number.max(sink.last);
        }
        if rare.sinks.is_parked(sink.id) { u64::MAX } else { sink.last }
    }

    /// Returns whether this sink waits for a flush already, and is woken by this waker.
    pub(crate) fn is_flush_registered(&self, sink: &SinkState, waker: &Waker) -> bool {
        let mut flushers = self.rare.iter().flat_map(|rare| &rare.flushers);
        let known = flushers.find(|flusher| flusher.sink_id == sink.id);
        known.is_some_and(|known| known.waker.will_wake(waker))
    }

    /// Registers the waker for the moment when every message of this sink has its fate.
    pub(crate) fn await_flush(
        &mut self,
        sink: &mut SinkState,
        waker: Waker,
        deferred: &mut Deferred<'_>,
    ) {
        let sink_id = self.id_of(sink);
        let number = self.flush_target(sink);
        self.forget_flusher(sink_id, deferred);
        self.rare_mut().flushers.push(Flusher { sink_id, number, waker });
    }

    pub(super) fn forget_flusher(&mut self, sink_id: u64, deferred: &mut Deferred<'_>) {
        let Some(rare) = &mut self.rare else { return };
        for known in rare.flushers.extract_if(.., |known| known.sink_id == sink_id) {
            deferred.drop_later(known.waker);
        }
    }

    /// A parked message of this sink was accepted or dropped: its flush waits for the messages before
    /// `number` now.
    pub(super) fn note_unparked(&mut self, sink_id: u64, number: u64) {
        let rare = self.rare_mut();
        rare.sinks.put_unparked(sink_id, number);
        let flushers = rare.flushers.iter_mut().filter(|flusher| flusher.sink_id == sink_id);
        flushers.for_each(|flusher| flusher.number = number);
    }
}
