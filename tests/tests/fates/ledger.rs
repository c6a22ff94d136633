//! The accounts of a case.

use std::{collections::BTreeMap, ops::AddAssign};

use websocket_heartbeat::{DropReason, Event, Fate, Message, Status, WhenFull};

use crate::{Accepted, plan::Plan, server::Seen};

/// How often things came about.
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
        self.one_fate_each(&fates);
        self.what_was_read_was_sent(&fates, &seen);
        self.what_was_written_has_left(&fates, &seen);
        self.windows(&fates);
        let seen_again = self.order_is_kept(&fates, &seen);
        let counters = self.status.counters;
        Tally {
            written: counters.messages_out,
            unknown: counters.unknown,
            dropped: counters.dropped,
            drained: self.seen.iter().filter(|seen| seen.drained).count() as u64,
            seen_again,
        }
    }

    /// The fates that were told, by number. Without a receipt `Written` is not told.
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
            assert_eq!(discarded, 0, "each event is read");
            for fate in unsent {
                assert!(!fate.is_written());
                let message = fate.clone().into_message().expect("it comes back");
                let number = number(message.as_bytes()).expect("the small ones have receipts");
                assert!(fates.insert(number, fate.clone()).is_none(), "{number} has two fates");
            }
        }
        for (number, fate) in &fates {
            if let Some(message) = fate.clone().into_message() {
                assert!(message == self.plan.message(*number), "{number} comes back changed");
            }
        }
        fates
    }

    fn one_fate_each(&self, fates: &BTreeMap<usize, Fate>) {
        let counters = self.status.counters;
        let told = |wanted: fn(&Fate) -> bool| fates.values().filter(|fate| wanted(fate)).count();
        let untold = self.accepted.len() - fates.len();
        let written = told(Fate::is_written) + untold;
        let unknown = told(|fate| matches!(fate, Fate::Unknown { .. }));
        let dropped = told(|fate| matches!(fate, Fate::Dropped { .. }));
        let found = [written, unknown, dropped].map(|count| count as u64);
        assert_eq!(found, [counters.messages_out, counters.unknown, counters.dropped]);
        assert_eq!((self.status.queued_messages, self.status.queued_bytes), (0, 0));
        assert!(fates.keys().all(|number| self.accepted.iter().any(|known| known.0 == *number)));
    }

    /// What the server read whole was handed to that very connection.
    fn what_was_read_was_sent(&self, fates: &BTreeMap<usize, Fate>, seen: &[Vec<usize>]) {
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
                    None => assert!(!self.plan.messages[*number].1, "written, it is not told"),
                    other => panic!("{number}: {other:?}"),
                }
            }
        }
    }

    /// Where the server read all that ever left, `Written` is true; where not, the loss admits it.
    fn what_was_written_has_left(&self, fates: &BTreeMap<usize, Fate>, seen: &[Vec<usize>]) {
        for (at, (numbers, connection)) in seen.iter().zip(&self.seen).enumerate() {
            let here = Fate::Written { connection: at as u64 + 1 };
            let written = fates.iter().filter(|(_, fate)| **fate == here);
            let unread = if numbers.is_empty() {
                // Nothing was read, or only what is too small to be told apart.
                written.count().saturating_sub(connection.messages.len()) as u64
            } else {
                written.filter(|(number, _)| !numbers.contains(number)).count() as u64
            };
            if connection.drained {
                assert_eq!(unread, 0, "on {} written before it was flushed", at + 1);
            }
            let unproven = self.events.iter().find_map(|event| match event {
                Event::Lost(lost) if lost.connection == at as u64 + 1 => Some(lost.unproven),
                _ => None,
            });
            if let (Some(unproven), false) = (unproven, connection.answered) {
                assert!(unread <= unproven, "{unread} lost, {unproven} admitted");
            }
        }
    }

    /// What is unknown is the window that was in hand, behind all that was written.
    fn windows(&self, fates: &BTreeMap<usize, Fate>) {
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

    /// Nobody overtakes, and what comes twice was to be sent again. Gives how many did.
    fn order_is_kept(&self, fates: &BTreeMap<usize, Fate>, seen: &[Vec<usize>]) -> u64 {
        let mut times: BTreeMap<usize, u32> = BTreeMap::new();
        let mut furthest = None;
        for numbers in seen {
            assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
            for number in numbers {
                let known = times.entry(*number).or_default();
                *known += 1;
                if *known == 1 {
                    assert!(furthest < Some(*number), "{number} first after {furthest:?}");
                    furthest = Some(*number);
                }
                assert!(*known <= self.plan.resend + 1, "{number}");
            }
        }
        // Nothing that was written goes again: `what_was_read_was_sent` knows the connections of
        // those with a receipt; those without are in order between them.
        let resends = fates.values().filter(|fate| matches!(fate, Fate::Unknown { .. })).count();
        assert!(self.plan.resend == 0 || self.plan.gives_up || resends == 0 || self.drops());
        times.values().filter(|times| **times > 1).count() as u64
    }

    fn drops(&self) -> bool {
        self.plan.when_full == WhenFull::DropOldest
    }

    /// Which messages these are.
    fn numbers(&self, seen: &Seen) -> Vec<usize> {
        let known = seen.messages.iter().map(|bytes| number(bytes)).enumerate();
        let known: Vec<(usize, Option<usize>)> = known.collect();
        // Those too small for a number stand in one row with the others, from which none is
        // missing. Without any other it is not known which they are.
        let anchor = known.iter().find_map(|&(at, number)| Some((at, number?)));
        let Some((anchor, first)) = anchor else { return Vec::new() };
        let row = known.iter().map(|&(at, number)| number.unwrap_or(first + at - anchor));
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
