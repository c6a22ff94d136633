//! Skipped tests: each test is reported when it is skipped, and all are counted at the end of a
//! run.
//!
//! A run is one `cargo test`: its test programs have the same parent process. Each skipped test adds a
//! line to a file of the run in cargo's target folder. The package `z-skipped-tests`, which cargo runs
//! last, prints the counts.

use std::{
    collections::BTreeMap,
    env, fmt, fs,
    io::Write,
    os::unix::process::parent_id,
    path::{Path, PathBuf},
};

use crate::target::target_folder;

/// Why a test is skipped.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "each is treated in its own way")]
pub enum SkipReason {
    /// A tool or a package is missing that can be installed.
    Missing(String),
    /// The process does not have the privileges.
    NotPermitted(String),
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Missing(reason) | Self::NotPermitted(reason)) = self;
        f.write_str(reason)
    }
}

/// Reports that `test` is skipped.
///
/// # Panics
///
/// In CI (`CI` is set in the environment, and not to `false`) if something is missing that CI can
/// install. Also when the report cannot be written.
pub fn skip(test: &str, reason: &SkipReason) {
    let line = format!("skipped {test}: {reason}\n");
    assert!(!(in_ci() && matches!(reason, SkipReason::Missing(_))), "{line}");
    // Not `eprintln!`, which the test harness captures.
    std::io::stderr().write_all(line.as_bytes()).expect("standard error is open");
    record(&run_file(), reason);
}

/// The summary of this run: how many tests were skipped, for each reason. Removes the records.
pub fn summarize_skips() -> String {
    let file = run_file();
    let records = fs::read_to_string(&file).unwrap_or_default();
    // Missing if no test was skipped.
    let _ = fs::remove_file(file);
    summary(&records)
}

fn in_ci() -> bool {
    env::var_os("CI").is_some_and(|ci| ci != "false")
}

fn run_file() -> PathBuf {
    target_folder().join("skips").join(parent_id().to_string())
}

fn record(file: &Path, reason: &SkipReason) {
    fs::create_dir_all(file.parent().expect("a folder")).expect("a folder in the target folder");
    let mut file = fs::File::options().append(true).create(true).open(file).expect("a record");
    // One write, since other test programs may also append.
    file.write_all(format!("{}\n", reason.to_string().replace('\n', " ")).as_bytes())
        .expect("a record");
}

fn summary(records: &str) -> String {
    let mut counts = BTreeMap::<&str, usize>::new();
    for reason in records.lines() {
        *counts.entry(reason).or_default() += 1;
    }
    if counts.is_empty() {
        return "skipped: none".to_owned();
    }
    let counts: Vec<_> =
        counts.into_iter().map(|(reason, count)| format!("{count} x {reason}")).collect();
    format!("skipped: {}", counts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_counts_the_skips_of_each_reason() {
        assert_eq!(summary(""), "skipped: none");
        assert_eq!(summary("no root\nno node\nno root\n"), "skipped: 1 x no node, 2 x no root");
    }

    #[test]
    fn records_are_appended() {
        let file = target_folder().join("skips").join(format!("test-{}", std::process::id()));
        record(&file, &SkipReason::Missing("no node".to_owned()));
        record(&file, &SkipReason::NotPermitted("no\nroot".to_owned()));
        assert_eq!(fs::read_to_string(&file).expect("written"), "no node\nno root\n");
        fs::remove_file(file).expect("it exists");
    }
}
