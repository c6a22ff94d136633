//! Tests of the contracts of [`Connection`], [`Timer`] and backends, for authors of one.
//!
//! [`conformance_tests!`](crate::conformance_tests) makes all tests of a backend. Each rule has a
//! server by tungstenite on a thread and a port of its own. A broken rule panics with its name. The
//! server waits at most ten seconds for anything.
//!
//! [`Connection`]: websocket_heartbeat::Connection
//! [`Timer`]: websocket_heartbeat::Timer

mod backend;
mod client;
mod closing;
mod connection;
mod refusals;
mod server;
mod session;
mod timer;

pub use self::{connection::contract, refusals::refusals, session::session, timer::timer};
