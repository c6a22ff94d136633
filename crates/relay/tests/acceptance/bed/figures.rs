//! What a test measured, in one line.

use std::{fs::File, io::Write, path::PathBuf, time::Duration};

use super::judge::Total;

/// Prints the figures of a test, also if the test passes, and adds them to `figures.txt` in the target folder.
pub(crate) fn report(test: &str, figures: &[(&str, String)]) {
    let figures: Vec<_> = figures.iter().map(|(name, value)| format!("{name} {value}")).collect();
    let line = format!("{test}: {}\n", figures.join(", "));
    // Not `eprintln!`, which the test harness captures.
    std::io::stderr().write_all(line.as_bytes()).expect("standard error is open");
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("../figures.txt");
    let file = File::options().append(true).create(true).open(file);
    file.and_then(|mut file| file.write_all(line.as_bytes())).expect("a file in the target folder");
}

/// The figures of the judge.
pub(crate) fn verdict(total: &Total) -> Vec<(&'static str, String)> {
    vec![
        ("stored", total.stored.to_string()),
        ("missing", total.missing.to_string()),
        ("in gaps", total.excused.to_string()),
        ("dropped", total.dropped.to_string()),
        ("doubles", total.doubles.to_string()),
        ("inversions", total.inversions.to_string()),
        ("stale", total.stale.to_string()),
        ("gaps", total.gaps.to_string()),
        ("longest gap", seconds(total.longest_gap)),
    ]
}

/// The value below which this share of all values is, by the nearest rank.
pub(crate) fn percentile(times: &[Duration], share: f64) -> Duration {
    let mut times = times.to_vec();
    times.sort();
    let rank = (times.len() as f64 * share).ceil() as usize;
    times.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

pub(crate) fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}
