//! Several workers, the store and the network between them, in virtual time.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::fleet::{Beat, Block, Fleet, Key, Kind, Output, Record, Settings, Worker, Written};

pub(super) const DIAL: Duration = ms(50);
const CLOSE: Duration = ms(20);

pub(super) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(super) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// SplitMix64.
#[derive(Clone, Debug)]
pub(super) struct Draws(pub(super) u64);

impl Draws {
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits ^ (bits >> 31)) % limit
    }
}

#[derive(Clone, Debug)]
enum Event {
    Beat(Beat),
    News {
        key: Key,
        record: Option<Record>,
        revision: u64,
    },
    Written(Key, Written),
    Ready(Key),
    Stopped(Key),
    /// At the store: a worker's write.
    Put {
        key: Key,
        after: u64,
        record: Option<Record>,
    },
}

/// The connections of a block on a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) epoch: u64,
    pub(super) is_ready: bool,
    is_closing: bool,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) fleet: Fleet,
    pub(super) worker: Worker,
    pub(super) runs: BTreeMap<Key, Run>,
    pub(super) is_running: bool,
    pub(super) is_frozen: bool,
    /// Nothing arrives from the store and the other workers, and nothing arrives there.
    pub(super) is_cut: bool,
    pub(super) drained: Option<Duration>,
    pub(super) double: Option<Worker>,
    /// Events that wait while it is frozen.
    kept: Vec<Event>,
}

pub(super) struct Sim {
    pub(super) now: Duration,
    pub(super) nodes: Vec<Node>,
    /// The store does not answer.
    pub(super) is_down: bool,
    pub(super) blocks: BTreeMap<u32, Block>,
    pub(super) draws: Draws,
    /// The number of started connections of blocks.
    pub(super) starts: usize,
    /// For each block: since when no connection is ready.
    pub(super) dark: BTreeMap<u32, Duration>,
    /// The longest time without a ready connection, for each block.
    pub(super) darkest: BTreeMap<u32, Duration>,
    /// The largest number of blocks without a ready connection at one time.
    pub(super) most_dark: usize,
    times: Settings,
    store: BTreeMap<Key, (Record, u64, Duration)>,
    revision: u64,
    events: BTreeMap<(Duration, u64), (usize, Event)>,
    number: u64,
    /// Something runs or stopped since the last look.
    changed: bool,
}

impl Sim {
    pub(super) fn new(seed: u64, times: Settings, blocks: &[(u32, Block)]) -> Self {
        Self {
            now: secs(100),
            nodes: Vec::new(),
            is_down: false,
            blocks: blocks.iter().copied().collect(),
            draws: Draws(seed),
            starts: 0,
            dark: blocks.iter().map(|(block, _)| (*block, secs(100))).collect(),
            darkest: BTreeMap::new(),
            most_dark: 0,
            times,
            store: BTreeMap::new(),
            revision: 0,
            events: BTreeMap::new(),
            number: 0,
            changed: false,
        }
    }

    /// Starts a worker, and returns its index.
    pub(super) fn start(&mut self, name: &str) -> usize {
        let incarnation = self.draws.below(u64::MAX);
        let worker = Worker { name: name.to_owned(), incarnation };
        let mut fleet = Fleet::new(self.now, worker.clone(), 1, self.times);
        for (block, wanted) in &self.blocks {
            fleet.handle_block(self.now, *block, Some(*wanted));
        }
        self.nodes.push(Node {
            fleet,
            worker,
            runs: BTreeMap::new(),
            is_running: true,
            is_frozen: false,
            is_cut: false,
            drained: None,
            double: None,
            kept: Vec::new(),
        });
        let index = self.nodes.len() - 1;
        for (key, (record, revision, _)) in self.store.clone() {
            self.later(index, Event::News { key, record: Some(record), revision });
        }
        index
    }

    pub(super) fn kill(&mut self, index: usize) {
        self.nodes[index].is_running = false;
        self.nodes[index].runs.clear();
        self.changed = true;
        self.look();
    }

    pub(super) fn thaw(&mut self, index: usize) {
        self.nodes[index].is_frozen = false;
        self.changed = true;
        // Its first look is at the clock.
        self.nodes[index].fleet.handle_deadline(self.now);
        self.fetch(index);
        for event in std::mem::take(&mut self.nodes[index].kept) {
            self.deliver(index, event);
        }
        self.look();
    }

    /// A connection to the store again: the watch begins anew.
    pub(super) fn join(&mut self, index: usize) {
        self.nodes[index].is_cut = false;
        for (key, (record, revision, _)) in self.store.clone() {
            self.later(index, Event::News { key, record: Some(record), revision });
        }
    }

    pub(super) fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let event = self.events.first_key_value().map(|((at, _), _)| *at);
            let nodes = self.nodes.iter().filter(|node| node.is_running && !node.is_frozen);
            let deadline = nodes.filter_map(|node| node.fleet.deadline()).min();
            let next = event.into_iter().chain(deadline).min().filter(|next| *next <= end);
            let Some(next) = next else { break };
            self.now = self.now.max(next);
            if event == Some(next) {
                let (_, (index, event)) = self.events.pop_first().expect("an event");
                match event {
                    Event::Put { key, after, record } => self.write(index, key, after, record),
                    event => self.deliver(index, event),
                }
            } else {
                for index in 0..self.nodes.len() {
                    let node = &mut self.nodes[index];
                    let due = node.fleet.deadline().is_some_and(|at| at <= self.now);
                    if node.is_running && !node.is_frozen && due {
                        node.fleet.handle_deadline(self.now);
                        self.fetch(index);
                    }
                }
            }
            self.look();
        }
        self.now = end;
    }

    fn schedule(&mut self, index: usize, delay: Duration, event: Event) {
        self.number += 1;
        self.events.insert((self.now + delay, self.number), (index, event));
    }

    /// Over the network.
    fn later(&mut self, index: usize, event: Event) {
        let delay = Duration::from_micros(500 + self.draws.below(5_000));
        self.schedule(index, delay, event);
    }

    fn deliver(&mut self, index: usize, event: Event) {
        let now = self.now;
        let node = &mut self.nodes[index];
        let remote = !matches!(event, Event::Ready(_) | Event::Stopped(_));
        if !node.is_running || (remote && node.is_cut && !matches!(event, Event::Written(..))) {
            return;
        }
        if node.is_frozen {
            node.kept.push(event);
            return;
        }
        match event {
            Event::Beat(beat) => node.fleet.handle_beat(now, beat),
            Event::News { key, record, revision } => {
                node.fleet.handle_record(now, key, record, revision);
            }
            Event::Written(key, written) => node.fleet.handle_written(now, key, written),
            Event::Ready(key) => {
                self.changed = true;
                if let Some(run) = node.runs.get_mut(&key) {
                    run.is_ready = true;
                    node.fleet.handle_ready(now, key);
                }
            }
            Event::Stopped(key) => {
                self.changed = true;
                if node.runs.get(&key).is_some_and(|run| run.is_closing) {
                    node.runs.remove(&key);
                    node.fleet.handle_stopped(now, key);
                }
            }
            Event::Put { .. } => unreachable!("it is for the store"),
        }
        self.fetch(index);
    }

    fn fetch(&mut self, index: usize) {
        while let Some(output) = self.nodes[index].fleet.poll_output() {
            let node = &mut self.nodes[index];
            self.changed |=
                !matches!(output, Output::Beat(_) | Output::Put { .. } | Output::Delete { .. });
            match output {
                Output::Beat(beat) => {
                    if node.is_cut || self.is_down {
                        continue;
                    }
                    for other in 0..self.nodes.len() {
                        self.later(other, Event::Beat(beat.clone()));
                    }
                }
                Output::Put { key, after, record } => {
                    self.later(index, Event::Put { key, after, record: Some(record) });
                }
                Output::Delete { key, after } => {
                    self.later(index, Event::Put { key, after, record: None });
                }
                Output::Start { key, epoch, .. } => {
                    let run = Run { epoch, is_ready: false, is_closing: false };
                    assert!(node.runs.insert(key, run).is_none(), "{key:?} runs twice");
                    self.starts += 1;
                    self.schedule(index, DIAL, Event::Ready(key));
                }
                Output::Renumber { key, epoch } => {
                    node.runs.get_mut(&key).expect("it runs").epoch = epoch;
                }
                Output::Stop { key } => {
                    node.runs.get_mut(&key).expect("it runs").is_closing = true;
                    self.schedule(index, CLOSE, Event::Stopped(key));
                }
                Output::Fence { key } => {
                    // A block whose close was complete is not known to run.
                    node.runs.remove(&key);
                }
                Output::Double(double) => {
                    node.double = Some(double);
                    node.is_running = false;
                }
                Output::Drained => {
                    assert!(node.runs.is_empty(), "{:?}", node.runs);
                    node.drained = Some(self.now);
                    node.is_running = false;
                }
            }
        }
    }

    /// A write arrives at the store.
    fn write(&mut self, index: usize, key: Key, after: u64, record: Option<Record>) {
        if self.nodes[index].is_cut || self.is_down {
            // The client gives up after some time.
            self.schedule(index, ms(1_000), Event::Written(key, Written::Unknown));
            return;
        }
        let age = self.now - self.store.get(&key).map_or(self.now, |(_, _, at)| *at);
        if age >= self.times.lease {
            self.store.remove(&key);
        }
        let current = self.store.get(&key).map_or(0, |(_, revision, _)| *revision);
        if current != after {
            self.later(index, Event::Written(key, Written::Refused));
            return;
        }
        self.revision += 1;
        let revision = self.revision;
        match record.clone() {
            Some(record) => self.store.insert(key, (record, revision, self.now)),
            None => self.store.remove(&key),
        };
        self.later(index, Event::Written(key, Written::Stored(revision)));
        for other in 0..self.nodes.len() {
            self.later(other, Event::News { key, record: record.clone(), revision });
        }
    }

    /// The workers on which a block runs, without those that are frozen.
    pub(super) fn running(&self, block: u32) -> Vec<(usize, Run)> {
        let nodes = self.nodes.iter().enumerate().filter(|(_, node)| !node.is_frozen);
        let runs = nodes.flat_map(|(index, node)| {
            node.runs
                .iter()
                .filter(|(key, _)| key.block == block)
                .map(move |(_, run)| (index, *run))
        });
        runs.collect()
    }

    /// The workers whose connections of a block are open.
    pub(super) fn ready(&self, block: u32) -> BTreeSet<usize> {
        let running = self.running(block).into_iter();
        running.filter(|(_, run)| run.is_ready && !run.is_closing).map(|(index, _)| index).collect()
    }

    /// Checks what holds at each time.
    fn look(&mut self) {
        if !std::mem::take(&mut self.changed) {
            return;
        }
        for (block, wanted) in self.blocks.clone() {
            let running = self.running(block);
            if wanted.kind == Kind::Exclusive {
                assert!(running.len() <= 1, "block {block} at {:?}: {running:?}", self.now);
            }
            let workers: BTreeSet<_> = running.iter().map(|(index, _)| *index).collect();
            assert_eq!(workers.len(), running.len(), "block {block} runs twice on one worker");
            if self.ready(block).is_empty() {
                self.dark.entry(block).or_insert(self.now);
            } else if let Some(since) = self.dark.remove(&block) {
                let longest = self.darkest.entry(block).or_default();
                *longest = (*longest).max(self.now - since);
            }
        }
        self.most_dark = self.most_dark.max(self.dark.len());
    }

    /// Each block has its owners, on different workers, and nobody else runs it.
    pub(super) fn assert_owned(&self) {
        for (block, wanted) in &self.blocks {
            let ready = self.ready(*block).len();
            assert_eq!(
                ready,
                usize::from(wanted.owners),
                "block {block}: {:?}",
                self.running(*block)
            );
            assert_eq!(self.running(*block).len(), ready, "block {block}");
        }
    }

    /// The blocks that run on a worker.
    pub(super) fn owned(&self, index: usize) -> BTreeSet<u32> {
        self.nodes[index].runs.keys().map(|key| key.block).collect()
    }

    /// From now on times without a ready connection are counted.
    pub(super) fn forget(&mut self) {
        self.darkest.clear();
        self.most_dark = 0;
        self.starts = 0;
    }

    /// The longest time without a ready connection of any block.
    pub(super) fn longest_dark(&self) -> Duration {
        let open = self.dark.values().map(|since| self.now - *since);
        self.darkest.values().copied().chain(open).max().unwrap_or_default()
    }
}
