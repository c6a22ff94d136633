//! What may be missing in the stream: [`Continuity`], a machine without a clock or a network.

use crate::{
    engine::Last,
    fleet::Worker,
    record::{Note, Stamp},
};

/// What the stream had of a subscription before its owner began.
#[derive(Clone, Debug, Default)]
pub(super) struct Before {
    /// An owner was recorded.
    pub(super) owned: bool,
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
        if !self.owned {
            return None;
        }
        let after = self.data.as_ref().map(|last| last.sequence);
        let received = self.data.as_ref().and_then(|last| last.data).map(|data| data.received);
        // Records of the end are written after all data before them.
        let (from, certain) = match &self.note {
            Some(Note::Lost { heard, .. }) => (Some(*heard), true),
            Some(Note::Stopped { at, .. }) => (Some(*at), true),
            Some(Note::Open { at, .. }) => (received.max(Some(*at)), false),
            _ => (received, false),
        };
        // A subscription that never had a connection has missed all, but nothing that is known.
        let from = if certain { from.max(received) } else { from };
        Some(Since { from: from?, certain, after })
    }

    /// The owner before has not recorded that it has no connection.
    pub(super) fn is_open(&self) -> bool {
        !matches!(self.note, Some(Note::Lost { .. } | Note::Stopped { .. }) | None)
    }
}

impl Continuity {
    /// A connection is lost. The earlier moment counts.
    pub(super) fn lose(&mut self, from: Stamp, after: Option<u64>) {
        if *self == Self::Whole {
            *self = Self::Broken(Since { from, certain: true, after });
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

/// A gap that there is only if the owner before has died: it overlaps with this one.
#[derive(Clone, Debug)]
pub(super) struct Doubt {
    pub(super) before: Worker,
    /// The first message of this owner, on the clock of the fleet.
    pub(super) since: std::time::Duration,
    pub(super) gap: Note,
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
        let open = Note::Open { epoch: 1, connection: 1, at: Stamp(10) };
        let mut before = Before { owned: true, note: Some(open), data: Some(data(30)) };
        let since = Since { from: Stamp(30), certain: false, after: Some(7) };
        assert_eq!(before.since(), Some(since));
        assert!(before.is_open());
        before.data = Some(data(5));
        assert_eq!(before.since().unwrap().from, Stamp(10), "nothing came on the last connection");
    }

    #[test]
    fn after_a_recorded_end_the_gap_begins_there() {
        let before = Before { owned: true, note: Some(lost(40)), data: Some(data(30)) };
        let since = Since { from: Stamp(40), certain: true, after: Some(7) };
        assert_eq!(before.since(), Some(since));
        assert!(!before.is_open());
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
