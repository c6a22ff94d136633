//! Checks that the fates of a case agree with the data that the server received.

use std::{collections::BTreeMap, ops::AddAssign};

use websocket_heartbeat::{DropReason, Event, Fate, Message, Status, WhenFull};

use crate::{Accepted, plan::Plan, server::Seen};

/// Counts over many cases.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) written: u64,
    pub(crate) unknown: u64,
    pub(crate) dropped: u64,
    pub(crate) drained: u64,
    /// Messages that a server read twice.
    pub(crate) seen_again: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.written += other.written;
        self.unknown += other.unknown;
        self.dropped += other.dropped;
        self.drained += other.drained;
        self.seen_again += other.seen_again;
    }
}

pub(crate) struct Ledger<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) accepted: Vec<Accepted>,
    pub(crate) events: Vec<Event>,
    pub(crate) seen: Vec<Seen>,
    pub(crate) status: Status,
}

impl Ledger<'_> {
    pub(crate) fn settle(self) -> Tally {
        let fates = self.fates();
        let seen: Vec<Vec<usize>> = self.seen.iter().map(|seen| self.numbers(seen)).collect();
        self.each_message_has_one_fate(&fates);
        self.received_messages_were_sent(&fates, &seen);
        self.written_messages_were_received(&fates, &seen);
        self.unknown_messages_are_a_window(&fates);
        let seen_again = self.messages_arrive_in_order(&fates, &seen);
        let counters = self.status.counters;
        Tally {
            written: counters.messages_out,
            unknown: counters.unknown,
            dropped: counters.dropped,
            drained: self.seen.iter().filter(|seen| seen.drained).count() as u64,
            seen_again,
        }
    }

    /// The reported fates, by number. Without a receipt, `Written` is not reported.
    fn fates(&self) -> BTreeMap<usize, Fate> {
        let mut fates = BTreeMap::new();
        for (number, fate) in &self.accepted {
            if let Some(fate) = fate {
                fates.insert(*number, fate.clone());
            }
        }
        for event in &self.events {
            let (unsent, discarded) = match event {
                Event::Lost(lost) => (&lost.unsent, lost.discarded),
                Event::Closed(closed) => (&closed.unsent, closed.discarded),
                _ => continue,
            };
            assert_eq!(discarded, 0, "all events are read");
            for fate in unsent {
                assert!(!fate.is_written());
                let message = fate.clone().into_message().expect("it is given back");
                let number = number(message.as_bytes()).expect("the small ones have receipts");
                assert!(fates.insert(number, fate.clone()).is_none(), "{number} has two fates");
            }
        }
        for (number, fate) in &fates {
            if let Some(message) = fate.clone().into_message() {
                assert!(message == self.plan.message(*number), "{number} was changed");
            }
        }
        fates
    }

    fn each_message_has_one_fate(&self, fates: &BTreeMap<usize, Fate>) {
        let counters = self.status.counters;
        let count = |wanted: fn(&Fate) -> bool| fates.values().filter(|fate| wanted(fate)).count();
        let unreported = self.accepted.len() - fates.len();
        let written = count(Fate::is_written) + unreported;
        let unknown = count(|fate| matches!(fate, Fate::Unknown { .. }));
        let dropped = count(|fate| matches!(fate, Fate::Dropped { .. }));
        let found = [written, unknown, dropped].map(|count| count as u64);
        assert_eq!(found, [counters.messages_out, counters.unknown, counters.dropped]);
        assert_eq!((self.status.queued_messages, self.status.queued_bytes), (0, 0));
        assert!(
            fates.keys().all(|number| self.accepted.iter().any(|accepted| accepted.0 == *number))
        );
    }

    /// A message that the server received was passed to the same connection.
    fn received_messages_were_sent(&self, fates: &BTreeMap<usize, Fate>, seen: &[Vec<usize>]) {
        for (at, numbers) in seen.iter().enumerate() {
            for number in numbers {
                match fates.get(number) {
                    Some(Fate::Written { connection } | Fate::Unknown { connection, .. }) => {
                        let here = at as u64 + 1;
                        let again = self.plan.resend > 0 && *connection > here;
                        assert!(*connection == here || again, "{number} on {here}: {connection}");
                    }
                    Some(Fate::Dropped { reason, .. }) => {
                        assert_eq!(*reason, DropReason::ResendLimit, "{number}");
                    }
                    None => assert!(!self.plan.messages[*number].1, "written without a receipt"),
                    other => panic!("{number}: {other:?}"),
                }
            }
        }
    }

    /// If the server read all bytes, all `Written` messages were received. Otherwise the loss
    /// counts the missing messages as unproven.
    fn written_messages_were_received(&self, fates: &BTreeMap<usize, Fate>, seen: &[Vec<usize>]) {
        for (at, (numbers, connection)) in seen.iter().zip(&self.seen).enumerate() {
            let here = Fate::Written { connection: at as u64 + 1 };
            let written = fates.iter().filter(|(_, fate)| **fate == here);
            let unread = if numbers.is_empty() {
                // No message with a number was received.
                written.count().saturating_sub(connection.messages.len()) as u64
            } else {
                written.filter(|(number, _)| !numbers.contains(number)).count() as u64
            };
            if connection.drained {
                assert_eq!(unread, 0, "on {}: written but not received", at + 1);
            }
            let unproven = self.events.iter().find_map(|event| match event {
                Event::Lost(lost) if lost.connection == at as u64 + 1 => Some(lost.unproven),
                _ => None,
            });
            if let (Some(unproven), false) = (unproven, connection.answered) {
                assert!(unread <= unproven, "{unread} lost, {unproven} unproven");
            }
        }
    }

    /// Unknown messages are one window, and come after all written messages.
    fn unknown_messages_are_a_window(&self, fates: &BTreeMap<usize, Fate>) {
        let mut windows: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        for (number, fate) in fates {
            if let Fate::Unknown { connection, message } = fate {
                assert_eq!(message.is_some(), self.plan.give_back || self.plan.resend > 0);
                windows.entry(*connection).or_default().push(*number);
            }
        }
        for (connection, window) in windows {
            let bytes: usize = window.iter().map(|number| self.plan.messages[*number].0).sum();
            assert!(window.len() <= 256, "{}", window.len());
            assert!(bytes <= 64 << 10 || window.len() == 1, "{bytes}");
            let written = |fate: &Fate| *fate == Fate::Written { connection };
            let last = fates.iter().filter(|(_, fate)| written(fate)).map(|(n, _)| *n).max();
            assert!(last.is_none_or(|last| last < window[0]), "{last:?} after {window:?}");
        }
    }

    /// Messages arrive in order. Those that arrive twice were sent again on purpose. Returns their number.
    fn messages_arrive_in_order(&self, fates: &BTreeMap<usize, Fate>, seen: &[Vec<usize>]) -> u64 {
        let mut times: BTreeMap<usize, u32> = BTreeMap::new();
        let mut last_new = None;
        for numbers in seen {
            assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
            for number in numbers {
                let arrivals = times.entry(*number).or_default();
                *arrivals += 1;
                if *arrivals == 1 {
                    assert!(last_new < Some(*number), "{number} first after {last_new:?}");
                    last_new = Some(*number);
                }
                assert!(*arrivals <= self.plan.resend + 1, "{number}");
            }
        }
        // A written message is not sent again: `received_messages_were_sent` checks the connections of
        // those with a receipt, and the others are in order between them.
        let resends = fates.values().filter(|fate| matches!(fate, Fate::Unknown { .. })).count();
        assert!(self.plan.resend == 0 || self.plan.gives_up || resends == 0 || self.drops());
        times.values().filter(|times| **times > 1).count() as u64
    }

    fn drops(&self) -> bool {
        self.plan.when_full == WhenFull::DropOldest
    }

    /// The numbers of the received messages.
    fn numbers(&self, seen: &Seen) -> Vec<usize> {
        let numbered = seen.messages.iter().map(|bytes| number(bytes)).enumerate();
        let numbered: Vec<(usize, Option<usize>)> = numbered.collect();
        // Messages without a number are between those with a number, and no message is missing
        // there. If no message has a number, the numbers are unknown.
        let anchor = numbered.iter().find_map(|&(at, number)| Some((at, number?)));
        let Some((anchor, first)) = anchor else { return Vec::new() };
        let row = numbered.iter().map(|&(at, number)| number.unwrap_or(first + at - anchor));
        for (number, bytes) in row.clone().zip(&seen.messages) {
            let message = Message::binary(bytes.clone());
            assert!(message == self.plan.message(number), "{number} arrives changed");
        }
        row.collect()
    }
}

fn number(bytes: &[u8]) -> Option<usize> {
    bytes.first_chunk().map(|head| u32::from_be_bytes(*head) as usize)
}
