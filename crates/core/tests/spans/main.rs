//! The reports to `tracing`. They need a process of their own: while sessions without a subscriber run
//! on other threads, `tracing` may note that nobody is interested in an event.
#![cfg(feature = "tracing")]
#![allow(clippy::disallowed_types, reason = "a test may have a plain lock of its own")]

#[allow(dead_code, unused_imports, reason = "other tests use the rest of it")]
#[path = "../session/harness/mod.rs"]
mod harness;
mod subscriber;
mod telemetry;
