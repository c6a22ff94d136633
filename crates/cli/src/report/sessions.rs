//! The content of a record: sessions with their spans, losses and figures.

use std::collections::BTreeMap;

/// All sessions of one file.
pub(super) struct Record {
    pub(super) name: String,
    pub(super) sessions: Vec<Session>,
    /// The number of the first line that is no event, and the number of such lines.
    pub(super) skipped: Option<(u64, u64)>,
}

/// One session. Times are milliseconds: since 1970 if the record has UTC times, otherwise since the
/// start of the session.
#[derive(Default)]
pub(super) struct Session {
    pub(super) start: i64,
    pub(super) end: i64,
    /// The record has UTC times.
    pub(super) utc: bool,
    /// The state of the session over time, without gaps, in order.
    pub(super) spans: Vec<Span>,
    pub(super) losses: Vec<Loss>,
    pub(super) round_trips: Vec<RoundTrip>,
    pub(super) opens: u64,
    pub(super) received: u64,
    /// The messages that were not written, by fate and reason.
    pub(super) unsent: BTreeMap<(String, String), u64>,
    pub(super) unproven: u64,
    /// Connections whose events are missing in the record.
    pub(super) skipped_cycles: u64,
    /// The reason of the end, in words; `None` if the record ends before the session.
    pub(super) closed: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) state: State,
    pub(super) connection: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    Open,
    Connecting,
    /// Between two attempts.
    Waiting,
}

impl State {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Connecting => "connecting",
            Self::Waiting => "waiting",
        }
    }
}

/// A failed attempt or the end of a connection.
pub(super) struct Loss {
    pub(super) at: i64,
    pub(super) connection: u64,
    pub(super) opened: bool,
    pub(super) cause: String,
    pub(super) detail: String,
    pub(super) unproven: u64,
    /// The time without a connection; `None` if no connection opened afterward.
    pub(super) outage: Option<i64>,
}

#[derive(Clone, Copy)]
pub(super) struct RoundTrip {
    pub(super) at: i64,
    pub(super) millis: f64,
}

impl Session {
    /// Begins a span, which ends the current one.
    pub(super) fn enter(&mut self, at: i64, state: State, connection: u64) {
        if let Some(last) = self.spans.last_mut() {
            last.to = at;
            if last.state == state && last.connection == connection {
                return;
            }
        }
        self.spans.push(Span { from: at, to: at, state, connection });
    }

    /// Ends the session at this time.
    pub(super) fn finish(&mut self, at: i64) {
        self.end = at;
        if let Some(last) = self.spans.last_mut() {
            last.to = at;
        }
        self.spans.retain(|span| span.to > span.from);
    }

    /// The time in a state.
    pub(super) fn time(&self, state: State) -> i64 {
        let spans = self.spans.iter().filter(|span| span.state == state);
        spans.map(|span| span.to - span.from).sum()
    }
}
