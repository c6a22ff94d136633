//! The history of a session: its states over time, its losses and its figures.

use std::{collections::BTreeMap, ops::RangeInclusive};

/// One session. Times are milliseconds: since 1970 if the record has UTC times, otherwise since the
/// start of the session.
#[derive(Default)]
pub(crate) struct Session {
    pub(crate) start: i64,
    pub(crate) end: i64,
    /// The record has UTC times.
    pub(crate) utc: bool,
    /// The state of the session over time, without gaps, in order.
    pub(crate) spans: Vec<Span>,
    pub(crate) losses: Vec<Loss>,
    pub(crate) round_trips: Vec<RoundTrip>,
    pub(crate) opens: u64,
    pub(crate) received: u64,
    /// The messages that were not written, by fate and reason.
    pub(crate) unsent: BTreeMap<(String, String), u64>,
    pub(crate) unproven: u64,
    /// Connections whose events are missing in the record.
    pub(crate) skipped_cycles: u64,
    /// The reason of the end, in words; `None` if the record ends before the session.
    pub(crate) closed: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) state: State,
    pub(crate) connection: u64,
}

/// The last one is the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    Open,
    Connecting,
    /// Between two attempts.
    Waiting,
}

impl State {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Connecting => "connecting",
            Self::Waiting => "waiting",
        }
    }
}

/// A failed attempt or the end of a connection.
pub(crate) struct Loss {
    pub(crate) at: i64,
    pub(crate) connection: u64,
    pub(crate) opened: bool,
    pub(crate) cause: String,
    pub(crate) detail: String,
    pub(crate) unproven: u64,
    /// The time without a connection; `None` if no connection opened afterward.
    pub(crate) outage: Option<i64>,
}

#[derive(Clone, Copy)]
pub(crate) struct RoundTrip {
    pub(crate) at: i64,
    pub(crate) millis: f64,
}

/// The worst state in each of `count` columns, of states with the columns that they are in. `None`
/// where there is no state.
pub(crate) fn worst_states(
    states: impl Iterator<Item = (State, RangeInclusive<usize>)>,
    count: usize,
) -> Vec<Option<State>> {
    let mut worst = vec![None; count];
    for (state, columns) in states {
        for column in columns {
            if let Some(worst) = worst.get_mut(column) {
                *worst = (*worst).max(Some(state));
            }
        }
    }
    worst
}

impl Session {
    /// Begins a span, which ends the current one.
    pub(crate) fn enter(&mut self, at: i64, state: State, connection: u64) {
        if let Some(last) = self.spans.last_mut() {
            last.to = at;
            if last.state == state && last.connection == connection {
                return;
            }
        }
        self.spans.push(Span { from: at, to: at, state, connection });
    }

    /// Ends the session at this time.
    pub(crate) fn finish(&mut self, at: i64) {
        self.end = at;
        if let Some(last) = self.spans.last_mut() {
            last.to = at;
        }
        self.spans.retain(|span| span.to > span.from);
    }

    /// The time in a state.
    pub(crate) fn time(&self, state: State) -> i64 {
        let spans = self.spans.iter().filter(|span| span.state == state);
        spans.map(|span| span.to - span.from).sum()
    }
}
