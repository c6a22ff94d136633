//! Tests of sessions over the mock, in virtual time.

#![allow(clippy::disallowed_types, reason = "a test may have a plain lock of its own")]

mod acks;
mod calls;
mod config;
mod grammar;
mod harness;
mod heartbeat;
mod inbox;
mod interleavings;
mod invariants;
mod original;
mod outbox;
mod panics;
mod reconnecting;
mod tasks;
#[cfg(feature = "metrics")]
mod telemetry;
