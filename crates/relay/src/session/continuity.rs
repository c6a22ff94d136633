//! What may be missing in the stream: [`Continuity`], a machine without a clock or a network.

use std::time::Duration;

use crate::{
    engine::Last,
    fleet::Worker,
    record::{Note, Stamp},
};

/// What the stream had of a subscription before its owner began.
#[derive(Clone, Debug, Default)]
pub(super) struct Before {
    /// The number of the last owner that was recorded. Its record may have expired.
    pub(super) owner: Option<u64>,
    /// The last record, without those of owners.
    pub(super) note: Option<Note>,
    pub(super) data: Option<Last>,
}

/// Whether everything that the upstream sent is in the stream, as far as this owner knows.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Continuity {
    /// Nothing was missed since the last message.
    Whole,
    /// Nobody may have received what was sent since this moment.
    Broken(Since),
}

/// When something began to be missing.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Since {
    pub(super) from: Stamp,
    pub(super) certain: bool,
    pub(super) after: Option<u64>,
}

impl Before {
    /// Since when messages may be missing, if no other owner runs. `None`: there was no owner.
    pub(super) fn since(&self) -> Option<Since> {
        let note = self.note.as_ref();
        let is_of_owner = note.is_some_and(|note| Some(note.epoch()) == self.owner);
        let after = self.data.as_ref().map(|last| last.sequence);
        let received = self.data.as_ref().and_then(|last| last.data).map(|data| data.received);
        // Records of the end are written after all data before them. One of an earlier owner, which
        // overlapped, is later than its messages, but says nothing about the end of the last owner.
        let (from, certain) = match note {
            Some(Note::Lost { heard, .. }) => (received.max(Some(*heard)), is_of_owner),
            Some(Note::Stopped { at, .. }) => (received.max(Some(*at)), is_of_owner),
            Some(Note::Open { since: Some(since), epoch, connection, .. })
                if !self.has_continued(*epoch, *connection) =>
            {
                return Some(Since { from: *since, certain: false, after: None });
            }
            Some(Note::Open { at, .. }) if is_of_owner => (received.max(Some(*at)), false),
            Some(Note::Open { at, .. }) => (received.or(Some(*at)), false),
            _ => (received, false),
        };
        // A subscription that never had a connection has missed all, but nothing that is known.
        Some(Since { from: from?, certain, after })
    }

    /// A message with an id came on this connection. As it is stored without a gap before it, it
    /// follows on those of the connection before: the upstream has resumed.
    fn has_continued(&self, epoch: u64, connection: u64) -> bool {
        self.data.as_ref().is_some_and(|last| {
            let is_of_it =
                last.data.is_some_and(|data| (data.epoch, data.connection) == (epoch, connection));
            is_of_it && last.id.contains(":i:")
        })
    }

    /// The last owner may have a connection on which it misses nothing.
    pub(super) fn is_open(&self) -> bool {
        match &self.note {
            None | Some(Note::Open { since: Some(_), .. }) => false,
            Some(note @ (Note::Lost { .. } | Note::Stopped { .. })) => {
                Some(note.epoch()) != self.owner
            }
            Some(_) => true,
        }
    }
}

impl Continuity {
    /// A connection is lost. The earlier moment counts.
    pub(super) fn lose(&mut self, from: Stamp, after: Option<u64>) {
        if *self == Self::Whole {
            *self = Self::Broken(Since { from, certain: true, after });
        }
    }

    /// Since when messages may be missing, if they may.
    pub(super) fn since(&self) -> Option<Stamp> {
        match self {
            Self::Whole => None,
            Self::Broken(since) => Some(since.from),
        }
    }

    /// The first message after an interruption was received: the gap, if there is one.
    pub(super) fn heal(&mut self, epoch: u64, to: Stamp) -> Option<Note> {
        match std::mem::replace(self, Self::Whole) {
            Self::Whole => None,
            Self::Broken(since) => Some(since.gap(epoch, to)),
        }
    }
}

impl Since {
    fn gap(self, epoch: u64, to: Stamp) -> Note {
        let Self { from, certain, after } = self;
        Note::Gap { epoch, from: from.min(to), to, certain, after }
    }
}

/// A gap that there is only if the owner before dies, or has no connection: it overlaps with this one.
/// Otherwise it stores what this owner missed, and records its end after that.
#[derive(Clone, Debug)]
pub(super) struct Doubt {
    pub(super) before: Worker,
    pub(super) from: Stamp,
    pub(super) to: Stamp,
    pub(super) after: Option<u64>,
}

/// How much the clocks of two computers may differ. A connection that ended longer before the first
/// message of the next one was not alive.
const SKEW: Duration = Duration::from_millis(500);

impl Doubt {
    /// What the last record says. `is_over`: the owner before is silent, so nothing more comes of it.
    /// `None`: not decided. Otherwise the gap, if there is one.
    pub(super) fn decide(
        &self,
        note: Option<&Note>,
        epoch: u64,
        is_over: bool,
    ) -> Option<Option<Note>> {
        let gap = |from: Stamp| {
            let (to, after) = (self.to, self.after);
            Some(Note::Gap { epoch, from: from.max(self.from).min(to), to, certain: false, after })
        };
        match note.filter(|note| note.epoch() < epoch) {
            // All that it received until then is stored.
            Some(Note::Stopped { at, .. }) if *at >= self.to.before(SKEW) => Some(None),
            Some(Note::Stopped { at, .. }) => Some(gap(*at)),
            // It may have been dead before it was noticed.
            Some(Note::Lost { heard, .. }) => Some(gap(*heard)),
            _ if is_over => Some(gap(self.from)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Data;

    fn data(received: u64) -> Last {
        let received = Stamp(received);
        let data = Data { epoch: 1, connection: 1, sequence: 1, received, is_text: true };
        Last { sequence: 7, id: "x".into(), data: Some(data), payload: Default::default() }
    }

    fn lost(heard: u64) -> Note {
        let (cause, detail) = ("broken".into(), String::new());
        Note::Lost { epoch: 1, connection: 1, at: Stamp(99), heard: Stamp(heard), cause, detail }
    }

    #[test]
    fn a_subscription_without_an_owner_has_missed_nothing() {
        assert_eq!(Before::default().since(), None);
    }

    #[test]
    fn after_a_crash_the_gap_begins_with_the_last_stored_message() {
        let open = Note::Open { epoch: 1, connection: 1, at: Stamp(10), since: None };
        let mut before = Before { owner: Some(1), note: Some(open), data: Some(data(30)) };
        let since = Since { from: Stamp(30), certain: false, after: Some(7) };
        assert_eq!(before.since(), Some(since));
        assert!(before.is_open());
        before.data = Some(data(5));
        assert_eq!(before.since().unwrap().from, Stamp(10), "nothing came on the last connection");
    }

    #[test]
    fn after_a_recorded_end_the_gap_begins_there() {
        let mut before = Before { owner: Some(1), note: Some(lost(40)), data: Some(data(30)) };
        let since = Since { from: Stamp(40), certain: true, after: Some(7) };
        assert_eq!(before.since(), Some(since));
        assert!(!before.is_open());
        before.owner = Some(2);
        assert!(before.is_open(), "the record is of an owner before the last");
        assert!(!before.since().unwrap().certain);
    }

    #[test]
    fn after_a_crash_before_the_first_message_the_gap_begins_with_the_loss() {
        let since = Some(Stamp(20));
        let open = Note::Open { epoch: 1, connection: 2, at: Stamp(40), since };
        let before = Before { owner: Some(1), note: Some(open), data: Some(data(30)) };
        assert_eq!(before.since().unwrap().from, Stamp(20));
        assert!(!before.is_open());
    }

    #[test]
    fn after_a_resume_the_next_gap_begins_with_the_last_message() {
        let since = Some(Stamp(20));
        let open = Note::Open { epoch: 1, connection: 1, at: Stamp(25), since };
        let mut last = data(30);
        last.id = "x:i:7".into();
        let before = Before { owner: Some(1), note: Some(open), data: Some(last) };
        assert_eq!(before.since().unwrap().from, Stamp(30));
    }

    #[test]
    fn a_gap_in_doubt_is_decided_by_the_end_of_the_owner_before() {
        let before = Worker { name: "a".into(), incarnation: 1 };
        let to = Stamp(60_000_000_000);
        let doubt = Doubt { before, from: Stamp(10), to, after: Some(3) };
        let stopped = |epoch, at| Note::Stopped { epoch, at, cause: "handover".into() };
        let gap = |from| Some(Note::Gap { epoch: 2, from, to, certain: false, after: Some(3) });
        assert_eq!(doubt.decide(None, 2, false), None);
        assert_eq!(doubt.decide(None, 2, true), Some(gap(Stamp(10))));
        assert_eq!(doubt.decide(Some(&stopped(1, to)), 2, true), Some(None));
        assert_eq!(doubt.decide(Some(&stopped(1, Stamp(50))), 2, false), Some(gap(Stamp(50))));
        assert_eq!(doubt.decide(Some(&stopped(2, to)), 2, false), None, "of this owner");
        assert_eq!(doubt.decide(Some(&lost(40)), 2, false), Some(gap(Stamp(40))));
    }

    #[test]
    fn several_losses_in_a_row_are_one_gap() {
        let mut continuity = Continuity::Whole;
        continuity.lose(Stamp(10), Some(3));
        continuity.lose(Stamp(20), Some(4));
        let gap = continuity.heal(5, Stamp(30));
        let (from, to, after) = (Stamp(10), Stamp(30), Some(3));
        assert_eq!(gap, Some(Note::Gap { epoch: 5, from, to, certain: true, after }));
        assert_eq!(continuity.heal(5, Stamp(40)), None);
    }
}
