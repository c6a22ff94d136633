//! [`Ledger`]: a session that checks the fate of each message.

use std::collections::BTreeMap;

use futures::FutureExt;
use websocket_heartbeat::{
    DropReason, ErrorKind, Event, Fate, Frame, Handle, Message, OutboxSettings, Outgoing, Receipt,
    TransportError,
};
use websocket_heartbeat_mock::{Peer, Script, Task};

use crate::harness::{EventLog, Fixture, ms, secs};

/// A step of a test.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Queue {
        size: usize,
        receipt: bool,
        max_age: Option<u64>,
    },
    Run(u64),
    /// The link accepts this number of further bytes.
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

/// A session that checks the fate of each message.
pub(crate) struct Ledger {
    pub(crate) fixture: Fixture,
    resend: u32,
    handle: Handle,
    task: Option<Task<()>>,
    pub(crate) log: EventLog,
    accepted: Vec<Sent>,
}

impl Ledger {
    pub(crate) fn new(
        script: impl FnMut(u64) -> Script + Send + 'static,
        outbox: OutboxSettings,
        resend: u32,
    ) -> Self {
        let (mut fixture, builder) = Fixture::new(script);
        let outbox = if resend > 0 { outbox.give_back(true).resend(resend) } else { outbox };
        let mut session = builder.outbox(outbox).build().unwrap();
        let handle = session.handle();
        let log = EventLog::new(&fixture.clock);
        let events = log.clone();
        let reading = async move {
            while let Some(event) = session.next().await {
                events.push(event);
            }
        };
        let task = Some(fixture.runner.spawn(reading));
        Self { fixture, resend, handle, task, log, accepted: Vec::new() }
    }

    fn peer(&self) -> Option<Peer> {
        self.fixture.remote.last_peer()
    }

    pub(crate) fn act(&mut self, act: &Act) {
        let reset = || TransportError::new(ErrorKind::Reset, "reset");
        let peer = self.peer();
        match (act, peer) {
            (Act::Queue { size, receipt, max_age }, _) => self.queue(*size, *receipt, *max_age),
            (Act::Run(time), _) => {
                self.fixture.runner.run_for(ms(*time));
                self.look();
            }
            (Act::Quota(bytes), Some(peer)) => peer.write_quota(*bytes),
            (Act::Resume, Some(peer)) => peer.resume_writes(),
            (Act::Break, Some(peer)) => peer.fail(reset()),
            (Act::FailWrites, Some(peer)) => peer.fail_writes(reset()),
            (Act::End, Some(peer)) => peer.end(),
            (Act::CutCable, Some(peer)) => peer.half_open(),
            (Act::Say, Some(peer)) => peer.send("data"),
            (Act::Reconnect, _) => self.handle.reconnect_now(),
            (Act::Close, _) => self.handle.close(),
            (Act::Abort, _) => self.handle.abort(),
            (Act::Drop, _) => self.task.take().into_iter().for_each(Task::cancel),
            (_, None) => {}
        }
    }

    /// Queues a message that contains its own number, if it is long enough.
    fn queue(&mut self, size: usize, receipt: bool, max_age: Option<u64>) {
        let number = self.accepted.len() as u32;
        let mut bytes = vec![0; size];
        if let Some(head) = bytes.get_mut(..4) {
            head.copy_from_slice(&number.to_be_bytes());
        }
        let message = Message::binary(bytes);
        let outgoing = Outgoing::new(message.clone());
        let outgoing = match max_age {
            Some(age) => outgoing.max_age(ms(age)),
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

    /// Collects fates. A written message must be on the link at this time.
    fn look(&mut self) {
        let peers = self.fixture.remote.peers();
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

    /// Ends the session, and checks all fates.
    pub(crate) fn settle(mut self) {
        self.handle.close();
        self.fixture.runner.run_for(secs(120));
        self.look();
        let dropped = self.task.is_none();
        let events = self.log.events();
        let status = self.handle.status();
        let counters = status.counters;

        // Each message has one fate, found by its number.
        let accepted = self.accepted.len() as u64;
        let settled = counters.messages_out + counters.dropped + counters.unknown;
        assert_eq!((accepted, status.queued_messages), (settled, 0), "{counters:?}");

        // Each message has one fate, from its receipt or from an event.
        let (mut reported, mut discarded) = (Vec::new(), 0);
        for event in &events {
            match event {
                Event::Lost(lost) => {
                    reported.extend(lost.unsent.clone());
                    discarded += lost.discarded;
                }
                Event::Closed(closed) => {
                    reported.extend(closed.unsent.clone());
                    discarded += closed.discarded;
                }
                _ => {}
            }
        }
        let with_receipt = self.accepted.iter().filter_map(|sent| sent.fate.as_ref());
        let written = with_receipt.clone().filter(|fate| fate.is_written()).count() as u64;
        let without = self.accepted.iter().filter(|sent| sent.fate.is_none()).count() as u64;
        assert!(self.accepted.iter().all(|sent| sent.receipt.is_none()), "a receipt is pending");
        if !dropped {
            let written = counters.messages_out - written;
            assert_eq!(without, written + reported.len() as u64 + discarded);
        }
        assert!(reported.iter().all(|fate| !fate.is_written()));

        // A message that was not handed over was not on a link. Unknown messages fit into one
        // window.
        let peers = self.fixture.remote.peers();
        let mut windows: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        for fate in with_receipt.chain(&reported) {
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

        // Messages stay in order, and arrive twice only if they may be sent again.
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

struct Sent {
    message: Message,
    receipt: Option<Receipt>,
    fate: Option<Fate>,
}

/// The messages that the client has completely written.
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
