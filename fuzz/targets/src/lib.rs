//! The bodies of the fuzz targets: functions of bytes that panic if a rule is broken.
//!
//! `cargo test -p fuzz-targets` passes every file of `fuzz/corpus` to its target, on stable Rust.
//! `fuzz/run.sh` searches for new inputs, on nightly Rust.

// The files of wsbeat import core by the name of their backend.
extern crate websocket_heartbeat as websocket_heartbeat_smol;

mod answer;
mod cuts;
mod dial;
#[allow(dead_code, reason = "a file of wsbeat")]
#[path = "../../../crates/cli/src/duration.rs"]
mod duration;
mod frames;
#[allow(dead_code, reason = "a file of wsbeat")]
#[path = "../../../crates/cli/src/history.rs"]
mod history;
mod options;
mod plan;
mod record;
mod request;
mod server;
mod session;
#[allow(dead_code, reason = "a file of wsbeat")]
#[path = "../../../crates/cli/src/utc.rs"]
mod utc;
#[allow(dead_code, reason = "a file of wsbeat")]
#[path = "../../../crates/cli/src/values.rs"]
mod values;

/// The input of a target.
pub type Target = fn(&[u8]);

/// All targets, by the names of their corpora.
pub const TARGETS: [(&str, Target); 7] = [
    ("answer", answer::run),
    ("dial", dial::run),
    ("frames", frames::run),
    ("options", options::run),
    ("record", record::run),
    ("request", request::run),
    ("session", session::run),
];

/// Runs the target of this name.
///
/// # Panics
///
/// If there is no such target, or if a rule is broken.
pub fn run(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|(known, _)| *known == name);
    let (_, target) = target.unwrap_or_else(|| panic!("there is no target {name}"));
    target(data);
}
