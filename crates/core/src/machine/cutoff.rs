//! Finds a limit at which the peer ends connections: [`Endings`].
//!
//! A connection that the peer ended counts with its *silence*, the time since the last frame in
//! either direction, and with its *age*. Boxes that count one direction are found, too, since most
//! connections that they end are silent in both. A probe is no frame here until it is answered. So
//! if a box has forgotten the connection and answers the probe with a reset, the silence before the
//! probe counts.
//!
//! A silence shows no limit if the connection survived the same silence before. So a server that
//! ends connections at an age, a fixed time after the last heartbeat, is not mistaken for a limit
//! on silence. If both fit, the longer row is reported, and the silence if they are equally long: a
//! heartbeat costs less than new connections. If a connection with this heartbeat is still ended,
//! it has survived the silence, and the next row shows the age.
//!
//! A failed attempt does not end a row. It shows nothing about the end of open connections, and a
//! network with a limit may also refuse attempts.

use std::time::Duration;

use super::{Machine, OpenConnection, State};
use crate::{event::Cutoff, time::Timestamp};

/// As many ends in a row show a limit. Two ends may be alike by chance.
const IN_A_ROW: u32 = 3;

/// Times that differ by less than this are alike: timers of servers are coarse, and the network
/// delays the end.
const SLACK: Duration = Duration::from_secs(1);

/// Or times that differ by at most this part, for long limits.
const PART: u32 = 20;

/// The shortest limit that is found: three times the slack. Shorter times are alike by chance. A
/// server that ends each connection soon after the upgrade has another reason.
const SHORTEST: Duration = Duration::from_secs(3);

/// The ends of connections in a row that the peer ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Endings {
    silences: Option<Row>,
    ages: Option<Row>,
}

/// Times in a row that are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Row {
    shortest: Duration,
    longest: Duration,
    count: u32,
}

impl Row {
    /// The row with one more time, or a new row.
    fn with(row: Option<Self>, time: Duration) -> Option<Self> {
        if time < SHORTEST {
            return None;
        }
        let alone = Self { shortest: time, longest: time, count: 1 };
        Some(row.and_then(|row| row.extended(time)).unwrap_or(alone))
    }

    /// `None` if the time is not like the others.
    fn extended(self, time: Duration) -> Option<Self> {
        let (shortest, longest) = (self.shortest.min(time), self.longest.max(time));
        let alike = longest - shortest <= SLACK.max(longest / PART);
        alike.then_some(Self { shortest, longest, count: self.count.saturating_add(1) })
    }

    /// The limit that the row shows, and its length.
    fn limit(self) -> Option<(Duration, u32)> {
        let millis = u64::try_from(self.shortest.as_millis()).unwrap_or(u64::MAX);
        (self.count >= IN_A_ROW).then_some((Duration::from_millis(millis), self.count))
    }
}

impl Endings {
    /// A connection was ended. `survived`: its longest silence before the last one.
    fn add(&mut self, silence: Duration, survived: Duration, age: Duration) {
        self.silences = if survived >= silence { None } else { Row::with(self.silences, silence) };
        self.ages = Row::with(self.ages, age);
    }

    fn cutoff(&self) -> Option<Cutoff> {
        let silence = self.silences.and_then(Row::limit);
        let age = self.ages.and_then(Row::limit);
        match (silence, age) {
            (Some((_, silences)), Some((limit, in_a_row))) if in_a_row > silences => {
                Some(Cutoff::Age { limit, in_a_row })
            }
            (Some((limit, in_a_row)), _) => Some(Cutoff::Silence { limit, in_a_row }),
            (None, Some((limit, in_a_row))) => Some(Cutoff::Age { limit, in_a_row }),
            (None, None) => None,
        }
    }
}

impl Machine {
    /// The limit that the last losses of open connections show.
    pub(super) fn cutoff(&self) -> Option<Cutoff> {
        let endings = self.endings.as_ref().filter(|_| cfg!(feature = "cutoff"));
        endings.and_then(|endings| endings.cutoff())
    }

    /// The peer ended the connection. The end of a paused connection shows nothing, since no
    /// heartbeat was sent, and while nothing is read the silence is not known.
    pub(super) fn note_ending(&mut self, now: Timestamp) {
        if !cfg!(feature = "cutoff") {
            return;
        }
        match &self.state {
            State::Open(open) if !self.intake.is_full() => {
                let silence = now.saturating_since(open.last_frame);
                let survived = Duration::from_millis(open.survived.into());
                let age = now.saturating_since(open.since);
                self.endings.get_or_insert_default().add(silence, survived, age);
            }
            State::Connecting { .. } => {}
            _ => self.endings = None,
        }
    }
}

impl OpenConnection {
    /// A frame came in, or messages were written: a silence is over.
    #[inline]
    pub(super) fn end_silence(&mut self, now: Timestamp) {
        let silence = now.saturating_since(self.last_frame);
        // A shorter silence does not matter.
        if cfg!(feature = "cutoff") && silence >= SHORTEST {
            self.survive(silence);
        }
        self.last_frame = now;
    }

    #[cold]
    fn survive(&mut self, silence: Duration) {
        let millis = u32::try_from(silence.as_millis()).unwrap_or(u32::MAX);
        self.survived = self.survived.max(millis);
    }
}
