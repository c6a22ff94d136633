//! Tests of the contracts of [`Connection`], [`Timer`] and backends, for their authors.
//!
//! [`conformance_tests!`](crate::conformance_tests) makes all tests of a backend. Each rule has its
//! own server by tungstenite, with its own thread and port. A broken rule panics with its name. Each
//! wait of the server has a limit of ten seconds.
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

pub use self::{
    connection::contract,
    refusals::{late_bodies, refusals},
    session::session,
    timer::timer,
};
