//! The contracts of [`Connection`], [`Timer`] and of what backends make of them, as suites for those
//! who write one.
//!
//! The server is tungstenite's, on a thread and a port of its own for each rule. A rule that is
//! broken panics and says which it is. The server waits for nothing longer than ten seconds.
//!
//! [`Connection`]: websocket_heartbeat::Connection
//! [`Timer`]: websocket_heartbeat::Timer

mod connection;
mod refusals;
mod server;
mod session;
mod timer;

pub use self::{connection::contract, refusals::refusals, session::session, timer::timer};
