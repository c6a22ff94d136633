//! Heartbeats, and the detection of dead connections.

mod align;
mod busy;
mod options;
mod read_before_verdict;
mod stalled_writes;
mod unproven;
