//! Many machines share WebSocket subscriptions through NATS JetStream: each subscription has an owner,
//! another machine takes over when it dies, and every gap is recorded.

pub mod clock;
pub mod commands;
pub mod config;
pub mod demo;
pub mod dial;
pub mod engine;
pub mod fleet;
pub mod health;
pub mod http;
pub mod id;
pub mod nats;
pub mod outflow;
pub mod record;
pub mod session;
pub mod source;
pub mod telemetry;
pub mod upstream;
pub mod worker;

/// A random number for this process.
#[must_use]
pub fn incarnation() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::hash::RandomState::new().build_hasher().finish()
}
