//! The figures of one run of a client.

use std::collections::BTreeMap;

use serde_json::Value;

use super::process::Meter;

/// Figures by name; the names are the constants below. The client's process prints them as one line of
/// JSON.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sample(BTreeMap<String, f64>);

/// Processor time of the client per unit, in nanoseconds.
pub(crate) const CPU: &str = "cpu_ns";
/// Units per second of wall-clock time.
pub(crate) const RATE: &str = "per_second";
/// Median latency in nanoseconds.
pub(crate) const P50: &str = "p50_ns";
/// The 99th percentile of the latency in nanoseconds.
pub(crate) const P99: &str = "p99_ns";
/// Resident bytes per connection.
pub(crate) const RESIDENT: &str = "resident_bytes";
/// Wall-clock seconds of the whole run.
pub(crate) const SECONDS: &str = "seconds";
/// The peak of the resident memory, in bytes.
pub(crate) const PEAK: &str = "peak_bytes";
/// Instructions per unit in user space.
pub(crate) const INSTRUCTIONS: &str = "instructions";

impl Sample {
    /// The cost and rate of `units` since the start of `meter`.
    pub(crate) fn of(meter: &Meter, units: u64) -> Self {
        let (cpu, wall) = meter.read();
        let units = units as f64;
        Self::default().with(CPU, cpu / units).with(RATE, units * 1e9 / wall)
    }

    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: f64) -> Self {
        self.0.insert(name.to_owned(), value);
        self
    }

    /// Adds the percentiles of round trips in nanoseconds.
    #[must_use]
    pub(crate) fn with_latencies(self, mut nanos: Vec<u64>) -> Self {
        nanos.sort_unstable();
        let at = |share: f64| {
            let last = nanos.len().saturating_sub(1) as f64;
            nanos.get((last * share) as usize).map_or(0.0, |&value| value as f64)
        };
        self.with(P50, at(0.5)).with(P99, at(0.99))
    }

    pub(crate) fn get(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }

    pub(crate) fn to_json(&self) -> Value {
        self.0.iter().map(|(name, value)| (name.clone(), Value::from(*value))).collect()
    }

    pub(crate) fn from_json(text: &str) -> Option<Self> {
        let Value::Object(fields) = serde_json::from_str(text).ok()? else { return None };
        fields
            .into_iter()
            .map(|(name, value)| Some((name, value.as_f64()?)))
            .collect::<Option<_>>()
            .map(Self)
    }

    /// The median of each figure over several runs.
    pub(crate) fn median(runs: &[Self]) -> Self {
        let mut by_name: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for (name, &value) in runs.iter().flat_map(|run| &run.0) {
            by_name.entry(name).or_default().push(value);
        }
        let median = |mut values: Vec<f64>| {
            values.sort_unstable_by(f64::total_cmp);
            let middle = values.len() / 2;
            if values.len() % 2 == 1 {
                values[middle]
            } else {
                f64::midpoint(values[middle - 1], values[middle])
            }
        };
        Self(by_name.into_iter().map(|(name, values)| (name.to_owned(), median(values))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_figure_has_its_own_median() {
        let runs: Vec<Sample> = [3.0, 1.0, 2.0].map(|cpu| Sample::default().with(CPU, cpu)).into();
        assert_eq!(Sample::median(&runs).get(CPU), Some(2.0));
        assert_eq!(Sample::median(&runs[..2]).get(CPU), Some(2.0));
    }

    #[test]
    fn a_sample_is_parsed_from_its_json() {
        let sample = Sample::default().with(CPU, 114.5).with(RATE, 8e6);
        assert_eq!(Sample::from_json(&sample.to_json().to_string()), Some(sample));
    }
}
