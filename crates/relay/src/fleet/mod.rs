//! Who owns which subscriptions: a state machine without a clock, a network or threads.
//!
//! Subscriptions are in *blocks*, by a hash of their names, and a block has one *lease* for each of its
//! owners. A rendezvous hash over the workers that are heard proposes owners. Only a conditional write
//! to the store decides: each lease is a record with a revision, and each write names the revision
//! that it expects.
//!
//! The worker calls `handle_*` with what happens, then fetches all outputs, and calls
//! [`Fleet::handle_deadline`] at [`Fleet::deadline`]. Times are durations since some moment, on a clock
//! that also counts suspends of the computer. An earlier time than the last counts as the last.

mod decide;
mod hash;
mod lease;
mod members;
mod settings;
#[cfg(test)]
mod tests;
mod worker;

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

pub use self::{
    hash::block_of,
    lease::{Key, Record, Written},
    settings::Settings,
    worker::{Beat, Worker},
};
use self::{
    lease::{Held, Known, Retake, Stage, State},
    members::Members,
};

/// How the owner of a block changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The new owner connects first, and the old one stops after it. For a while both publish.
    Overlap,
    /// The old owner stops first. Also for subscriptions that the new owner resumes.
    Exclusive,
}

/// A block that has subscriptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// How its owner changes.
    pub kind: Kind,
    /// How many workers own it at the same time. More than 1 only for [`Kind::Overlap`].
    pub owners: u8,
}

/// What the worker has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send this beat to all workers, with this one.
    Beat(Beat),
    /// Write this record if the lease has the revision `after`; 0 means that there is no record. The
    /// result is needed.
    Put {
        /// The lease.
        key: Key,
        /// The expected revision.
        after: u64,
        /// The new record.
        record: Record,
    },
    /// Delete the record if it has the revision `after`. The result is needed.
    Delete {
        /// The lease.
        key: Key,
        /// The expected revision.
        after: u64,
    },
    /// Run the subscriptions of this block.
    Start {
        /// The lease.
        key: Key,
        /// Rises with each owner. All that is published has it.
        epoch: u64,
        /// The owner before, if its lease was taken from it. It may still run.
        before: Option<Worker>,
    },
    /// The subscriptions run on with a new epoch.
    Renumber {
        /// The lease.
        key: Key,
        /// The new epoch.
        epoch: u64,
    },
    /// Close the connections, let all that was received be stored, and report the end by
    /// [`Fleet::handle_stopped`].
    Stop {
        /// The lease.
        key: Key,
    },
    /// End the connections at once, and publish nothing more of this block: its lease may have
    /// another owner.
    Fence {
        /// The lease.
        key: Key,
    },
    /// Another process has the name of this worker. The worker must end.
    Double(Worker),
    /// The drain is complete. The worker can end.
    Drained,
}

/// The part of one worker in the fleet.
#[derive(Clone, Debug)]
pub struct Fleet {
    times: Settings,
    members: Members,
    blocks: BTreeMap<u32, Block>,
    leases: BTreeMap<Key, Lease>,
    outputs: VecDeque<Output>,
    now: Duration,
    next_beat: Duration,
    /// When all leases were looked at.
    decided: Duration,
    /// The end of the drain.
    drain: Option<Duration>,
    /// The lease that was given back last, and how long its successor is awaited.
    handed: Option<(Key, Duration)>,
    ended: bool,
}

/// A lease, as this worker knows it, and its own part in it.
#[derive(Clone, Debug)]
struct Lease {
    known: Option<Known>,
    /// The revision of the last news, with those of deletions.
    seen: u64,
    /// The owner from which this worker takes the lease.
    before: Option<Worker>,
    state: State,
}

impl Lease {
    const NEW: Self = Self {
        known: None,
        seen: 0,
        before: None,
        state: State::Idle { not_before: Duration::ZERO },
    };
}

impl Fleet {
    /// A worker begins to listen. It takes no lease before [`Settings::suspicion`] is over.
    #[must_use]
    pub fn new(now: Duration, worker: Worker, weight: u32, times: Settings) -> Self {
        Self {
            times,
            members: Members::new(Beat { worker, weight, drains: false }, now),
            blocks: BTreeMap::new(),
            leases: BTreeMap::new(),
            outputs: VecDeque::new(),
            now,
            next_beat: now,
            decided: now,
            drain: None,
            handed: None,
            ended: false,
        }
    }

    /// The block has subscriptions of this kind; `None`: it has none any more.
    pub fn handle_block(&mut self, now: Duration, block: u32, wanted: Option<Block>) {
        self.advance(now);
        match wanted {
            Some(wanted) => {
                for slot in 0..wanted.owners {
                    self.leases.entry(Key { block, slot }).or_insert(Lease::NEW);
                }
                self.blocks.insert(block, wanted);
            }
            None => {
                self.blocks.remove(&block);
            }
        }
        self.decide();
    }

    /// A beat was received.
    pub fn handle_beat(&mut self, now: Duration, beat: Beat) {
        self.advance(now);
        if self.members.hear(beat, now, &self.times) {
            self.decide();
        }
    }

    /// The store reports the record of a lease, or with `None` its deletion, each with its revision.
    pub fn handle_record(
        &mut self,
        now: Duration,
        key: Key,
        record: Option<Record>,
        revision: u64,
    ) {
        self.advance(now);
        self.learn(key, record, revision);
        self.decide_one(key);
    }

    /// The write of this lease has this result.
    pub fn handle_written(&mut self, now: Duration, key: Key, written: Written) {
        self.advance(now);
        self.written(key, written);
        self.decide_one(key);
    }

    /// All connections of the block are open, and each has received a message, or need not.
    pub fn handle_ready(&mut self, now: Duration, key: Key) {
        self.advance(now);
        if let Some(Lease { state: State::Held(held), .. }) = self.leases.get_mut(&key) {
            held.open(self.now);
        }
        self.decide_one(key);
    }

    /// All connections of the block are closed, after [`Output::Stop`].
    pub fn handle_stopped(&mut self, now: Duration, key: Key) {
        self.advance(now);
        if let Some(lease) = self.leases.get_mut(&key) {
            match &mut lease.state {
                State::Held(held) if held.stage == Stage::Closing => held.stage = Stage::Closed,
                State::Closing => lease.state = State::Idle { not_before: self.now },
                _ => {}
            }
        }
        self.decide_one(key);
    }

    /// The worker gives up all subscriptions, and ends then.
    pub fn handle_drain(&mut self, now: Duration) {
        self.advance(now);
        if self.drain.is_none() {
            self.drain = Some(self.now + self.times.drain);
            self.members.drain();
            self.next_beat = self.now;
        }
        self.decide();
    }

    /// The time of [`deadline`](Self::deadline) may be reached.
    pub fn handle_deadline(&mut self, now: Duration) {
        self.advance(now);
        self.decide_due();
    }

    /// The next output.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The leases that this worker owns.
    pub fn owned(&self) -> impl Iterator<Item = Key> {
        let held = self.leases.iter().filter(|(_, lease)| matches!(lease.state, State::Held(_)));
        held.map(|(key, _)| *key)
    }

    /// When another worker was heard last.
    #[must_use]
    pub fn heard(&self, worker: &Worker) -> Option<Duration> {
        self.members.heard(worker)
    }

    /// The number of workers that are heard, with this one.
    #[must_use]
    pub fn alive(&self) -> usize {
        self.members.alive(self.now, &self.times)
    }

    fn advance(&mut self, now: Duration) {
        self.now = self.now.max(now);
    }

    fn learn(&mut self, key: Key, record: Option<Record>, revision: u64) {
        let now = self.now;
        let lease = self.leases.entry(key).or_insert(Lease::NEW);
        // News can arrive later than the results of writes.
        if revision <= lease.seen {
            return;
        }
        lease.seen = revision;
        let Some(record) = record else {
            lease.known = None;
            return;
        };
        let owner = record.owner.clone();
        lease.known = Some(Known { record, revision, changed: now });
        let State::Held(held) = &mut lease.state else {
            self.members.saw_write(&owner, now);
            return;
        };
        if owner == self.members.me().worker {
            // A renewal whose result did not arrive.
            held.revision = held.revision.max(revision);
        } else if revision > held.revision {
            self.members.saw_write(&owner, now);
            self.lose(key);
        }
    }

    fn written(&mut self, key: Key, written: Written) {
        let Some(lease) = self.leases.get_mut(&key) else { return };
        let (now, times) = (self.now, &self.times);
        match (&mut lease.state, written) {
            (State::Taking { sent, moved }, Written::Stored(revision)) => {
                let held = Held::new(key, revision, *sent, *moved, times);
                lease.state = State::Held(held);
                let before = lease.before.take();
                self.outputs.push_back(Output::Start { key, epoch: revision, before });
            }
            (State::Overlapping { retake: Retake::Sent(sent), .. }, Written::Stored(revision)) => {
                let mut held = Held::new(key, revision, *sent, false, times);
                held.open(now);
                lease.state = State::Held(held);
                self.outputs.push_back(Output::Renumber { key, epoch: revision });
            }
            (State::Taking { .. }, _) => {
                lease.state = State::Idle { not_before: now + times.beat };
            }
            (State::Overlapping { retake, .. }, _) => *retake = Retake::NotBefore(now + times.beat),
            (State::Held(held), written) => {
                let sent = held.sent.take();
                match written {
                    Written::Stored(revision) => {
                        held.revision = held.revision.max(revision);
                        held.renewed = sent.map_or(held.renewed, |sent| sent.max(held.renewed));
                        held.doubted = false;
                    }
                    Written::Refused if held.doubted => self.lose(key),
                    Written::Refused => {
                        held.doubted = true;
                        held.next = now + times.beat / 2;
                    }
                    Written::Unknown => held.next = now + times.beat / 2,
                }
            }
            (State::Releasing, _) => {
                lease.state = State::Idle { not_before: now };
                self.handed = Some((key, now + times.handover));
            }
            // The result of a renewal that no longer matters.
            (State::Idle { .. } | State::Closing, _) => {}
        }
    }

    /// The lease has another owner, or may have one.
    fn lose(&mut self, key: Key) {
        let Some(lease) = self.leases.get_mut(&key) else { return };
        let State::Held(held) = lease.state else { return };
        let me = &self.members.me().worker;
        let successor = lease.known.as_ref().is_some_and(|known| known.record.owner != *me);
        let overlaps = self.blocks.get(&key.block).is_some_and(|block| block.kind == Kind::Overlap);
        lease.state = match held.stage {
            _ if !overlaps => {
                self.outputs.push_back(Output::Fence { key });
                State::Idle { not_before: self.now }
            }
            Stage::Opening | Stage::Ready => {
                let until = successor.then_some(self.now + self.times.handover);
                State::Overlapping { until, retake: Retake::NotBefore(self.now) }
            }
            Stage::Closing => State::Closing,
            Stage::Closed => State::Idle { not_before: self.now },
        };
    }
}
