//! The checks of a [`World`].

use std::{future::Future, pin::Pin};

use super::world::{Sink, Waits, World, poll};
use crate::outbox::{Online, cursors::Load, entry::Origin};

impl World<'_> {
    /// Checks that every task that was not woken must still wait.
    pub(super) fn check(&mut self) {
        let is_idle = |waits: &Waits| waits.as_ref().is_some_and(|task| !task.is_woken());
        for (index, sender) in self.senders.iter_mut().enumerate() {
            if is_idle(&sender.waits) {
                let done = poll(&mut sender.waits, |cx| sender.future.as_mut().poll(cx));
                assert!(done.is_none(), "sender {index} was not woken: {done:?}");
            }
        }
        for (index, sink) in self.sinks.iter_mut().enumerate() {
            if is_idle(&sink.ready) {
                let done = sink.poll_ready(self.shared);
                assert!(done.is_none(), "sink {index} was not woken: {done:?}");
            }
            if is_idle(&sink.flush) {
                assert!(sink.poll_flush(self.shared).is_none(), "the flush of sink {index}");
            }
        }
        for (index, awaited) in self.receipts.iter_mut().enumerate() {
            if is_idle(&awaited.waits) {
                let done = poll(&mut awaited.waits, |cx| Pin::new(&mut awaited.receipt).poll(cx));
                assert!(done.is_none(), "receipt {index} was not woken: {done:?}");
            }
        }
        self.check_bounds();
    }

    fn check_bounds(&self) {
        let ids: Vec<_> = self.sinks.iter().map(|sink| sink.side.id).collect();
        let (load, per_connection, parked, counts) = self.with_outbox(|outbox, _| {
            let mut load = Load::default();
            let mut per_connection = false;
            for entry in outbox.list.iter() {
                per_connection |= entry.is_per_connection();
                if entry.origin == Origin::Sender {
                    load.count += 1;
                    load.bytes += entry.bytes;
                }
            }
            let sinks = outbox.rare.as_ref().map(|rare| &rare.sinks);
            let parked = sinks.map_or(0, |sinks| sinks.parked.len());
            let of_sinks = ids.iter().filter(|id| outbox.is_parked(**id)).count();
            assert_eq!(parked, of_sinks, "every parked message has a sink");
            assert!(
                sinks.is_none_or(|sinks| sinks.flushes.at(ids.len()).is_none()),
                "at most one number for each sink"
            );
            assert!(
                !outbox.refuses_offline() || load.count + parked == 0,
                "no message is kept while offline"
            );
            (load, per_connection, parked, outbox.counts())
        });
        assert!(
            load.count <= self.policy.rules.count && load.bytes <= self.policy.rules.bytes,
            "{load:?}"
        );
        let held = self.with_outbox(|outbox, _| outbox.held());
        assert!(per_connection || held == load);
        let fates = self.written + counts.dropped + counts.unknown;
        let all = fates + (load.count + parked) as u64;
        assert_eq!(self.taken, all, "each message has one fate or none yet");
    }

    /// From now on every connection works and every woken task is polled: all are served.
    pub(super) fn finish(&mut self) {
        for sink in &mut self.sinks {
            // A sink that is ready and idle blocks a slot.
            if sink.ready.is_none() && sink.flush.is_none() {
                std::mem::take(sink).side.leave(self.shared);
            }
        }
        for _ in 0..200 {
            let idle = |sink: &Sink| sink.ready.is_none() && sink.flush.is_none();
            if self.senders.is_empty() && self.receipts.is_empty() && self.sinks.iter().all(idle) {
                break;
            }
            if self.online == Online::Replacing {
                self.set_online(Online::No);
            }
            self.open();
            self.hand_over(0);
            self.written();
            self.check();
            for which in (0..self.senders.len()).rev() {
                if self.senders[which].waits.as_ref().is_some_and(|task| task.is_woken()) {
                    self.poll_sender(which, false);
                }
            }
            for index in 0..self.sinks.len() {
                let sink = &mut self.sinks[index];
                if sink.ready.as_ref().is_some_and(|task| task.is_woken())
                    && sink.poll_ready(self.shared) == Some(true)
                {
                    self.send(index, 1);
                }
                let sink = &mut self.sinks[index];
                if sink.flush.as_ref().is_some_and(|task| task.is_woken()) {
                    sink.poll_flush(self.shared);
                }
                // A sink that was only flushed may have reserved a slot before.
                if sink.ready.is_none() && sink.flush.is_none() {
                    std::mem::take(sink).side.leave(self.shared);
                }
            }
            for which in (0..self.receipts.len()).rev() {
                if self.receipts[which].waits.as_ref().is_some_and(|task| task.is_woken()) {
                    self.poll_receipt(which);
                }
            }
        }
        self.check();
        assert_eq!(self.senders.len(), 0, "all senders are served");
        assert_eq!(self.receipts.len(), 0, "all receipts are resolved");
        for sink in &self.sinks {
            assert!(sink.ready.is_none() && sink.flush.is_none(), "all sinks are served");
        }
    }
}
