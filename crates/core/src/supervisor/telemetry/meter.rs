//! Reports to the crate `metrics`: [`Meter`].

use std::time::Duration;

use metrics::{
    Counter, Gauge, Histogram, Label, Unit, counter, describe_counter, describe_gauge,
    describe_histogram, gauge, histogram,
};

use super::{Numbers, Observer};
use crate::{event::Event, panics::contain_all, status::Phase};

const SESSIONS: &str = "wsbeat_sessions";
const OUTBOX_MESSAGES: &str = "wsbeat_outbox_messages";
const OUTBOX_BYTES: &str = "wsbeat_outbox_bytes";
const LOSSES: &str = "wsbeat_losses_total";
const UNPROVEN: &str = "wsbeat_unproven_messages_total";
const ROUND_TRIP: &str = "wsbeat_round_trip_seconds";
const OUTAGE: &str = "wsbeat_outage_seconds";

/// A metric that follows one of the counters of the status.
struct Series {
    name: &'static str,
    label: Option<(&'static str, &'static str)>,
    description: &'static str,
}

/// In the order of `Counters::iter`.
const SERIES: [Series; 10] = [
    series("wsbeat_dials_total", None, "Attempts to connect that began."),
    series("wsbeat_opens_total", None, "Connections that opened."),
    series("wsbeat_messages_total", Some(("direction", "in")), MESSAGES),
    series("wsbeat_bytes_total", Some(("direction", "in")), BYTES),
    series("wsbeat_messages_total", Some(("direction", "out")), MESSAGES),
    series("wsbeat_bytes_total", Some(("direction", "out")), BYTES),
    series("wsbeat_fates_total", Some(("fate", "dropped")), FATES),
    series("wsbeat_fates_total", Some(("fate", "unknown")), FATES),
    series("wsbeat_probes_total", None, "Heartbeats written."),
    series("wsbeat_probes_answered_total", None, "Heartbeats answered."),
];

const MESSAGES: &str = "Messages received for the application, and messages written.";
const BYTES: &str = "Bytes of payload of these messages.";
const FATES: &str = "Messages that were dropped, and messages whose fate is unknown.";

const fn series(
    name: &'static str,
    label: Option<(&'static str, &'static str)>,
    description: &'static str,
) -> Series {
    Series { name, label, description }
}

/// The metrics of one session. `None` before the first status: the recorder may be installed after
/// the session was built.
///
/// Sessions with the same labels share their metrics. So counters get increments and never totals,
/// and gauges are sums: each session adds its part and takes it back.
#[derive(Default)]
pub(super) struct Meter {
    metrics: Option<Box<Metrics>>,
}

struct Metrics {
    session: Vec<Label>,
    counters: [Counter; SERIES.len()],
    /// The values of the counters when they were last added.
    counted: [u64; SERIES.len()],
    phase: Option<(Phase, Gauge)>,
    outbox_messages: Level,
    outbox_bytes: Level,
    round_trip: Histogram,
}

/// The part of this session in a gauge.
struct Level {
    gauge: Gauge,
    value: usize,
}

impl Observer for Meter {
    fn event(&mut self, _: Option<&str>, event: &Event) {
        // Each event comes after the status that counts it.
        let Some(metrics) = &self.metrics else { return };
        match event {
            Event::Open(open) => {
                if let Some(outage) = open.outage {
                    histogram!(OUTAGE, metrics.session.clone()).record(outage);
                }
            }
            Event::Lost(lost) => {
                let labels = metrics.labels(Some(("cause", lost.cause.name())));
                counter!(LOSSES, labels).increment(1);
                metrics.count_unproven(lost.unproven);
            }
            Event::Closed(closed) => metrics.count_unproven(closed.unproven),
            _ => {}
        }
    }

    fn answered(&mut self, round_trip: Option<Duration>) {
        if let (Some(metrics), Some(time)) = (&self.metrics, round_trip) {
            metrics.round_trip.record(time);
        }
    }

    fn published(&mut self, session: Option<&str>, numbers: &Numbers) {
        let begin = || {
            describe();
            Box::new(Metrics::new(session))
        };
        self.metrics.get_or_insert_with(begin).add(numbers);
    }
}

impl Metrics {
    fn new(session: Option<&str>) -> Self {
        let session: Vec<Label> =
            session.map(|name| Label::new("session", name.to_owned())).into_iter().collect();
        Self {
            counters: SERIES
                .each_ref()
                .map(|series| counter!(series.name, with(&session, series.label))),
            counted: [0; SERIES.len()],
            phase: None,
            outbox_messages: Level::new(OUTBOX_MESSAGES, &session),
            outbox_bytes: Level::new(OUTBOX_BYTES, &session),
            round_trip: histogram!(ROUND_TRIP, session.clone()),
            session,
        }
    }

    fn labels(&self, label: Option<(&'static str, &'static str)>) -> Vec<Label> {
        with(&self.session, label)
    }

    /// Adds what has changed since the last status.
    fn add(&mut self, numbers: &Numbers) {
        let values = numbers.counters.iter().map(|(_, value)| value);
        let counters = self.counters.iter().zip(&mut self.counted);
        for ((counter, counted), value) in counters.zip(values) {
            if value != *counted {
                counter.increment(value.saturating_sub(*counted));
                *counted = value;
            }
        }
        self.outbox_messages.set(numbers.queued_messages);
        self.outbox_bytes.set(numbers.queued_bytes);
        if self.phase.as_ref().is_none_or(|(phase, _)| *phase != numbers.phase) {
            self.leave_phase();
            let gauge = gauge!(SESSIONS, self.labels(Some(("phase", numbers.phase.name()))));
            gauge.increment(1.0);
            self.phase = Some((numbers.phase, gauge));
        }
    }

    fn leave_phase(&mut self) {
        if let Some((_, gauge)) = self.phase.take() {
            gauge.decrement(1.0);
        }
    }

    fn count_unproven(&self, count: u64) {
        if count > 0 {
            counter!(UNPROVEN, self.session.clone()).increment(count);
        }
    }
}

/// A session that no longer exists is in no phase and holds no messages.
impl Drop for Metrics {
    fn drop(&mut self) {
        contain_all(|| {
            self.leave_phase();
            self.outbox_messages.set(0);
            self.outbox_bytes.set(0);
        });
    }
}

impl Level {
    fn new(name: &'static str, session: &[Label]) -> Self {
        Self { gauge: gauge!(name, session.to_vec()), value: 0 }
    }

    fn set(&mut self, value: usize) {
        let before = std::mem::replace(&mut self.value, value);
        if value > before {
            self.gauge.increment((value - before) as f64);
        } else if value < before {
            self.gauge.decrement((before - value) as f64);
        }
    }
}

/// The labels of the session and one more.
fn with(session: &[Label], label: Option<(&'static str, &'static str)>) -> Vec<Label> {
    let more = label.map(|(key, value)| Label::from_static_parts(key, value));
    session.iter().cloned().chain(more).collect()
}

/// Describes the metrics to the recorder, which shows the descriptions in its output.
fn describe() {
    for Series { name, description, .. } in &SERIES {
        describe_counter!(*name, *description);
    }
    describe_counter!(LOSSES, "Connections lost and attempts failed.");
    describe_counter!(UNPROVEN, "Messages written on lost connections without proof of arrival.");
    describe_gauge!(SESSIONS, "Sessions in this phase.");
    describe_gauge!(OUTBOX_MESSAGES, "Messages in the outbox.");
    describe_gauge!(OUTBOX_BYTES, Unit::Bytes, "Bytes of payload in the outbox.");
    describe_histogram!(ROUND_TRIP, Unit::Seconds, "From a heartbeat to its answer.");
    describe_histogram!(OUTAGE, Unit::Seconds, "From a loss to the next open connection.");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::Counters;

    #[test]
    fn each_counter_of_the_status_has_the_metric_of_its_place() {
        let words = Counters::default().iter().map(|(name, _)| {
            let (name, last) = name.split_once('_').unwrap_or((name, ""));
            (name, last)
        });
        let wanted = SERIES.map(|series| {
            let name = series.name.strip_prefix("wsbeat_").unwrap().strip_suffix("_total").unwrap();
            match (name, series.label) {
                ("fates", Some((_, fate))) => (fate, ""),
                ("probes", None) => ("probes", "sent"),
                ("probes_answered", None) => ("probes", "answered"),
                (name, label) => (name, label.map_or("", |(_, direction)| direction)),
            }
        });
        assert_eq!(words.collect::<Vec<_>>(), wanted);
    }
}
