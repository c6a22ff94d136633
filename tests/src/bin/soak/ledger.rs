//! The accounts of one session: [`Ledger`].

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    ops::AddAssign,
    sync::{Mutex, PoisonError},
};

use futures::FutureExt;
use websocket_heartbeat::{DropReason, Event, Fate, Lost, Message, Receipt, status::Counters};
use websocket_heartbeat_mock::Grammar;

use crate::{payload, plan::Plan, remote::Seen, server::CONNECTION};

/// Messages of the same sender have this number in common, in its upper eight bits.
pub(crate) const SENDER: u32 = 24;

/// Counts of one session, or of many.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) sessions: u64,
    pub(crate) dials: u64,
    pub(crate) opens: u64,
    pub(crate) accepted: u64,
    pub(crate) written: u64,
    pub(crate) unknown: u64,
    pub(crate) dropped: u64,
    /// Messages that the server received, and those that it received again.
    pub(crate) received: u64,
    pub(crate) received_again: u64,
    pub(crate) inbound: u64,
    pub(crate) losses: BTreeMap<&'static str, u64>,
    pub(crate) faults: BTreeMap<String, u64>,
}

impl AddAssign<&Self> for Tally {
    fn add_assign(&mut self, other: &Self) {
        self.sessions += other.sessions;
        self.dials += other.dials;
        self.opens += other.opens;
        self.accepted += other.accepted;
        self.written += other.written;
        self.unknown += other.unknown;
        self.dropped += other.dropped;
        self.received += other.received;
        self.received_again += other.received_again;
        self.inbound += other.inbound;
        for (cause, count) in &other.losses {
            *self.losses.entry(*cause).or_default() += count;
        }
        for (fault, count) in &other.faults {
            *self.faults.entry(fault.clone()).or_default() += count;
        }
    }
}

/// The knowledge about an accepted message.
#[derive(Debug)]
pub(crate) enum Acceptance {
    /// It has no receipt.
    Plain,
    Receipt(Receipt),
    /// Its receipt was awaited.
    Settled(Fate),
}

/// Everything that the tasks of a session record.
#[derive(Debug)]
pub(crate) struct Ledger {
    session: u64,
    accepted: Mutex<BTreeMap<u32, Acceptance>>,
    read: Mutex<Read>,
}

/// What the reader has read.
#[derive(Debug, Default)]
struct Read {
    grammar: Grammar,
    /// The numbers of the server's connections, by those of the client.
    connections: HashMap<u64, u64>,
    /// The current connection of the server, and the number of its next message.
    current: Option<u64>,
    next: u32,
    messages: u64,
    lagged: u64,
    /// Messages of the server that are missing before others.
    missing: u64,
    /// The messages that were discarded after the close.
    unread: u64,
    reported: BTreeMap<u32, Fate>,
    discarded: u64,
    unproven: HashMap<u64, u64>,
    last_unproven: Option<u64>,
    losses: u64,
    folded: bool,
}

impl Ledger {
    pub(crate) fn new(session: u64) -> Self {
        Self { session, accepted: Mutex::default(), read: Mutex::default() }
    }

    pub(crate) fn message(&self, number: u32, size: usize) -> Message {
        Message::binary(payload::payload(self.session, number, size))
    }

    pub(crate) fn accepted(&self, number: u32, how: Acceptance) {
        let mut accepted = self.accepted.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(accepted.insert(number, how).is_none(), "two messages have the number {number}");
    }

    /// Records an event, and checks its place.
    pub(crate) fn read(&self, event: Event) {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.grammar.read(&event);
        match event {
            Event::Open(open) => {
                let field = open.headers.get(CONNECTION);
                let number = field.expect("the server's field").parse().expect("a number");
                read.current = Some(number);
                read.next = 0;
                read.connections.insert(open.connection, number);
            }
            Event::Message(message) => {
                read.messages += 1;
                // The answer to a heartbeat has no number.
                if message.as_text().is_none() {
                    let source = read.current.expect("a message comes after Open");
                    let number = payload::number(source, message.as_bytes());
                    let number = number.unwrap_or_else(|broken| panic!("a message is {broken}"));
                    let gap = number.checked_sub(read.next);
                    let gap = gap.unwrap_or_else(|| panic!("{number} comes after {}", read.next));
                    read.missing += u64::from(gap);
                    read.next = number + 1;
                }
            }
            Event::Lagged(count) => read.lagged += count,
            Event::Lost(lost) => read.lost(self.session, *lost),
            Event::Closed(closed) => {
                read.last_unproven = Some(closed.unproven);
                read.discarded += closed.discarded;
                read.unread = closed.unread;
                closed.unsent.into_iter().for_each(|fate| read.fate(self.session, fate));
            }
            _ => {}
        }
    }

    /// Compares everything. `whole`: whether all events were read up to `Closed`.
    pub(crate) fn settle(
        self,
        plan: &Plan,
        whole: bool,
        counters: Counters,
        seen: Vec<Seen>,
    ) -> Tally {
        let read = self.read.into_inner().unwrap_or_else(PoisonError::into_inner);
        let accepted = self.accepted.into_inner().unwrap_or_else(PoisonError::into_inner);
        let count = accepted.len() as u64;
        let fates = one_fate_each(accepted, &read);
        let settled = counters.messages_out + counters.dropped + counters.unknown;
        assert_eq!(settled, count, "accepted messages without a fate, {counters:?}");
        let losses: u64 = counters.losses.iter().map(|(_, count)| count).sum();
        if whole {
            assert!(read.grammar.has_ended(), "the events end before Closed");
            assert_eq!(read.messages + read.lagged, counters.messages_in, "messages read");
            assert_eq!(read.losses, losses, "losses read");
            let Read { missing, lagged, unread, .. } = read;
            assert!(
                missing <= lagged + unread,
                "{missing} missing, {lagged} lagged, {unread} unread"
            );
            if read.discarded == 0 {
                as_counted(&fates, &counters);
            }
        }
        received(&fates, &read, &seen, plan.resend);
        written(&fates, &read, &seen);
        let again = in_order(&seen, plan.resend);
        let received: usize = seen.iter().map(|seen| seen.numbers.len()).sum();
        let mut tally = Tally {
            sessions: 1,
            dials: counters.dials,
            opens: counters.opens,
            accepted: count,
            written: counters.messages_out,
            unknown: counters.unknown,
            dropped: counters.dropped,
            received: received as u64,
            received_again: again,
            inbound: counters.messages_in,
            ..Tally::default()
        };
        tally.losses.extend(counters.losses.iter().filter(|(_, count)| *count > 0));
        for seen in seen {
            *tally.faults.entry(seen.fault).or_default() += 1;
        }
        tally
    }
}

impl Read {
    fn lost(&mut self, session: u64, lost: Lost) {
        self.losses += 1 + lost.skipped_cycles;
        self.folded |= lost.skipped_cycles > 0;
        self.discarded += lost.discarded;
        self.unproven.insert(lost.connection, lost.unproven);
        self.current = None;
        lost.unsent.into_iter().for_each(|fate| self.fate(session, fate));
    }

    /// A message without a receipt that was not written.
    fn fate(&mut self, session: u64, fate: Fate) {
        assert!(!fate.is_written(), "{fate:?} among the messages that were not written");
        let message = fate.clone().into_message().expect("messages are given back");
        let number = payload::number(session, message.as_bytes());
        let number = number.unwrap_or_else(|broken| panic!("given back: {broken}"));
        let twice = self.reported.insert(number, fate);
        assert!(twice.is_none(), "message {number} has two fates, {twice:?}");
    }
}

/// The known fates. `None` is that of a written message without a receipt, if all events were read.
fn one_fate_each(accepted: BTreeMap<u32, Acceptance>, read: &Read) -> BTreeMap<u32, Option<Fate>> {
    for number in read.reported.keys() {
        assert!(accepted.contains_key(number), "message {number} was not accepted");
    }
    let fates = accepted.into_iter().map(|(number, how)| {
        let reported = read.reported.get(&number).cloned();
        let fate = match how {
            Acceptance::Plain => return (number, reported),
            Acceptance::Receipt(receipt) => receipt.now_or_never(),
            Acceptance::Settled(fate) => Some(fate),
        };
        assert!(reported.is_none(), "message {number} has a receipt and {reported:?}");
        assert!(fate.is_some(), "the receipt of message {number} has no fate");
        (number, fate)
    });
    fates.collect()
}

/// The fates are as many as are counted.
fn as_counted(fates: &BTreeMap<u32, Option<Fate>>, counters: &Counters) {
    let (mut written, mut unknown, mut dropped) = (0, 0, 0);
    for fate in fates.values() {
        match fate {
            None | Some(Fate::Written { .. }) => written += 1,
            Some(Fate::Unknown { .. }) => unknown += 1,
            Some(Fate::Dropped { .. }) => dropped += 1,
            Some(other) => panic!("{other:?}"),
        }
    }
    let counted = [counters.messages_out, counters.unknown, counters.dropped];
    assert_eq!([written, unknown, dropped], counted, "written, unknown, dropped");
}

/// A message that the server received was passed to that connection.
fn received(fates: &BTreeMap<u32, Option<Fate>>, read: &Read, seen: &[Seen], resend: u32) {
    for seen in seen {
        for number in &seen.numbers {
            let fate = fates.get(number);
            match fate.unwrap_or_else(|| panic!("received {number}, which was not accepted")) {
                None => {}
                Some(Fate::Written { connection } | Fate::Unknown { connection, .. }) => {
                    // Unknown if the events of that connection were not read.
                    if let Some(last) = read.connections.get(connection) {
                        let again = resend > 0 && *last > seen.connection;
                        let here = *last == seen.connection || again;
                        assert!(here, "{number} is of {last}, received on {}", seen.connection);
                    }
                }
                Some(Fate::Dropped { reason, .. }) => {
                    let limit = resend > 0 && *reason == DropReason::ResendLimit;
                    assert!(limit, "received {number}, which was dropped: {reason}");
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

/// If the server read all bytes, it received all written messages. Otherwise at most the unproven ones
/// are missing.
fn written(fates: &BTreeMap<u32, Option<Fate>>, read: &Read, seen: &[Seen]) {
    for (connection, there) in &read.connections {
        let Some(seen) = seen.iter().find(|seen| seen.connection == *there) else {
            panic!("the server has no record of its connection {there}");
        };
        let here = Some(Fate::Written { connection: *connection });
        let numbers: HashSet<_> = seen.numbers.iter().collect();
        let missing = fates
            .iter()
            .filter(|(number, fate)| **fate == here && !numbers.contains(number))
            .count() as u64;
        if seen.drained {
            assert_eq!(missing, 0, "written on {connection}, read to its end, and not received");
        }
        let unproven = match read.unproven.get(connection) {
            _ if read.folded => None,
            // The close frames of both sides may cross each other, and then prove nothing.
            None if seen.closed_first
                || read.connections.keys().any(|later| later > connection) =>
            {
                None
            }
            None => read.last_unproven,
            unproven => unproven.copied(),
        };
        if let Some(unproven) = unproven {
            assert!(missing <= unproven, "{missing} missing on {connection}, {unproven} unproven");
        }
    }
}

/// The messages of each sender arrive in order, and only as often as they may be sent. Returns how many
/// came again.
fn in_order(seen: &[Seen], resend: u32) -> u64 {
    let mut seen: Vec<_> = seen.iter().collect();
    seen.sort_by_key(|seen| seen.connection);
    let mut times: HashMap<u32, u32> = HashMap::new();
    let mut last: HashMap<u32, u32> = HashMap::new();
    let mut again = 0;
    for seen in seen {
        for number in &seen.numbers {
            let arrivals = times.entry(*number).or_default();
            *arrivals += 1;
            assert!(*arrivals <= 1 + resend, "message {number} arrived {arrivals} times");
            if *arrivals > 1 {
                again += 1;
                continue;
            }
            let before = last.insert(number >> SENDER, *number);
            assert!(before < Some(*number), "message {number} after {before:?}");
        }
    }
    again
}
