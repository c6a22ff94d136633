//! The figures of a record.

use std::collections::BTreeMap;

use super::{axis::show_millis, reader::Record};
use crate::history::{Loss, State};

/// The rows of the table of figures: the name, and the value for each record.
pub(super) fn rows(records: &[Record]) -> Vec<(&'static str, Vec<String>)> {
    let row = |name, value: fn(&Record) -> String| (name, records.iter().map(value).collect());
    vec![
        row("Time", |record| show_millis(total(record))),
        row("With an open connection", |record| {
            let open = time(record, State::Open);
            match total(record) {
                0 => show_millis(open),
                total => format!("{} ({})", show_millis(open), percent(open, total)),
            }
        }),
        row("Connections", |record| {
            record.sessions.iter().map(|session| session.opens).sum::<u64>().to_string()
        }),
        row("Failed attempts", |record| {
            losses(record).filter(|loss| !loss.opened).count().to_string()
        }),
        row("Longest outage", |record| {
            let outages = losses(record).filter_map(|loss| loss.outage);
            outages.max().map_or_else(none, show_millis)
        }),
        row("Connections lost by", |record| {
            let mut causes: BTreeMap<&str, u64> = BTreeMap::new();
            for loss in losses(record).filter(|loss| loss.opened) {
                *causes.entry(&loss.cause).or_default() += 1;
            }
            list(causes.into_iter().map(|(cause, count)| format!("{count} {cause}")))
        }),
        row("Round trip, median", |record| quantile(record, 0.5).map_or_else(none, show_fine)),
        row("Round trip, 99 %", |record| quantile(record, 0.99).map_or_else(none, show_fine)),
        row("Messages received", |record| {
            record.sessions.iter().map(|session| session.received).sum::<u64>().to_string()
        }),
        row("Messages not sent", |record| {
            let mut unsent: BTreeMap<_, u64> = BTreeMap::new();
            for (key, count) in record.sessions.iter().flat_map(|session| &session.unsent) {
                *unsent.entry(key).or_default() += count;
            }
            list(unsent.into_iter().map(|((fate, reason), n)| format!("{n} {fate} ({reason})")))
        }),
        row("Sent without proof of delivery", |record| {
            record.sessions.iter().map(|session| session.unproven).sum::<u64>().to_string()
        }),
        row("End", |record| {
            let ends = record.sessions.iter().map(|session| {
                let end = session.closed.clone();
                end.unwrap_or_else(|| "the record ends before the session".to_owned())
            });
            list(ends)
        }),
    ]
}

fn none() -> String {
    "none".to_owned()
}

fn list(items: impl Iterator<Item = String>) -> String {
    let items: Vec<_> = items.collect();
    // A record of many sessions must not fill the page.
    match items.len() {
        0 => none(),
        1..=6 => items.join("; "),
        count => format!("{}; and {} more", items[..5].join("; "), count - 5),
    }
}

fn losses(record: &Record) -> impl Iterator<Item = &Loss> {
    record.sessions.iter().flat_map(|session| &session.losses)
}

fn total(record: &Record) -> i64 {
    sum(record.sessions.iter().map(|session| session.end - session.start))
}

fn time(record: &Record, state: State) -> i64 {
    sum(record.sessions.iter().map(|session| session.time(state)))
}

/// A record can have millions of sessions, each as long as it says.
fn sum(times: impl Iterator<Item = i64>) -> i64 {
    times.fold(0, i64::saturating_add)
}

/// Rounded down, so that 100 % means always.
fn percent(part: i64, whole: i64) -> String {
    let hundredths = i128::from(part) * 10_000 / i128::from(whole);
    format!("{}.{:02} %", hundredths / 100, hundredths % 100)
}

fn quantile(record: &Record, share: f64) -> Option<f64> {
    let sessions = record.sessions.iter();
    let mut trips: Vec<f64> =
        sessions.flat_map(|session| &session.round_trips).map(|trip| trip.millis).collect();
    trips.sort_by(f64::total_cmp);
    let index = (trips.len() as f64 * share) as usize;
    trips.get(index.min(trips.len().saturating_sub(1))).copied()
}

fn show_fine(millis: f64) -> String {
    crate::duration::show(std::time::Duration::from_secs_f64(millis / 1e3))
}
