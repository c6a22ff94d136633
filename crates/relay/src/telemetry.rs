//! The metrics of the relay: their names, their meaning, and a function for each event.
//!
//! The library adds those of its sessions, with names that begin with `wsbeat_`. Without a recorder all
//! of this does nothing.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{
    BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};

use crate::record::Note;

const CONNECTED: &str = "wsbeat_relay_connected";
const OWNED: &str = "wsbeat_relay_owned";
const INFLIGHT: &str = "wsbeat_relay_inflight_bytes";
const PUBLISH: &str = "wsbeat_relay_publish_seconds";
const DUPLICATES: &str = "wsbeat_relay_duplicates_total";
const GAPS: &str = "wsbeat_relay_gaps_total";
const GAP_SECONDS: &str = "wsbeat_relay_gap_seconds_total";
const LAGGED: &str = "wsbeat_relay_lagged_total";
const SKIPPED: &str = "wsbeat_relay_skipped_total";
const MOVES: &str = "wsbeat_relay_moves_total";
const RENEW: &str = "wsbeat_relay_renew_seconds";
const FENCED: &str = "wsbeat_relay_fenced_total";
const DIAL_WAIT: &str = "wsbeat_relay_dial_wait_seconds";

/// The bounds of the buckets of all histograms, from an acknowledgement of one server to an outage.
const BUCKETS: [f64; 15] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// How often histograms are summed up if nobody reads them.
const UPKEEP: Duration = Duration::from_secs(5);

/// Why a worker began to own a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// The block had no owner: it is new, was given back, or its lease has expired.
    Free,
    /// It was taken from an owner that is silent.
    Silent,
    /// It was taken from an owner that lives.
    Living,
}

impl Move {
    const ALL: [Self; 3] = [Self::Free, Self::Silent, Self::Living];

    fn name(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Silent => "silent",
            Self::Living => "living",
        }
    }
}

/// Collects all metrics of this process from now on. Returns what shows them.
///
/// Call it once, in a runtime of tokio, which also runs the task that keeps the memory small.
///
/// # Panics
///
/// If this process has another recorder.
#[must_use]
pub fn install() -> PrometheusHandle {
    let recorder = recorder().expect("the buckets are not empty");
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).expect("a process has one recorder");
    describe();
    let upkeep = handle.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(UPKEEP).await;
            upkeep.run_upkeep();
        }
    });
    handle
}

fn recorder() -> Result<PrometheusRecorder, BuildError> {
    let seconds = Matcher::Suffix("_seconds".to_owned());
    Ok(PrometheusBuilder::new().set_buckets_for_metric(seconds, &BUCKETS)?.build_recorder())
}

/// Describes all metrics, and begins the counters with 0: a rate is only known from the second value on.
fn describe() {
    describe_gauge!(CONNECTED, "1 while there is a connection to NATS, else 0.");
    describe_gauge!(OWNED, "Subscriptions that this worker runs.");
    describe_gauge!(INFLIGHT, "Bytes of messages that the stream has not acknowledged.");
    describe_histogram!(PUBLISH, "Time from sending a message or a batch to its acknowledgement.");
    describe_counter!(DUPLICATES, "Messages that the stream had already.");
    describe_counter!(GAPS, "Recorded gaps.");
    describe_counter!(GAP_SECONDS, "Sum of the lengths of recorded gaps.");
    describe_counter!(LAGGED, "Messages that were dropped because the stream was too slow.");
    describe_counter!(SKIPPED, "Messages that are larger than the stream allows.");
    describe_counter!(MOVES, "Blocks that this worker began to own, by the owner before.");
    describe_histogram!(RENEW, "Time from a write of a lease to its result.");
    describe_counter!(FENCED, "Leases that were lost, so that all connections of the block ended.");
    describe_histogram!(DIAL_WAIT, "Time that attempts waited for the dial budget of the fleet.");
    for name in [DUPLICATES, GAP_SECONDS, LAGGED, SKIPPED, FENCED] {
        counter!(name).increment(0);
    }
    for certain in ["true", "false"] {
        counter!(GAPS, "certain" => certain).increment(0);
    }
    for reason in Move::ALL {
        counter!(MOVES, "reason" => reason.name()).increment(0);
    }
}

/// Whether there is a connection to NATS.
pub fn connected(is_connected: bool) {
    gauge!(CONNECTED).set(f64::from(u8::from(is_connected)));
}

/// The worker runs this many subscriptions, and this many bytes wait for acknowledgements.
pub fn holds(subscriptions: usize, inflight: usize) {
    gauge!(OWNED).set(subscriptions as f64);
    gauge!(INFLIGHT).set(inflight as f64);
}

/// A message was acknowledged that the stream had already.
pub fn duplicate() {
    counter!(DUPLICATES).increment(1);
}

/// This record goes into the stream.
pub fn recorded(note: &Note) {
    match note {
        Note::Gap { from, to, certain, .. } => gap(*certain, to.0.saturating_sub(from.0)),
        Note::Lagged { count, .. } => counter!(LAGGED).increment(*count),
        Note::Skipped { .. } => counter!(SKIPPED).increment(1),
        _ => {}
    }
}

/// A gap of this many nanoseconds.
fn gap(certain: bool, length: u64) {
    /// The lengths of all gaps: a counter has whole numbers only.
    static SUM: AtomicU64 = AtomicU64::new(0);
    let certain = if certain { "true" } else { "false" };
    counter!(GAPS, "certain" => certain).increment(1);
    let before = SUM.fetch_add(length, Ordering::Relaxed);
    let seconds = |nanos: u64| nanos / 1_000_000_000;
    let more = seconds(before.wrapping_add(length)).saturating_sub(seconds(before));
    counter!(GAP_SECONDS).increment(more);
}

/// This worker began to own a block.
pub fn moved(reason: Move) {
    counter!(MOVES, "reason" => reason.name()).increment(1);
}

/// The result of a write of a lease took this long.
pub fn renewed(time: Duration) {
    histogram!(RENEW).record(time);
}

/// A lease was lost, and the connections of its block end.
pub fn fenced() {
    counter!(FENCED).increment(1);
}

/// An attempt waited this long for the dial budget.
pub fn dial_wait(time: Duration) {
    histogram!(DIAL_WAIT).record(time);
}

/// Measures the time to the acknowledgement of one entry at a time: more would cost time for each
/// message.
#[derive(Debug, Default)]
pub struct Latency(Option<Sample>);

#[derive(Debug)]
struct Sample {
    begun: Instant,
    /// The answers until that of this entry, with it.
    missing: usize,
}

impl Latency {
    /// An entry or a batch was sent. `answers` are awaited now, with its own.
    pub fn sent(&mut self, answers: usize) {
        self.0.get_or_insert_with(|| Sample { begun: Instant::now(), missing: answers });
    }

    /// The first of the awaited answers has come.
    pub fn answered(&mut self) {
        let Some(sample) = &mut self.0 else { return };
        sample.missing = sample.missing.saturating_sub(1);
        if sample.missing == 0 {
            histogram!(PUBLISH).record(sample.begun.elapsed());
            self.0 = None;
        }
    }

    /// No answers are awaited any more.
    pub fn reset(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Stamp;

    /// What is shown after some events.
    fn shown(events: impl FnOnce()) -> String {
        let recorder = recorder().unwrap();
        metrics::with_local_recorder(&recorder, || {
            describe();
            events();
        });
        recorder.handle().render()
    }

    #[test]
    fn every_metric_is_shown_with_its_description() {
        let text = shown(|| {
            connected(true);
            holds(3, 4_096);
            duplicate();
            moved(Move::Silent);
            renewed(Duration::from_millis(2));
            fenced();
            dial_wait(Duration::from_secs(3));
            recorded(&Note::Lagged { epoch: 1, count: 5 });
            recorded(&Note::Skipped { epoch: 1, bytes: 9, limit: 8 });
            let mut latency = Latency::default();
            latency.sent(1);
            latency.answered();
        });
        for line in [
            "wsbeat_relay_connected 1",
            "wsbeat_relay_owned 3",
            "wsbeat_relay_inflight_bytes 4096",
            "wsbeat_relay_publish_seconds_count 1",
            "wsbeat_relay_duplicates_total 1",
            "wsbeat_relay_gaps_total{certain=\"false\"} 0",
            "wsbeat_relay_gap_seconds_total 0",
            "wsbeat_relay_moves_total{reason=\"silent\"} 1",
            "wsbeat_relay_moves_total{reason=\"living\"} 0",
            "wsbeat_relay_renew_seconds_bucket{le=\"0.0025\"} 1",
            "wsbeat_relay_fenced_total 1",
            "wsbeat_relay_dial_wait_seconds_sum 3",
            "wsbeat_relay_lagged_total 5",
            "wsbeat_relay_skipped_total 1",
        ] {
            assert!(text.lines().any(|shown| shown == line), "{line} is not in\n{text}");
        }
        let names = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        for name in names.map(|rest| rest.split(' ').next().unwrap()) {
            assert!(text.contains(&format!("# HELP {name} ")), "{name} has no description");
        }
    }

    #[test]
    fn lengths_of_gaps_add_up() {
        let gap = |nanos| Note::Gap {
            epoch: 1,
            from: Stamp(0),
            to: Stamp(nanos),
            certain: true,
            after: None,
        };
        let text = shown(|| (0..4).for_each(|_| recorded(&gap(750_000_000))));
        assert!(text.contains("wsbeat_relay_gaps_total{certain=\"true\"} 4"), "{text}");
        assert!(text.contains("wsbeat_relay_gap_seconds_total 3"), "{text}");
    }

    #[test]
    fn the_time_of_one_entry_at_a_time_is_measured() {
        let text = shown(|| {
            let mut latency = Latency::default();
            // Two are on their way; the second is sent while the first is measured.
            latency.sent(1);
            latency.sent(2);
            latency.answered();
            latency.answered();
            // The third answer is that of the measured entry.
            latency.sent(3);
            latency.answered();
            latency.answered();
            latency.answered();
            latency.sent(1);
            latency.reset();
            latency.answered();
        });
        assert!(text.contains("wsbeat_relay_publish_seconds_count 2"), "{text}");
    }
}
