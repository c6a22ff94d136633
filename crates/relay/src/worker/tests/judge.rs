//! The judge: what the stream has of a subscription, compared with what its upstream sent.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::bed::Bed;
use crate::{
    engine::{Data, Head, memory::Kept},
    record::{Note, Stamp},
};

/// Everything in the stream about one subscription, in order.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) items: Vec<(u64, Item)>,
    sent: Vec<(u64, Stamp)>,
    large: BTreeSet<u64>,
}

#[derive(Debug)]
pub(super) enum Item {
    Number(u64, Data),
    /// A message without a number.
    Other(String),
    Note(Note),
}

/// A gap in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gap {
    pub(super) from: Stamp,
    pub(super) to: Stamp,
    pub(super) certain: bool,
}

impl Gap {
    pub(super) fn len(&self) -> Duration {
        Duration::from_nanos(self.to.0 - self.from.0)
    }
}

impl Account {
    pub(super) fn of(bed: &Bed, name: &str) -> Self {
        let subjects = [bed.names.data(name), bed.names.records(name), bed.names.owners(name)];
        let state = bed.world.lock();
        let kept = state.entries.iter();
        let kept =
            kept.filter(|kept| subjects.iter().any(|subject| **subject == *kept.entry.subject));
        let items = kept.map(|kept| (kept.sequence, item(kept))).collect();
        drop(state);
        let (sent, large) = bed.feed(name, |feed| (feed.sent.clone(), feed.large.clone()));
        Self { items, sent, large }
    }

    pub(super) fn numbers(&self) -> Vec<u64> {
        let numbers = self.items.iter().filter_map(|(_, item)| match item {
            Item::Number(number, _) => Some(*number),
            _ => None,
        });
        numbers.collect()
    }

    pub(super) fn notes(&self) -> Vec<&Note> {
        let notes = self.items.iter().filter_map(|(_, item)| match item {
            Item::Note(note) => Some(note),
            _ => None,
        });
        notes.collect()
    }

    /// The kinds of the records, in order, without those of the same kind that follow.
    pub(super) fn kinds(&self) -> Vec<&'static str> {
        self.notes().iter().map(|note| note.name()).collect()
    }

    pub(super) fn gaps(&self) -> Vec<Gap> {
        let gaps = self.notes().into_iter().filter_map(|note| match note {
            Note::Gap { from, to, certain, .. } => {
                Some(Gap { from: *from, to: *to, certain: *certain })
            }
            _ => None,
        });
        gaps.collect()
    }

    /// When the upstream sent a number.
    pub(super) fn sent_at(&self, number: u64) -> Stamp {
        self.sent[number as usize - 1].1
    }

    /// The numbers that are not in the stream, from the first that is, without those that were too large.
    pub(super) fn missing(&self) -> Vec<u64> {
        let stored: BTreeSet<u64> = self.numbers().into_iter().collect();
        let Some(first) = stored.first() else { return Vec::new() };
        let sent = self.sent.iter().map(|(number, _)| *number).filter(|number| number > first);
        sent.filter(|number| !stored.contains(number) && !self.large.contains(number)).collect()
    }

    /// Numbers are in the order in which they were sent.
    pub(super) fn is_in_order(&self) -> bool {
        self.numbers().is_sorted()
    }

    /// What is wrong, if something is.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let gaps = self.gaps();
        for number in self.missing() {
            let at = self.sent_at(number);
            if !gaps.iter().any(|gap| gap.from <= at && at <= gap.to) {
                faults.push(format!("{number}, sent at {at}, is missing, and in no gap"));
            }
        }
        let mut seen = BTreeSet::new();
        for number in self.numbers() {
            if !seen.insert(number) {
                faults.push(format!("{number} is stored twice"));
            }
        }
        self.check_order(&mut faults);
        faults
    }

    fn check_order(&self, faults: &mut Vec<String>) {
        let mut owners = BTreeSet::new();
        let mut connections = BTreeSet::new();
        let mut last: BTreeMap<u64, (u64, u64, u64)> = BTreeMap::new();
        for (at, item) in &self.items {
            let epoch = match item {
                Item::Number(_, data) => data.epoch,
                Item::Note(note) => note.epoch(),
                Item::Other(_) => continue,
            };
            match item {
                Item::Number(number, data) => {
                    let current = (data.connection, data.sequence, *number);
                    if let Some(before) = last.insert(epoch, current)
                        && !(before.0 <= current.0 && before.2 < current.2)
                    {
                        faults.push(format!("{at}: {current:?} after {before:?}"));
                    }
                    if !connections.contains(&data.connection) {
                        faults.push(format!("{at}: no connection {} was open", data.connection));
                    }
                }
                Item::Note(Note::Open { connection, .. }) => {
                    connections.insert(*connection);
                }
                Item::Note(Note::Owner { .. }) => {
                    owners.insert(epoch);
                }
                Item::Note(Note::Gap { from, to, .. }) if from > to => {
                    faults.push(format!("{at}: the gap ends before it begins"));
                }
                _ => {}
            }
            if !owners.contains(&epoch) {
                faults.push(format!("{at}: no owner {epoch} was recorded before {item:?}"));
            }
        }
    }

    #[track_caller]
    pub(super) fn assert_sound(&self) {
        let faults = self.faults();
        assert!(faults.is_empty(), "{faults:#?}\n{}", self.story());
    }

    /// Nothing is missing, and no gap is claimed.
    #[track_caller]
    pub(super) fn assert_whole(&self) {
        self.assert_sound();
        assert_eq!(self.missing(), [0; 0], "{}", self.story());
        assert_eq!(self.gaps(), [], "{}", self.story());
        assert!(self.is_in_order(), "{}", self.story());
    }

    /// The records and the numbers between them, for a failed test.
    pub(super) fn story(&self) -> String {
        let mut lines = Vec::new();
        let mut run: Option<(u64, u64, Data)> = None;
        let end = |lines: &mut Vec<String>, run: &mut Option<(u64, u64, Data)>| {
            if let Some((first, last, data)) = run.take() {
                let (epoch, connection) = (data.epoch, data.connection);
                lines.push(format!("{first}..={last} epoch {epoch} connection {connection}"));
            }
        };
        for (at, item) in &self.items {
            match item {
                Item::Number(number, data) => match &mut run {
                    Some((_, last, of))
                        if *last + 1 == *number
                            && (of.epoch, of.connection) == (data.epoch, data.connection) =>
                    {
                        *last = *number;
                    }
                    _ => {
                        end(&mut lines, &mut run);
                        run = Some((*number, *number, *data));
                    }
                },
                Item::Note(note) => {
                    end(&mut lines, &mut run);
                    lines.push(format!("{at}: {}", serde_json::to_string(note).expect("a record")));
                }
                Item::Other(text) => {
                    end(&mut lines, &mut run);
                    lines.push(format!("{at}: {text}"));
                }
            }
        }
        end(&mut lines, &mut run);
        lines.join("\n")
    }
}

/// The number in a message. Its text is not read as JSON, since there are many large ones.
pub(super) fn number_in(text: &str) -> Option<u64> {
    let rest = text.strip_prefix(r#"{"seq":"#)?;
    rest[..rest.find([',', '}'])?].parse().ok()
}

fn item(kept: &Kept) -> Item {
    let payload = &kept.entry.payload;
    match kept.entry.head {
        Head::Data(data) => {
            let text = String::from_utf8(payload.to_vec()).expect("a text");
            match number_in(&text) {
                Some(number) => Item::Number(number, data),
                None => Item::Other(text),
            }
        }
        Head::Note(name) => {
            let note: Note = serde_json::from_slice(payload).expect("a record");
            assert_eq!(note.name(), name, "the header names the record");
            Item::Note(note)
        }
    }
}
