//! Whether the server answers the user's heartbeat, on transports without pings: [`Learning`].
//!
//! A pong proves that a server answers pings, since RFC 6455 requires it. A message proves nothing
//! of the kind: many servers do not answer the messages of a heartbeat, and their connections are
//! healthy. So an unanswered heartbeat ends such a connection only after answers were seen.

use std::time::Duration;

use super::{Machine, OpenConnection, State, output::Report};
use crate::time::Timestamp;

/// The kind of probe that a connection can send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Means {
    Pings,
    /// The user's messages. The transport has no pings.
    Messages,
    /// Nothing: the transport has no pings, and the user set no message.
    Nothing,
}

/// Whether the server must answer the probes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Answers {
    /// An unanswered probe ends the connection.
    Required,
    /// The server may answer, see the module. `reported`: an unanswered probe was reported.
    Optional { reported: bool },
}

/// Whether the server answers. The state belongs to the session and not to a connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Learning {
    pub(super) server: Knowledge,
    /// The last reconnect without learned answers, and the shortest time to the next one.
    pub(super) reconnect: Option<(Timestamp, Duration)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Knowledge {
    /// Not known yet: this many probes in a row were answered, or are in a row of silent misses.
    Unknown { answered: u8, silent: Option<Silence> },
    /// The server answers.
    Known,
    /// The last connection was lost by an unanswered probe. The first probe of the next connection
    /// shows whether the server answers.
    Doubted,
}

/// A row of unanswered probes, since the first of which nothing was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Silence {
    pub(super) since: Timestamp,
    pub(super) misses: u8,
}

/// The consequence of an unanswered probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Miss {
    Loss,
    Report,
}

/// As many answers in a row are learned, and as many silent misses in a row lead to a reconnect.
pub(super) const IN_A_ROW: u8 = 3;
const FIRST_GAP: Duration = Duration::from_secs(60);
const LONGEST_GAP: Duration = Duration::from_secs(30 * 60);

impl Learning {
    fn new() -> Self {
        Self { server: Knowledge::Unknown { answered: 0, silent: None }, reconnect: None }
    }

    fn is_known(&self) -> bool {
        self.server == Knowledge::Known
    }

    /// The server is known to answer.
    fn learn(&mut self) {
        *self = Self { server: Knowledge::Known, reconnect: None };
    }

    fn answered(&mut self) {
        match &mut self.server {
            Knowledge::Unknown { answered, silent } => {
                *answered += 1;
                *silent = None;
                if *answered == IN_A_ROW {
                    self.learn();
                }
            }
            Knowledge::Doubted => self.learn(),
            Knowledge::Known => {}
        }
    }

    /// A probe that was requested at `asked` was not answered. A frame was last heard at `heard`.
    fn missed(&mut self, now: Timestamp, asked: Timestamp, heard: Timestamp) -> Miss {
        let before = match self.server {
            Knowledge::Known => {
                self.server = Knowledge::Doubted;
                return Miss::Loss;
            }
            Knowledge::Doubted => None,
            Knowledge::Unknown { silent, .. } => silent,
        };
        // A frame since the first probe of the row ends the row.
        let before = before.filter(|row| heard <= row.since);
        let mut row = before.unwrap_or(Silence { since: asked, misses: 0 });
        row.misses = row.misses.saturating_add(1);
        self.server = Knowledge::Unknown { answered: 0, silent: Some(row) };
        if row.misses >= IN_A_ROW && self.may_reconnect(now) {
            return Miss::Loss;
        }
        Miss::Report
    }

    /// Returns whether a reconnect is allowed now, and takes note of it.
    fn may_reconnect(&mut self, now: Timestamp) -> bool {
        let gap = match self.reconnect {
            None => FIRST_GAP,
            Some((last, gap)) if now.saturating_since(last) >= gap => (gap * 2).min(LONGEST_GAP),
            Some(_) => return false,
        };
        self.reconnect = Some((now, gap));
        true
    }
}

impl Machine {
    /// A message was recognised as a reply by the user's function.
    pub(crate) fn handle_reply(&mut self, connection: u64) {
        if let Some(OpenConnection { answers: Answers::Optional { .. }, .. }) =
            self.current_mut(connection)
        {
            self.learning().learn();
        }
    }

    /// Proof of life is heard now, and `last_life` is still the time of the previous one. If it
    /// answers a probe, the answer is learned.
    ///
    /// The answer teaches nothing if the server had sent something shortly before the probe: it
    /// would have been heard without the probe as well.
    pub(super) fn learn_from_life(&mut self, connection: u64) {
        let Some(timeout) = self.rules.heartbeat.map(|heartbeat| heartbeat.timeout) else { return };
        if let Some(open) = self.current_mut(connection)
            && matches!(open.answers, Answers::Optional { .. })
            && let Some(asked) = open.beat.awaited()
            && asked.saturating_since(open.last_life) >= timeout
        {
            self.learning().answered();
        }
    }

    /// A probe was not answered. Returns whether the connection is lost by it.
    pub(super) fn miss(&mut self, now: Timestamp) -> bool {
        let State::Open(open) = &self.state else { return false };
        let Answers::Optional { reported } = open.answers else { return true };
        let (asked, heard) = (open.beat.asked().unwrap_or(now), open.last_move);
        let time = now.saturating_since(open.last_life);
        if self.learning().missed(now, asked, heard) == Miss::Loss {
            return true;
        }
        let (heartbeat, connection) = (self.rules.heartbeat, self.connection);
        if let State::Open(open) = &mut self.state {
            open.beat.rest(heartbeat, now);
            open.answers = Answers::Optional { reported: true };
        }
        if !reported {
            self.pending().report = Some(Report::Unanswered { connection, time });
        }
        false
    }

    /// Returns whether misses in a row are tolerated up to the user's limit. Otherwise each one is
    /// judged.
    pub(super) fn tolerates_misses(&self) -> bool {
        match &self.state {
            State::Open(OpenConnection { answers: Answers::Optional { .. }, .. }) => {
                self.learning.as_ref().is_some_and(|learning| learning.is_known())
            }
            _ => true,
        }
    }

    fn learning(&mut self) -> &mut Learning {
        self.learning.get_or_insert_with(|| Box::new(Learning::new()))
    }
}
