//! Heartbeats, and the detection of dead connections.

mod align;
mod busy;
mod busy_proof;
mod cutoff;
mod detection;
mod options;
mod read_before_verdict;
mod stalled_writes;
mod suspend;
mod unproven;
mod without_pings;
