//! Whoever was not called since it last looked must still wait: with random policies, senders,
//! sinks, receipts, connections and layers.

use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use proptest::prelude::*;

use crate::{
    config::{Offline, OutboxSettings, WhenFull},
    handle::{Handle, QueuingWithReceipt, SinkSide},
    message::{Message, Outgoing},
    outbox::{Online, Outbox, cursors::Load, entry::Origin, receipt::Receipt, sinks::Sinks},
    shared::Shared,
    sync::Garbage,
    time::Timestamp,
};

#[derive(Clone, Debug)]
enum Op {
    Outbox {
        bytes: usize,
        max_age: Option<u64>,
    },
    TryQueue {
        bytes: usize,
    },
    Poll {
        which: usize,
        other_task: bool,
    },
    Drop {
        which: usize,
    },
    PollReceipt {
        which: usize,
    },
    DropReceipt {
        which: usize,
    },
    Ready {
        sink: usize,
        other_task: bool,
    },
    Send {
        sink: usize,
        bytes: usize,
    },
    TryQueueOfSink {
        sink: usize,
        bytes: usize,
    },
    Flush {
        sink: usize,
    },
    DropSink {
        sink: usize,
    },
    /// As `into_driver` does, and the driver's first handle.
    Suspend {
        sink: usize,
    },
    Resume {
        sink: usize,
    },
    HandOver {
        back: usize,
    },
    Written,
    Open,
    Lose {
        replacing: bool,
    },
    GiveUpReplacing,
    Time {
        seconds: u64,
    },
    Replay {
        key: u8,
        bytes: usize,
    },
    ForgetReplay {
        key: u8,
    },
    Layer {
        count: usize,
        bytes: usize,
    },
    Rest,
    CloseGate,
    Close,
}

fn op() -> impl Strategy<Value = Op> {
    let bytes = || prop_oneof![4 => 0..5_usize, 2 => 0..15_usize, 1 => 0..30_usize];
    let which = || 0..6_usize;
    let sink = || 0..3_usize;
    let main = prop_oneof![
        6 => (bytes(), prop::option::weighted(0.3, 1..10_u64))
            .prop_map(|(bytes, max_age)| Op::Outbox { bytes, max_age }),
        3 => bytes().prop_map(|bytes| Op::TryQueue { bytes }),
        5 => (which(), prop::bool::weighted(0.2))
            .prop_map(|(which, other_task)| Op::Poll { which, other_task }),
        2 => which().prop_map(|which| Op::Drop { which }),
        2 => which().prop_map(|which| Op::PollReceipt { which }),
        1 => which().prop_map(|which| Op::DropReceipt { which }),
        6 => (sink(), prop::bool::weighted(0.2))
            .prop_map(|(sink, other_task)| Op::Ready { sink, other_task }),
        6 => (sink(), bytes()).prop_map(|(sink, bytes)| Op::Send { sink, bytes }),
        1 => (sink(), bytes()).prop_map(|(sink, bytes)| Op::TryQueueOfSink { sink, bytes }),
        4 => sink().prop_map(|sink| Op::Flush { sink }),
        1 => sink().prop_map(|sink| Op::DropSink { sink }),
        1 => sink().prop_map(|sink| Op::Suspend { sink }),
        1 => sink().prop_map(|sink| Op::Resume { sink }),
    ];
    let driver = prop_oneof![
        8 => (0..3_usize).prop_map(|back| Op::HandOver { back }),
        8 => Just(Op::Written),
        4 => Just(Op::Open),
        2 => any::<bool>().prop_map(|replacing| Op::Lose { replacing }),
        1 => Just(Op::GiveUpReplacing),
        2 => (0..8_u64).prop_map(|seconds| Op::Time { seconds }),
        1 => (0..2_u8, bytes()).prop_map(|(key, bytes)| Op::Replay { key, bytes }),
        1 => (0..2_u8).prop_map(|key| Op::ForgetReplay { key }),
        1 => (0..3_usize, bytes()).prop_map(|(count, bytes)| Op::Layer { count, bytes }),
        1 => Just(Op::Rest),
    ];
    prop_oneof![60 => main, 40 => driver, 1 => Just(Op::CloseGate), 1 => Just(Op::Close)]
}

fn policy() -> impl Strategy<Value = OutboxSettings> {
    let when_full =
        prop_oneof![Just(WhenFull::Wait), Just(WhenFull::Refuse), Just(WhenFull::DropOldest)];
    let offline = prop_oneof![Just(Offline::Keep), Just(Offline::Refuse)];
    (1..5_usize, 1..24_usize, when_full, offline, 0..3_u32, any::<bool>()).prop_map(
        |(count, bytes, when_full, offline, resend, give_back)| {
            let policy = OutboxSettings::new().count(count).bytes(bytes).when_full(when_full);
            policy.offline(offline).resend(resend).give_back(give_back)
        },
    )
}

/// A task that counts its calls since it last found that it must wait.
#[derive(Default)]
struct Task(AtomicUsize);

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Task {
    fn waker(self: &Arc<Self>) -> Waker {
        Waker::from(Arc::clone(self))
    }

    fn is_called(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

/// Who waits, if somebody does.
type Waits = Option<Arc<Task>>;

/// Polls; `waits` says from then on whether its task must be called.
fn poll<R>(waits: &mut Waits, poll: impl FnOnce(&mut Context<'_>) -> Poll<R>) -> Option<R> {
    let task = waits.take().unwrap_or_default();
    task.0.store(0, Ordering::Relaxed);
    match poll(&mut Context::from_waker(&task.waker())) {
        Poll::Ready(result) => Some(result),
        Poll::Pending => {
            *waits = Some(task);
            None
        }
    }
}

struct Sender<'a> {
    future: Pin<Box<QueuingWithReceipt<'a>>>,
    waits: Waits,
}

struct Awaited {
    receipt: Receipt,
    waits: Waits,
}

#[derive(Default)]
struct Sink {
    side: SinkSide,
    ready: Waits,
    flush: Waits,
    /// Whether it is promised a place, while nobody has it in hand.
    suspended: Option<bool>,
}

impl Sink {
    fn poll_ready(&mut self, shared: &Shared) -> Option<bool> {
        let ready = poll(&mut self.ready, |cx| self.side.poll_ready(shared, cx.waker()));
        ready.map(|ready| ready.is_ok())
    }

    fn poll_flush(&mut self, shared: &Shared) -> Option<()> {
        poll(&mut self.flush, |cx| self.side.poll_flush(shared, cx.waker())).map(|_| ())
    }
}

struct World<'a> {
    shared: &'a Shared,
    handle: &'a Handle,
    policy: OutboxSettings,
    senders: Vec<Sender<'a>>,
    receipts: Vec<Awaited>,
    sinks: Vec<Sink>,
    now: u64,
    connection: u64,
    online: Online,
    /// Messages that were taken from a sender or a sink.
    taken: u64,
    written: u64,
    ended: bool,
}

fn message(bytes: usize) -> Message {
    Message::binary(vec![0; bytes])
}

impl World<'_> {
    fn queue<R>(&self, work: impl FnOnce(&mut Outbox, &mut Garbage<'_>) -> R) -> R {
        self.shared.with(|state, garbage| work(&mut state.outbox, garbage))
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_epoch(Duration::from_secs(self.now))
    }

    fn poll_sender(&mut self, which: usize, other_task: bool) {
        let Some(sender) = self.senders.get_mut(which) else { return };
        if other_task {
            sender.waits = None;
        }
        let done = poll(&mut sender.waits, |cx| sender.future.as_mut().poll(cx));
        if let Some(result) = done {
            self.senders.remove(which);
            if let Ok(receipt) = result {
                self.taken += 1;
                let mut awaited = Awaited { receipt, waits: None };
                if poll(&mut awaited.waits, |cx| Pin::new(&mut awaited.receipt).poll(cx)).is_none()
                {
                    self.receipts.push(awaited);
                }
            }
        }
    }

    fn poll_receipt(&mut self, which: usize) {
        let Some(awaited) = self.receipts.get_mut(which) else { return };
        if poll(&mut awaited.waits, |cx| Pin::new(&mut awaited.receipt).poll(cx)).is_some() {
            self.receipts.remove(which);
        }
    }

    fn send(&mut self, sink: usize, bytes: usize) {
        // Once it has ended nobody counts.
        let sent = self.sinks[sink].side.start_send(self.shared, message(bytes));
        self.taken += u64::from(sent.is_ok() || !self.ended);
        self.sinks[sink].ready = None;
    }

    fn written(&mut self) {
        let mut kept = VecDeque::new();
        self.shared.with(|state, garbage| {
            let handed = state.outbox.list.iter_handed();
            let load = handed.filter(|entry| entry.origin == Origin::Sender).count();
            self.written += load as u64;
            state.outbox.written(self.connection, &mut kept, garbage);
        });
    }

    fn hand_over(&self, back: usize) {
        let Online::Yes(_) = self.online else { return };
        let now = self.now();
        let mut window = VecDeque::new();
        self.queue(|queue, garbage| {
            queue.expire(now, garbage);
            queue.hand_over(&mut window);
        });
        window.drain(..window.len() - back.min(window.len()));
        self.queue(|queue, _| queue.take_back(&mut window));
    }

    fn set_online(&mut self, online: Online) {
        self.online = online;
        self.queue(|queue, garbage| queue.set_online(online, garbage));
    }

    fn lose(&mut self, online: Online) {
        if let Online::Yes(connection) = self.online {
            self.queue(|queue, garbage| queue.lost(connection, garbage));
            self.set_online(online);
        }
    }

    fn open(&mut self) {
        if self.online.connection().is_none() && !self.ended {
            self.connection += 1;
            self.set_online(Online::Yes(self.connection));
        }
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Outbox { bytes, max_age } => {
                let mut outgoing = Outgoing::new(message(bytes));
                outgoing.max_age = max_age.map(Duration::from_secs);
                let future = Box::pin(self.handle.queue_with_receipt(outgoing));
                self.senders.push(Sender { future, waits: None });
                self.poll_sender(self.senders.len() - 1, false);
            }
            Op::TryQueue { bytes } => {
                self.taken += u64::from(self.handle.try_queue(message(bytes)).is_ok());
            }
            Op::Poll { which, other_task } => self.poll_sender(which, other_task),
            Op::Drop { which } if which < self.senders.len() => drop(self.senders.remove(which)),
            Op::PollReceipt { which } => self.poll_receipt(which),
            Op::DropReceipt { which } if which < self.receipts.len() => {
                drop(self.receipts.remove(which));
            }
            Op::Drop { .. } | Op::DropReceipt { .. } => {}
            Op::Ready { sink, other_task } => {
                let sink = &mut self.sinks[sink];
                if other_task {
                    sink.ready = None;
                }
                if sink.suspended.is_none() {
                    sink.poll_ready(self.shared);
                }
            }
            Op::Send { sink, bytes } if self.sinks[sink].suspended.is_none() => {
                self.send(sink, bytes);
            }
            Op::TryQueueOfSink { sink, bytes } if self.sinks[sink].suspended.is_none() => {
                let owner = self.sinks[sink].side.owner();
                let mut outgoing = Some(Outgoing::new(message(bytes)));
                self.queue(|queue, garbage| queue.offer(&mut outgoing, None, owner, garbage));
                self.taken += u64::from(outgoing.is_none());
            }
            Op::Flush { sink } if self.sinks[sink].suspended.is_none() => {
                self.sinks[sink].poll_flush(self.shared);
            }
            Op::Send { .. } | Op::TryQueueOfSink { .. } | Op::Flush { .. } => {}
            Op::DropSink { sink } => {
                let mut old = std::mem::take(&mut self.sinks[sink]);
                old.side.leave(self.shared);
            }
            Op::Suspend { sink } => {
                let sink = &mut self.sinks[sink];
                if sink.suspended.is_none() {
                    sink.suspended = Some(sink.side.suspend(self.shared));
                    (sink.ready, sink.flush) = (None, None);
                }
            }
            Op::Resume { sink } => {
                let sink = &mut self.sinks[sink];
                if let Some(promised) = sink.suspended.take() {
                    sink.side.resume(self.shared, promised);
                }
            }
            Op::HandOver { back } => self.hand_over(back),
            Op::Written => self.written(),
            Op::Open => self.open(),
            Op::Lose { replacing: true } => self.lose(Online::Replacing),
            Op::Lose { replacing: false } => self.lose(Online::No),
            Op::GiveUpReplacing if self.online == Online::Replacing => self.set_online(Online::No),
            Op::GiveUpReplacing => {}
            Op::Time { seconds } => {
                self.now += seconds;
                let now = self.now();
                self.queue(|queue, garbage| queue.expire(now, garbage));
            }
            Op::Replay { key, bytes } => {
                let key = key.to_string();
                let _ =
                    self.queue(|queue, garbage| queue.set_replay(&key, message(bytes), garbage));
            }
            Op::ForgetReplay { key } => {
                self.queue(|queue, _| queue.remove_replay(&key.to_string()));
            }
            Op::Layer { count, bytes } => {
                let mut messages = vec![message(bytes); count];
                self.queue(|queue, _| queue.queue_on(self.connection, &mut messages));
            }
            Op::Rest => self.queue(|queue, _| queue.rest()),
            Op::CloseGate => self.queue(|queue, _| queue.close_gate()),
            Op::Close => {
                self.lose(Online::No);
                self.queue(|queue, garbage| queue.close(garbage));
                self.ended = true;
            }
        }
    }

    /// The oracle.
    fn check(&mut self) {
        let is_idle = |waits: &Waits| waits.as_ref().is_some_and(|task| !task.is_called());
        for (index, sender) in self.senders.iter_mut().enumerate() {
            if is_idle(&sender.waits) {
                let done = poll(&mut sender.waits, |cx| sender.future.as_mut().poll(cx));
                assert!(done.is_none(), "sender {index} was not called: {done:?}");
            }
        }
        for (index, sink) in self.sinks.iter_mut().enumerate() {
            if is_idle(&sink.ready) {
                let done = sink.poll_ready(self.shared);
                assert!(done.is_none(), "sink {index} was not called: {done:?}");
            }
            if is_idle(&sink.flush) {
                assert!(sink.poll_flush(self.shared).is_none(), "the flush of sink {index}");
            }
        }
        for (index, awaited) in self.receipts.iter_mut().enumerate() {
            if is_idle(&awaited.waits) {
                let done = poll(&mut awaited.waits, |cx| Pin::new(&mut awaited.receipt).poll(cx));
                assert!(done.is_none(), "receipt {index} was not called: {done:?}");
            }
        }
        self.check_bounds();
    }

    fn check_bounds(&self) {
        let owners: Vec<_> = self.sinks.iter().map(|sink| sink.side.owner()).collect();
        let (load, bound, parked, counts) = self.queue(|queue, _| {
            let mut load = Load::default();
            let mut bound = false;
            for entry in queue.list.iter() {
                bound |= entry.is_bound();
                if entry.origin == Origin::Sender {
                    load.count += 1;
                    load.bytes += entry.bytes;
                }
            }
            let sinks = queue.extra.as_ref().map(|extra| &extra.sinks);
            let parked = sinks.map_or(0, Sinks::parked);
            let of_sinks =
                |sinks: &Sinks| owners.iter().filter(|owner| sinks.is_parked(**owner)).count();
            assert_eq!(parked, sinks.map_or(0, of_sinks), "what is parked has its sink");
            assert!(sinks.map_or(0, Sinks::moved) <= owners.len(), "one note a sink");
            assert!(!queue.refuses_offline() || load.count + parked == 0, "nothing is kept");
            (load, bound, parked, queue.counts())
        });
        assert!(load.count <= self.policy.count && load.bytes <= self.policy.bytes, "{load:?}");
        let held = self.queue(|queue, _| queue.held());
        assert!(bound || held == load);
        let fates = self.written + counts.dropped + counts.unknown;
        let all = fates + (load.count + parked) as u64;
        assert_eq!(self.taken, all, "each message has one fate, or none yet");
    }

    /// From now on everything goes well, and those who are called look at once: all are served.
    fn finish(&mut self) {
        for sink in &mut self.sinks {
            // Whoever is ready and idle keeps its place from others.
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
                if self.senders[which].waits.as_ref().is_some_and(|task| task.is_called()) {
                    self.poll_sender(which, false);
                }
            }
            for index in 0..self.sinks.len() {
                let sink = &mut self.sinks[index];
                if sink.ready.as_ref().is_some_and(|task| task.is_called())
                    && sink.poll_ready(self.shared) == Some(true)
                {
                    self.send(index, 1);
                }
                let sink = &mut self.sinks[index];
                if sink.flush.as_ref().is_some_and(|task| task.is_called()) {
                    sink.poll_flush(self.shared);
                }
                // One that only was to be flushed may have been promised a place before.
                if sink.ready.is_none() && sink.flush.is_none() {
                    std::mem::take(sink).side.leave(self.shared);
                }
            }
            for which in (0..self.receipts.len()).rev() {
                if self.receipts[which].waits.as_ref().is_some_and(|task| task.is_called()) {
                    self.poll_receipt(which);
                }
            }
        }
        self.check();
        assert_eq!(self.senders.len(), 0, "all senders are served");
        assert_eq!(self.receipts.len(), 0, "all receipts are told");
        for sink in &self.sinks {
            assert!(sink.ready.is_none() && sink.flush.is_none(), "all sinks are served");
        }
    }
}

/// So many cases, or as many as `PROPTEST_CASES` asks for.
fn at_least(cases: u32) -> ProptestConfig {
    let config = ProptestConfig::default();
    ProptestConfig { cases: config.cases.max(cases), ..config }
}

proptest! {
    #![proptest_config(at_least(3_000))]

    #[test]
    fn who_is_not_called_must_wait_and_who_waits_is_served_at_last(
        policy in policy(),
        online in any::<bool>(),
        ops in prop::collection::vec(op(), 0..60),
    ) {
        let shared = Arc::new(Shared::new(Outbox::new(policy), Timestamp::EPOCH));
        let handle = Handle::new(Arc::clone(&shared));
        let mut world = World {
            shared: &shared,
            handle: &handle,
            policy,
            senders: Vec::new(),
            receipts: Vec::new(),
            sinks: (0..3).map(|_| Sink::default()).collect(),
            now: 0,
            connection: 0,
            online: Online::No,
            taken: 0,
            written: 0,
            ended: false,
        };
        if online {
            world.open();
        }
        for op in ops {
            world.apply(op);
            world.check();
        }
        world.finish();
    }
}
