//! [`Values`]: a recorder that holds all values of metrics in memory.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, atomic::Ordering},
};

use ::metrics::{
    Counter, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
    atomics::AtomicU64,
};

#[derive(Clone, Default)]
pub(super) struct Values {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    counters: BTreeMap<String, Arc<AtomicU64>>,
    gauges: BTreeMap<String, Arc<AtomicU64>>,
    histograms: BTreeMap<String, Arc<Samples>>,
    described: BTreeSet<String>,
}

#[derive(Default)]
struct Samples(Mutex<Vec<f64>>);

impl HistogramFn for Samples {
    fn record(&self, value: f64) {
        self.0.lock().unwrap().push(value);
    }
}

/// The name with its labels, for example `wsbeat_bytes_total{direction="in"}`.
fn shown(key: &Key) -> String {
    let labels: Vec<_> =
        key.labels().map(|label| format!("{}={:?}", label.key(), label.value())).collect();
    if labels.is_empty() {
        return key.name().to_owned();
    }
    format!("{}{{{}}}", key.name(), labels.join(","))
}

impl Values {
    /// All metrics that are not zero, in the order of their names, and histograms with their
    /// samples.
    pub(super) fn lines(&self) -> Vec<String> {
        let state = self.state.lock().unwrap();
        let load = |value: &Arc<AtomicU64>| value.load(Ordering::Relaxed);
        let counters = state.counters.iter().map(|(name, value)| (name, load(value) as f64));
        let gauges = state.gauges.iter().map(|(name, value)| (name, f64::from_bits(load(value))));
        let numbers = counters.chain(gauges).filter(|(_, value)| *value != 0.0);
        let numbers = numbers.map(|(name, value)| format!("{name} {value}"));
        let samples = state.histograms.iter().filter_map(|(name, samples)| {
            let samples = samples.0.lock().unwrap();
            (!samples.is_empty()).then(|| format!("{name} {samples:?}"))
        });
        let mut lines: Vec<_> = numbers.chain(samples).collect();
        lines.sort();
        lines
    }

    #[track_caller]
    pub(super) fn assert(&self, expected: &[&str]) {
        assert_eq!(self.lines(), expected, "{:#?}", self.lines());
    }

    /// The names of all metrics, and those that have a description.
    pub(super) fn names(&self) -> (BTreeSet<String>, BTreeSet<String>) {
        let state = self.state.lock().unwrap();
        let all = state.counters.keys().chain(state.gauges.keys()).chain(state.histograms.keys());
        let names = all.map(|name| name.split('{').next().unwrap().to_owned());
        (names.collect(), state.described.clone())
    }

    fn describe(&self, key: &KeyName) {
        self.state.lock().unwrap().described.insert(key.as_str().to_owned());
    }
}

impl Recorder for Values {
    fn describe_counter(&self, key: KeyName, _: Option<Unit>, _: SharedString) {
        self.describe(&key);
    }

    fn describe_gauge(&self, key: KeyName, _: Option<Unit>, _: SharedString) {
        self.describe(&key);
    }

    fn describe_histogram(&self, key: KeyName, _: Option<Unit>, _: SharedString) {
        self.describe(&key);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let mut state = self.state.lock().unwrap();
        Counter::from_arc(Arc::clone(state.counters.entry(shown(key)).or_default()))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        let mut state = self.state.lock().unwrap();
        Gauge::from_arc(Arc::clone(state.gauges.entry(shown(key)).or_default()))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        let mut state = self.state.lock().unwrap();
        Histogram::from_arc(Arc::clone(state.histograms.entry(shown(key)).or_default()))
    }
}
