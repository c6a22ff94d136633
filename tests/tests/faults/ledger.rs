//! Compares the fates of a session's messages with the messages that the server received.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Add,
};

use websocket_heartbeat_tests::Report;

/// The messages of a run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) written: u64,
    pub(crate) unknown: u64,
    pub(crate) dropped: u64,
    /// Messages that the server received.
    pub(crate) received: u64,
    /// Written messages of lost connections, of which the session said that they may be lost.
    pub(crate) unproven: u64,
}

impl Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            written: self.written + other.written,
            unknown: self.unknown + other.unknown,
            dropped: self.dropped + other.dropped,
            received: self.received + other.received,
            unproven: self.unproven + other.unproven,
        }
    }
}

/// Settles the account of a closed session. `reports` are all of its reports, `sent` is the number of
/// messages that were queued, and `received` the numbers that the server received.
pub(crate) fn settle(reports: &[Report], sent: u64, received: &[u64]) -> Tally {
    let of_kind = |kind| reports.iter().filter(move |report| report.kind() == kind);
    let fates: BTreeMap<u64, (&str, u64)> = of_kind("fate")
        .map(|fate| (fate.number("number"), (fate.text("fate"), fate.number("connection"))))
        .collect();
    assert_eq!(of_kind("fate").count(), fates.len(), "a message has two fates");
    assert!(fates.keys().copied().eq(1..=sent), "fates of {sent} messages: {fates:?}");
    let count = |wanted| fates.values().filter(|(fate, _)| *fate == wanted).count() as u64;
    let end = of_kind("end").next().expect("the session has ended");
    for fate in ["written", "unknown", "dropped"] {
        assert_eq!(count(fate), end.number(fate), "{fate}");
    }

    let set: BTreeSet<u64> = received.iter().copied().collect();
    assert_eq!(set.len(), received.len(), "a message arrived twice: {received:?}");
    for number in &set {
        let fate = fates.get(number).map(|(fate, _)| *fate);
        assert!(matches!(fate, Some("written" | "unknown")), "{number} arrived: {fate:?}");
    }

    let missing_on = |connection| {
        let here = fates.iter().filter(move |(_, fate)| **fate == ("written", connection));
        here.filter(|(number, _)| !set.contains(number)).count() as u64
    };
    let mut unproven = 0;
    let mut lost = BTreeSet::new();
    for loss in of_kind("lost").filter(|loss| loss.is("opened")) {
        let connection = loss.number("connection");
        let missing = missing_on(connection);
        assert!(missing <= loss.number("unproven"), "{missing} are missing: {loss:?}");
        unproven += loss.number("unproven");
        lost.insert(connection);
    }
    for open in of_kind("open").map(|open| open.number("connection")) {
        assert!(lost.contains(&open) || missing_on(open) == 0, "missing on the last connection");
    }
    Tally {
        written: count("written"),
        unknown: count("unknown"),
        dropped: count("dropped"),
        received: set.len() as u64,
        unproven,
    }
}
