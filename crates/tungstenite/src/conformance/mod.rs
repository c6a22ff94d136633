//! Tests of the contracts of [`Connection`], [`Timer`] and backends, for their authors.
//!
//! [`conformance_tests!`](crate::conformance_tests) makes all tests of a backend. The rules are
//! those in the documentation of [`Connection`], [`Transport`] and [`Timer`]. Each rule has its own
//! server by tungstenite, with its own thread and port. If a rule is broken, its name is printed,
//! and it panics. Each wait of a server has a limit of ten seconds, and each rule of thirty.
//!
//! These rules of a [`Connection`] are not checked, because a server on a socket cannot show them:
//! the bounded work of one poll, the wake-up for more to read, a message that is refused for its
//! size, and the layers below other than TCP.
//!
//! [`Connection`]: websocket_heartbeat::Connection
//! [`Timer`]: websocket_heartbeat::Timer
//! [`Transport`]: websocket_heartbeat::Transport

mod backend;
mod client;
mod closing;
mod connection;
mod refusals;
mod rule;
mod server;
mod session;
mod timer;

pub use self::{
    connection::contract,
    refusals::{late_bodies, refusals},
    session::session,
    timer::timer,
};
