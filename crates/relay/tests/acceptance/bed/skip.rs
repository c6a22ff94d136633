//! Skipped tests.

use std::{env, fmt, io::Write};

/// Why a test is skipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Skip {
    /// A tool is missing that can be installed.
    Missing(String),
    /// The process does not have the privileges.
    NotPermitted(String),
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Missing(reason) | Self::NotPermitted(reason)) = self;
        f.write_str(reason)
    }
}

/// Reports that `test` is skipped. In CI (`CI` is set in the environment, and not to `false`) it panics if
/// a tool is missing, since CI can install it.
pub(crate) fn skip(test: &str, reason: &Skip) {
    let line = format!("skipped {test}: {reason}\n");
    let in_ci = env::var_os("CI").is_some_and(|ci| ci != "false");
    assert!(!(in_ci && matches!(reason, Skip::Missing(_))), "{line}");
    // Not `eprintln!`, which the test harness captures.
    std::io::stderr().write_all(line.as_bytes()).expect("standard error is open");
}
