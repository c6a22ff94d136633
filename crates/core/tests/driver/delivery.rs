//! Every message accepted ends in exactly one fate (invariant 13): random sessions, and the rules
//! one by one.

use std::{collections::BTreeMap, time::Duration};

use futures::{FutureExt, StreamExt, stream};
use proptest::prelude::*;
use websocket_heartbeat::{
    DropReason, ErrorKind, Event, Fate, Frame, Handle, Message, Offline, OutboxSettings, Outgoing,
    Receipt, TransportError, WhenFull,
};
use websocket_heartbeat_mock::{Peer, Rng, Script, Task};

use crate::stage::{Log, Stage, millis, secs, texts};

/// What a test does to a session.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Queue {
        size: usize,
        receipt: bool,
        max_age: Option<u64>,
    },
    Run(u64),
    /// The line takes so many bytes more.
    Quota(u64),
    Resume,
    Break,
    FailWrites,
    End,
    CutCable,
    Say,
    Reconnect,
    Close,
    Abort,
    Drop,
}

/// A session whose messages are accounted for.
pub(crate) struct Ledger {
    pub(crate) stage: Stage,
    resend: u32,
    handle: Handle,
    task: Option<Task<()>>,
    pub(crate) log: Log,
    accepted: Vec<Sent>,
}

struct Sent {
    message: Message,
    receipt: Option<Receipt>,
    fate: Option<Fate>,
}

impl Ledger {
    pub(crate) fn new(
        script: impl FnMut(u64) -> Script + Send + 'static,
        outbox: OutboxSettings,
        resend: u32,
    ) -> Self {
        let (mut stage, settings) = Stage::new(script);
        let outbox = if resend > 0 { outbox.resend(resend) } else { outbox };
        let mut session = settings.outbox(outbox).build().unwrap();
        let handle = session.handle();
        let log = Log::new(&stage.clock);
        let events = log.clone();
        let reading = async move {
            while let Some(event) = session.next().await {
                events.push(event);
            }
        };
        let task = Some(stage.runner.spawn(reading));
        Self { stage, resend, handle, task, log, accepted: Vec::new() }
    }

    fn peer(&self) -> Option<Peer> {
        self.stage.remote.last_peer()
    }

    pub(crate) fn act(&mut self, act: &Act) {
        let reset = || TransportError::new(ErrorKind::Reset, "reset");
        let peer = self.peer();
        match (act, peer) {
            (Act::Queue { size, receipt, max_age }, _) => self.queue(*size, *receipt, *max_age),
            (Act::Run(time), _) => {
                self.stage.runner.run_for(millis(*time));
                self.look();
            }
            (Act::Quota(bytes), Some(peer)) => peer.write_quota(*bytes),
            (Act::Resume, Some(peer)) => peer.resume_writes(),
            (Act::Break, Some(peer)) => peer.fail(reset()),
            (Act::FailWrites, Some(peer)) => peer.fail_writes(reset()),
            (Act::End, Some(peer)) => peer.end(),
            (Act::CutCable, Some(peer)) => peer.half_open(),
            (Act::Say, Some(peer)) => peer.send("news"),
            (Act::Reconnect, _) => self.handle.reconnect_now(),
            (Act::Close, _) => self.handle.close(),
            (Act::Abort, _) => self.handle.abort(),
            (Act::Drop, _) => self.task.take().into_iter().for_each(Task::cancel),
            (_, None) => {}
        }
    }

    /// Queues a message that carries its own number, if it has room for it.
    fn queue(&mut self, size: usize, receipt: bool, max_age: Option<u64>) {
        let number = self.accepted.len() as u32;
        let mut bytes = vec![0; size];
        if let Some(head) = bytes.get_mut(..4) {
            head.copy_from_slice(&number.to_be_bytes());
        }
        let message = Message::binary(bytes);
        let outgoing = Outgoing::new(message.clone());
        let outgoing = match max_age {
            Some(age) => outgoing.max_age(millis(age)),
            None => outgoing,
        };
        let receipt = if receipt {
            match self.handle.queue_with_receipt(outgoing).now_or_never() {
                Some(Ok(receipt)) => Some(receipt),
                Some(Err(_)) | None => return,
            }
        } else {
            if self.handle.try_queue(outgoing).is_err() {
                return;
            }
            None
        };
        self.accepted.push(Sent { message, receipt, fate: None });
    }

    /// Collects fates; what is written must have been taken by that line at this moment.
    fn look(&mut self) {
        let peers = self.stage.remote.peers();
        for sent in &mut self.accepted {
            let Some(fate) = sent.receipt.as_mut().and_then(FutureExt::now_or_never) else {
                continue;
            };
            sent.receipt = None;
            if let Fate::Written { connection } = fate {
                let peer = peers.iter().find(|peer| peer.number() == connection).unwrap();
                let taken = messages(peer).contains(&sent.message);
                assert!(taken, "written before it was flushed");
            }
            sent.fate = Some(fate);
        }
    }

    /// Ends the session and settles the accounts.
    pub(crate) fn settle(mut self) {
        self.handle.close();
        self.stage.runner.run_for(secs(120));
        self.look();
        let dropped = self.task.is_none();
        let events = self.log.events();
        let status = self.handle.status();
        let counters = status.counters;

        // One fate each, by number.
        let accepted = self.accepted.len() as u64;
        let settled = counters.messages_out + counters.dropped + counters.unknown;
        assert_eq!((accepted, status.queued_messages), (settled, 0), "{counters:?}");

        // One fate each, by receipt or by event.
        let (mut told, mut discarded) = (Vec::new(), 0);
        for event in &events {
            match event {
                Event::Lost(lost) => {
                    told.extend(lost.unsent.clone());
                    discarded += lost.discarded;
                }
                Event::Closed(closed) => {
                    told.extend(closed.unsent.clone());
                    discarded += closed.discarded;
                }
                _ => {}
            }
        }
        let with_receipt = self.accepted.iter().filter_map(|sent| sent.fate.as_ref());
        let written = with_receipt.clone().filter(|fate| fate.is_written()).count() as u64;
        let without = self.accepted.iter().filter(|sent| sent.fate.is_none()).count() as u64;
        assert!(self.accepted.iter().all(|sent| sent.receipt.is_none()), "a receipt hangs");
        if !dropped {
            let written = counters.messages_out - written;
            assert_eq!(without, written + told.len() as u64 + discarded);
        }
        assert!(told.iter().all(|fate| !fate.is_written()));

        // What was never handed over was never on a line; what is unknown fits one window.
        let peers = self.stage.remote.peers();
        let mut windows: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        for fate in with_receipt.chain(&told) {
            match fate {
                Fate::Dropped { reason, message } if message.len() >= 4 => {
                    let on_a_line = peers.iter().any(|peer| messages(peer).contains(message));
                    assert!(!on_a_line || *reason == DropReason::ResendLimit, "{reason:?}");
                }
                Fate::Unknown { connection, message } => {
                    let size = message.as_ref().map_or(0, Message::len);
                    windows.entry(*connection).or_default().push(size);
                }
                _ => {}
            }
        }
        for window in windows.values() {
            let bytes: usize = window.iter().sum();
            assert!(window.len() <= 256, "{}", window.len());
            assert!(bytes <= 64 * 1024 || window.len() == 1, "{window:?}");
        }

        // Order is kept, and what comes twice was to be sent again.
        let mut times: BTreeMap<u32, u32> = BTreeMap::new();
        let mut last = None;
        for peer in &peers {
            if self.resend > 0 {
                last = None;
            }
            for number in messages(peer).iter().filter_map(number) {
                assert!(last.is_none_or(|last| last < number), "{number} after {last:?}");
                last = Some(number);
                *times.entry(number).or_default() += 1;
            }
        }
        assert!(times.values().all(|times| *times <= self.resend + 1));
    }
}

/// The messages that a line has wholly taken.
fn messages(peer: &Peer) -> Vec<Message> {
    peer.written()
        .into_iter()
        .filter_map(
            |(_, frame)| if let Frame::Message(message) = frame { Some(message) } else { None },
        )
        .collect()
}

fn number(message: &Message) -> Option<u32> {
    message.as_bytes().get(..4).map(|head| u32::from_be_bytes(head.try_into().unwrap()))
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let size = prop_oneof![
        2 => Just(0_usize),
        6 => 4_usize..200,
        2 => 1_000_usize..5_000,
        1 => 65_000_usize..70_000,
    ];
    let age = prop_oneof![4 => Just(None), 1 => (1_u64..3_000).prop_map(Some)];
    let queue = (size, any::<bool>(), age).prop_map(|(size, receipt, max_age)| Act::Queue {
        size,
        receipt,
        max_age,
    });
    let act = prop_oneof![
        24 => queue,
        8 => (0_u64..2_500).prop_map(Act::Run),
        6 => Just(Act::Run(0)),
        5 => (0_u64..2_000).prop_map(Act::Quota),
        2 => (0_u64..140_000).prop_map(Act::Quota),
        3 => Just(Act::Resume),
        2 => Just(Act::Break),
        1 => Just(Act::FailWrites),
        1 => Just(Act::End),
        1 => Just(Act::CutCable),
        2 => Just(Act::Say),
        1 => Just(Act::Reconnect),
        1 => prop_oneof![Just(Act::Close), Just(Act::Abort), Just(Act::Drop)],
    ];
    prop::collection::vec(act, 1..80)
}

fn outboxes() -> impl Strategy<Value = OutboxSettings> {
    let full =
        prop_oneof![Just(WhenFull::Wait), Just(WhenFull::Refuse), Just(WhenFull::DropOldest)];
    let offline = prop_oneof![3 => Just(Offline::Keep), 1 => Just(Offline::Refuse)];
    let count = prop_oneof![1_usize..20, Just(1_024)];
    let bytes = prop_oneof![Just(70_000_usize), Just(64 << 20)];
    (count, bytes, full, offline, any::<bool>()).prop_map(
        |(count, bytes, full, offline, give_back)| {
            let outbox = OutboxSettings::new().count(count).bytes(bytes).give_back(give_back);
            outbox.when_full(full).offline(offline)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 600,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_message_accepted_ends_in_exactly_one_fate(
        acts in acts(),
        outbox in outboxes(),
        resend in prop_oneof![2 => Just(0_u32), 1 => 1_u32..4],
        seed in any::<u64>(),
    ) {
        let mut rng = Rng::new(seed);
        let script = move |_| {
            let script = match rng.below(8) {
                0 => return Script::refuse_connection(),
                1 => Script::accept().hesitant(),
                2 => Script::accept().write_rate(1 + rng.below(500), millis(10)),
                3 => Script::accept().write_buffer(1 + rng.below(300)),
                4 => Script::accept().without_progress(),
                _ => Script::accept(),
            };
            script.after(rng.duration(Duration::ZERO..millis(1_500)))
        };
        let mut ledger = Ledger::new(script, outbox, resend);
        acts.iter().for_each(|act| ledger.act(act));
        ledger.settle();
    }
}

#[test]
fn a_loss_says_how_much_was_written_and_never_proven() {
    let mut ledger = Ledger::new(|_| Script::accept().silent(), OutboxSettings::new(), 0);
    let queue = Act::Queue { size: 10, receipt: true, max_age: None };
    let run = Act::Run(10);
    for act in [&queue, &queue, &queue, &run, &Act::Say, &run, &queue, &queue, &run, &Act::End] {
        ledger.act(act);
    }
    ledger.act(&run);
    let lost = ledger.log.events().into_iter().find_map(|event| match event {
        Event::Lost(lost) => Some(lost),
        _ => None,
    });
    let lost = lost.unwrap();
    assert_eq!((lost.unproven, lost.unknown), (5, 0), "what the server says by itself is no proof");
    ledger.settle();
}

#[test]
fn new_sends_never_overtake_the_backlog() {
    let (mut stage, settings) = Stage::new(|_| Script::accept().after(secs(1)));
    let mut session = settings.build().unwrap();
    let handle = session.handle();
    for number in 0..600 {
        handle.try_queue(format!("backlog {number}")).unwrap();
    }
    let eager = session.handle();
    let reading = async move {
        while let Some(event) = session.next().await {
            if matches!(event, Event::Open(_)) {
                eager.try_queue("new").unwrap();
            }
        }
    };
    stage.runner.spawn(reading).detach();
    stage.runner.run_for(secs(2));
    let received = texts(&stage.remote.last_peer().unwrap().received_messages());
    assert_eq!((received.len(), received[600].as_str()), (601, "new"));
}

#[test]
fn a_message_that_kills_the_connection_each_time_stops_at_the_resend_limit() {
    for resend in 0..4 {
        let outbox = OutboxSettings::new().resend(resend);
        let (mut stage, settings) = Stage::new(|_| Script::accept().message_limit(1_000));
        let session = settings.outbox(outbox).build().unwrap();
        let handle = session.handle();
        stage.read(session);
        let poison = Message::binary(vec![0; 2_000]);
        let fates = stage.runner.run_until(async {
            let sends = [Message::text("before"), poison.clone(), Message::text("after")];
            let receipts = stream::iter(sends).then(|message| handle.queue_with_receipt(message));
            let receipts: Vec<_> = receipts.map(Result::unwrap).collect().await;
            futures::future::join_all(receipts).await
        });
        assert_eq!(stage.remote.dials().len() as u32, resend + 2, "{resend}");
        let fate = if resend == 0 {
            Fate::Unknown { connection: 1, message: Some(poison) }
        } else {
            Fate::Dropped { reason: DropReason::ResendLimit, message: poison }
        };
        assert_eq!(fates[1], fate);
        assert_eq!(fates[2], Fate::Written { connection: u64::from(resend) + 2 });
    }
}

#[test]
fn a_receipt_is_written_no_sooner_than_the_flush() {
    let (mut stage, settings) = Stage::new(|_| Script::accept());
    let session = settings.build().unwrap();
    let handle = session.handle();
    stage.read(session);
    stage.runner.settle();
    let peer = stage.remote.last_peer().unwrap();
    peer.write_quota(0);
    let mut receipt = handle.queue_with_receipt("0123456789").now_or_never().unwrap().unwrap();
    // 10 bytes of payload, 6 of header and mask.
    for byte in 0..16 {
        stage.runner.settle();
        assert!((&mut receipt).now_or_never().is_none(), "{byte}");
        peer.write_quota(1);
    }
    stage.runner.settle();
    assert_eq!(receipt.now_or_never(), Some(Fate::Written { connection: 1 }));
}
