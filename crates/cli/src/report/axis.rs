//! The common time axis of all records.

use std::time::Duration;

use super::reader::Record;
use crate::{duration::show, utc::Utc};

/// Steps between two marks, in milliseconds.
const STEPS: [i64; 26] = [
    1,
    2,
    5,
    10,
    20,
    50,
    100,
    200,
    500,
    1_000,
    2_000,
    5_000,
    10_000,
    30_000,
    60_000,
    120_000,
    300_000,
    600_000,
    1_800_000,
    3_600_000,
    7_200_000,
    21_600_000,
    43_200_000,
    86_400_000,
    604_800_000,
    2_592_000_000,
];

/// Maps times to positions.
pub(super) struct Axis {
    start: i64,
    end: i64,
    width: f64,
    /// The times are UTC. Otherwise each session begins at 0.
    utc: bool,
}

/// A mark with its position and label.
pub(super) struct Mark {
    pub(super) x: f64,
    pub(super) label: String,
}

impl Axis {
    /// The records are on one UTC axis if all have UTC times. Otherwise all sessions begin at 0.
    pub(super) fn new(records: &[Record], width: f64) -> Self {
        let sessions = || records.iter().flat_map(|record| &record.sessions);
        let utc = sessions().all(|session| session.utc);
        let (start, end) = if utc {
            let start = sessions().map(|session| session.start).min();
            (start.unwrap_or(0), sessions().map(|session| session.end).max().unwrap_or(0))
        } else {
            (0, sessions().map(|session| session.end - session.start).max().unwrap_or(0))
        };
        Self { start, end: end.max(start + 1), width, utc }
    }

    pub(super) fn is_utc(&self) -> bool {
        self.utc
    }

    pub(super) fn length(&self) -> i64 {
        self.end - self.start
    }

    /// The time on this axis of a time of a session that began at `start`.
    pub(super) fn time(&self, at: i64, start: i64) -> i64 {
        if self.utc { at } else { at - start }
    }

    /// The time at the beginning of a column of this many.
    pub(super) fn time_of(&self, column: usize, columns: usize) -> i64 {
        let (column, columns) = (column as i128, columns as i128);
        self.start + (i128::from(self.length()) * column / columns) as i64
    }

    /// The column of a time of this axis, of this many columns.
    pub(super) fn column(&self, time: i64, columns: usize) -> usize {
        let column = i128::from(time - self.start) * columns as i128 / i128::from(self.length());
        usize::try_from(column).unwrap_or(0).min(columns - 1)
    }

    /// The position of a time of this axis.
    pub(super) fn x(&self, time: i64) -> f64 {
        (time - self.start) as f64 / self.length() as f64 * self.width
    }

    /// A time of this axis, for people.
    pub(super) fn show(&self, at: i64) -> String {
        if self.utc {
            format!("{} {}", date(at), time(at, true))
        } else {
            format!("+{}", show_millis(at))
        }
    }

    /// At most twelve marks at round times.
    pub(super) fn marks(&self) -> Vec<Mark> {
        let length = self.length();
        let step = STEPS.into_iter().find(|step| length / step < 12);
        let step = step.unwrap_or(length / 10);
        let first = self.start.div_euclid(step) * step;
        let times = (0..).map(|index| first + index * step);
        let times = times.skip_while(|at| *at < self.start).take_while(|at| *at <= self.end);
        let mut last = String::new();
        times
            .map(|at| {
                let x = self.x(at);
                if !self.utc {
                    return Mark { x, label: round(at) };
                }
                let today = date(at);
                let label = match today == last {
                    true => time(at, step < 1_000),
                    false => format!("{today} {}", time(at, step < 1_000)),
                };
                last = today;
                Mark { x, label }
            })
            .collect()
    }
}

fn utc(at: i64) -> String {
    Utc::from_millis(at.max(0).unsigned_abs()).to_string()
}

/// `2026-01-31`.
fn date(at: i64) -> String {
    utc(at)[..10].to_owned()
}

/// `12:00:00`, with milliseconds on request.
fn time(at: i64, fine: bool) -> String {
    utc(at)[11..if fine { 23 } else { 19 }].to_owned()
}

/// A round time in milliseconds: `2 s`.
fn round(millis: i64) -> String {
    match millis {
        0 => "0".to_owned(),
        _ if millis % 1_000 == 0 && millis < 60_000 => format!("{} s", millis / 1_000),
        _ if millis < 1_000 => format!("{millis} ms"),
        _ => show_millis(millis),
    }
}

/// A time in milliseconds, for people.
pub(super) fn show_millis(millis: i64) -> String {
    match u64::try_from(millis) {
        Ok(0) | Err(_) => "0".to_owned(),
        Ok(millis) => show(Duration::from_millis(millis)),
    }
}
