//! Reads a record line by line. The format is that of JSON.md.

use std::{
    borrow::Cow,
    io::{self, BufRead, Read},
};

use serde::Deserialize;

use crate::{
    history::{Loss, RoundTrip, Session, State},
    utc::Utc,
};

/// The maximum number of milliseconds of a time: a hundred years.
const LONGEST: u64 = 100 * 366 * 86_400_000;

/// The maximum number of bytes of a line: many times those of a message of the usual maximum size. It
/// bounds the memory if a file has no lines.
const LINE: u64 = 256 << 20;

/// The maximum number of characters of a text. The texts of wsbeat are shorter.
const TEXT: usize = 500;

/// All sessions of one file.
pub(super) struct Record {
    pub(super) name: String,
    pub(super) sessions: Vec<Session>,
    /// The number of the first line that is no event, and the number of such lines.
    pub(super) skipped: Option<(u64, u64)>,
}

/// The fields of a line that the report uses.
#[derive(Deserialize)]
struct Line<'a> {
    t_ms: u64,
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow)]
    time: Option<Cow<'a, str>>,
    #[serde(default)]
    connection: Option<u64>,
    rtt_ms: Option<f64>,
    opened: Option<bool>,
    #[serde(borrow)]
    cause: Option<Cow<'a, str>>,
    #[serde(borrow)]
    detail: Option<Cow<'a, str>>,
    unproven: Option<u64>,
    skipped_cycles: Option<u64>,
    outage_ms: Option<i64>,
    #[serde(borrow)]
    fate: Option<Cow<'a, str>>,
    #[serde(borrow)]
    reason: Option<Cow<'a, str>>,
}

impl Line<'_> {
    /// Whether the numbers are some that wsbeat writes. Others would exceed the range of sums and of
    /// times.
    fn is_possible(&self) -> bool {
        let counts = [self.unproven, self.skipped_cycles];
        self.t_ms <= LONGEST
            && counts.iter().flatten().all(|count| *count <= u64::from(u32::MAX))
            && self.outage_ms.is_none_or(|time| (0..=LONGEST as i64).contains(&time))
            && self.rtt_ms.is_none_or(|time| (0.0..=LONGEST as f64).contains(&time))
    }
}

/// Reads all sessions. Lines that are no events are counted: a program that was killed leaves a part
/// of a line, and a file can have other lines too.
pub(super) fn read(name: String, mut input: impl BufRead) -> io::Result<Record> {
    let mut record = Record { name, sessions: Vec::new(), skipped: None };
    let mut current: Option<Open> = None;
    let mut bytes = Vec::new();
    let mut number = 0;
    while {
        bytes.clear();
        input.by_ref().take(LINE).read_until(b'\n', &mut bytes)? > 0
    } {
        number += 1;
        if bytes.len() as u64 == LINE && !bytes.ends_with(b"\n") {
            input.skip_until(b'\n')?;
        }
        if bytes.trim_ascii().is_empty() {
            continue;
        }
        let line = serde_json::from_slice::<Line<'_>>(&bytes).ok();
        let Some(line) = line.filter(Line::is_possible) else {
            let (_, count) = record.skipped.get_or_insert((number, 0));
            *count += 1;
            continue;
        };
        // The time of a program counts from its start, so a smaller one is that of another program.
        if current.as_ref().is_some_and(|open| open.closed || line.t_ms < open.t_ms) {
            record.sessions.extend(current.take().map(Open::finish));
        }
        current.get_or_insert_with(|| Open::new(&line)).line(&line);
    }
    record.sessions.extend(current.map(Open::finish));
    Ok(record)
}

/// The session that is being read.
struct Open {
    session: Session,
    /// The UTC time at `t_ms` 0 by the first line. The clock may be set later, and `t_ms` is steady.
    epoch: i64,
    /// The last time.
    t_ms: u64,
    closed: bool,
}

impl Open {
    fn new(first: &Line<'_>) -> Self {
        let t_ms = i64::try_from(first.t_ms).unwrap_or(i64::MAX);
        let utc = first.time.as_deref().and_then(Utc::parse);
        let epoch = utc.and_then(|at| i64::try_from(at.millis()).ok()).map_or(0, |at| at - t_ms);
        let start = epoch + t_ms;
        let session = Session { start, utc: utc.is_some(), ..Session::default() };
        Self { session, epoch, t_ms: first.t_ms, closed: false }
    }

    fn at(&self) -> i64 {
        self.epoch.saturating_add(i64::try_from(self.t_ms).unwrap_or(i64::MAX))
    }

    fn line(&mut self, line: &Line<'_>) {
        self.t_ms = line.t_ms;
        let at = self.at();
        let session = &mut self.session;
        let connection = line.connection.unwrap_or(0);
        let text = |text: &Option<Cow<'_, str>>| -> String {
            text.as_deref().unwrap_or_default().chars().take(TEXT).collect()
        };
        session.unproven += match &*line.event {
            "lost" | "closed" => line.unproven.unwrap_or(0),
            _ => 0,
        };
        match &*line.event {
            "connecting" => session.enter(at, State::Connecting, connection),
            "open" => {
                session.opens += 1;
                session.enter(at, State::Open, connection);
                if let Some(outage) = line.outage_ms {
                    let unresolved = |loss: &&mut Loss| loss.outage.is_none();
                    for loss in session.losses.iter_mut().rev().take_while(unresolved) {
                        loss.outage = Some(if loss.opened { outage } else { at - loss.at });
                    }
                }
            }
            "heartbeat" => {
                session.round_trips.extend(line.rtt_ms.map(|millis| RoundTrip { at, millis }));
            }
            "message" => session.received += 1,
            "lost" => {
                session.skipped_cycles += line.skipped_cycles.unwrap_or(0);
                session.losses.push(Loss {
                    at,
                    connection,
                    opened: line.opened.unwrap_or(false),
                    cause: text(&line.cause),
                    detail: text(&line.detail),
                    unproven: line.unproven.unwrap_or(0),
                    outage: None,
                });
                session.enter(at, State::Waiting, connection);
            }
            "unsent" => {
                let key = (text(&line.fate), text(&line.reason));
                *session.unsent.entry(key).or_default() += 1;
            }
            "closed" => {
                session.closed = Some(text(&line.detail));
                self.closed = true;
            }
            _ => {}
        }
    }

    fn finish(mut self) -> Session {
        self.session.finish(self.at());
        self.session
    }
}
