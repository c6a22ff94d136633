//! The decisions of a worker, after each input.

use std::time::Duration;

use super::{
    Block, Fleet, Kind, Lease, Output, Record,
    lease::{Held, Key, Retake, Stage, State},
    worker::Worker,
};

impl Fleet {
    /// When [`handle_deadline`](Self::handle_deadline) is due.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        if self.ended {
            return None;
        }
        let held = self.leases.values().filter_map(|lease| match &lease.state {
            State::Held(held) => Some(self.held_deadline(held)),
            _ => None,
        });
        let others = self.members.deadline(self.now, &self.times);
        held.chain(others).chain([self.next_beat]).min()
    }

    fn held_deadline(&self, held: &Held) -> Duration {
        let fence = held.renewed + self.times.fence;
        if held.sent.is_some() { fence } else { fence.min(held.next) }
    }

    /// Looks at all leases.
    pub(super) fn decide(&mut self) {
        if self.ended {
            return;
        }
        let (now, times) = (self.now, self.times);
        self.decided = now;
        let listened = self.members.listen(now, &times);
        if !listened && let Some(double) = self.members.double(now, &times) {
            self.outputs.push_back(Output::Double(double.clone()));
            self.ended = true;
            return;
        }
        if now >= self.next_beat {
            self.next_beat = now + times.beat;
            self.outputs.push_back(Output::Beat(self.members.me().clone()));
        }
        if !listened {
            return;
        }
        let keys: Vec<Key> = self.leases.keys().copied().collect();
        for key in keys {
            self.decide_lease(key);
        }
        self.end_drain();
    }

    /// Looks at the leases whose own time is reached, or at all, if those of workers may be.
    pub(super) fn decide_due(&mut self) {
        let suspicion = self.members.deadline(self.decided, &self.times);
        if self.now >= self.next_beat || suspicion.is_some_and(|at| at <= self.now) {
            self.decide();
            return;
        }
        let leases = self.leases.iter().filter(|(_, lease)| match &lease.state {
            State::Held(held) => self.held_deadline(held) <= self.now,
            _ => false,
        });
        let keys: Vec<Key> = leases.map(|(key, _)| *key).collect();
        for key in keys {
            self.decide_lease(key);
        }
    }

    /// Looks at one lease.
    pub(super) fn decide_one(&mut self, key: Key) {
        if !self.ended && self.members.listen(self.now, &self.times) {
            self.decide_lease(key);
            self.end_drain();
        }
    }

    fn end_drain(&mut self) {
        let is_idle = |lease: &Lease| matches!(lease.state, State::Idle { .. });
        if self.drain.is_some() && self.leases.values().all(is_idle) {
            self.outputs.push_back(Output::Drained);
            self.ended = true;
        }
    }

    fn decide_lease(&mut self, key: Key) {
        match self.leases[&key].state {
            State::Held(held) => self.keep(key, held),
            State::Overlapping { until, retake } => self.overlap(key, until, retake),
            State::Idle { not_before } if self.now >= not_before => {
                if let Some((after, moved)) = self.available(key) {
                    self.put(key, after, false, false);
                    self.set(key, State::Taking { sent: self.now, moved });
                    let lease = self.leases.get_mut(&key).expect("a known lease");
                    let known = lease.known.as_ref().filter(|_| after > 0);
                    lease.before = known.map(|known| known.record.owner.clone());
                }
            }
            State::Idle { .. } | State::Taking { .. } | State::Closing | State::Releasing => {}
        }
    }

    fn set(&mut self, key: Key, state: State) {
        self.leases.get_mut(&key).expect("a known lease").state = state;
    }

    fn put(&mut self, key: Key, after: u64, ready: bool, rested: bool) {
        let record = Record { owner: self.members.me().worker.clone(), ready, rested };
        self.outputs.push_back(Output::Put { key, after, record });
    }

    /// Renews a lease, or gives it up.
    fn keep(&mut self, key: Key, mut held: Held) {
        let now = self.now;
        if now >= held.renewed + self.times.fence {
            self.lose(key);
            return;
        }
        if held.stage == Stage::Opening && now >= held.taken + self.times.handover {
            held.open(now);
        }
        if !held.is_closing() && self.gives_up(key, &held) {
            held.stage = Stage::Closing;
            self.outputs.push_back(Output::Stop { key });
        }
        if held.sent.is_none() {
            if held.stage == Stage::Closed {
                self.outputs.push_back(Output::Delete { key, after: held.revision });
                self.set(key, State::Releasing);
                return;
            }
            if now >= held.next {
                let rested = now >= held.taken + self.times.stay;
                self.put(key, held.revision, held.stage != Stage::Opening, rested);
                held.sent = Some(now);
                held.next = now + self.times.renewal;
            }
        }
        self.set(key, State::Held(held));
    }

    /// Whether this worker closes the connections of a block before there is a successor.
    fn gives_up(&self, key: Key, held: &Held) -> bool {
        let (now, times) = (self.now, &self.times);
        let Some(block) = self.blocks.get(&key.block) else { return true };
        if key.slot >= block.owners {
            return true;
        }
        if let Some(limit) = self.drain {
            return now >= limit
                || block.kind == Kind::Exclusive
                || !self.members.has_successor(now, times);
        }
        block.kind == Kind::Exclusive
            && now >= held.taken + times.stay
            && self.members.is_settled(now, times)
            && !self.wanted(key.block, block).contains(&&self.members.me().worker)
            && !self.is_moving_out()
    }

    /// Goes on without the lease until a successor is ready.
    fn overlap(&mut self, key: Key, until: Option<Duration>, retake: Retake) {
        let Retake::NotBefore(not_before) = retake else { return };
        let (now, me) = (self.now, &self.members.me().worker);
        let known = self.leases[&key].known.as_ref();
        let successor = known.filter(|known| known.record.owner != *me);
        let is_replaced = successor.is_some_and(|known| known.record.ready)
            || until.is_some_and(|until| now >= until)
            || self.drain.is_some_and(|limit| now >= limit)
            || !self.blocks.contains_key(&key.block);
        if is_replaced {
            self.outputs.push_back(Output::Stop { key });
            self.set(key, State::Closing);
        } else if now >= not_before
            && let Some((after, false)) = self.available(key)
        {
            self.put(key, after, true, false);
            self.set(key, State::Overlapping { until, retake: Retake::Sent(now) });
        }
    }

    /// Whether this worker may take a lease: the expected revision, and whether its owner lives.
    fn available(&self, key: Key) -> Option<(u64, bool)> {
        let (now, times, members) = (self.now, &self.times, &self.members);
        let me = &members.me().worker;
        let block = self.blocks.get(&key.block).filter(|block| key.slot < block.owners)?;
        if members.is_deaf(now, times) || self.has_part(key, block) {
            return None;
        }
        let wanted = self.wanted(key.block, block);
        if !wanted.contains(&me) {
            return None;
        }
        let Some(known) = &self.leases[&key].known else { return Some((0, false)) };
        let owner = &known.record.owner;
        // The silence is measured from the news, which came later than the write.
        if now >= known.changed + times.lease + times.beat {
            return Some((0, false));
        }
        let overlaps = block.kind == Kind::Overlap;
        let is_alive = members.is_alive(owner, now, times);
        if owner.name == me.name || (overlaps && !is_alive) {
            return Some((known.revision, false));
        }
        if !overlaps || wanted.contains(&owner) || !known.record.ready {
            return None;
        }
        if members.drains(owner) {
            return Some((known.revision, false));
        }
        let may_move =
            known.record.rested && members.is_settled(now, times) && !self.is_moving_in();
        may_move.then_some((known.revision, true))
    }

    /// The workers that should own a block.
    fn wanted(&self, number: u32, block: &Block) -> Vec<&Worker> {
        self.members.wanted(number, block.owners, self.now, &self.times)
    }

    /// Whether this worker owns or runs another slot of this block.
    fn has_part(&self, key: Key, block: &Block) -> bool {
        let others = (0..block.owners).filter(|slot| *slot != key.slot);
        let mut others = others.map(|slot| Key { slot, ..key });
        others.any(|other| {
            self.leases.get(&other).is_some_and(|lease| !matches!(lease.state, State::Idle { .. }))
        })
    }

    /// A lease is being taken from an owner that lives.
    fn is_moving_in(&self) -> bool {
        self.leases.values().any(|lease| match &lease.state {
            State::Taking { moved, .. } => *moved,
            State::Held(held) => held.moved && held.stage == Stage::Opening,
            _ => false,
        })
    }

    /// A lease is being given to another worker.
    fn is_moving_out(&self) -> bool {
        let is_ready = |key| {
            let known = self.leases.get(&key).and_then(|lease: &Lease| lease.known.as_ref());
            known.is_some_and(|known| known.record.ready)
        };
        let awaited = self.handed.is_some_and(|(key, until)| self.now < until && !is_ready(key));
        awaited
            || self.leases.values().any(|lease| match &lease.state {
                State::Held(held) => held.is_closing(),
                State::Releasing => true,
                _ => false,
            })
    }
}
