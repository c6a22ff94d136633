//! Tests of the built program against servers on the loopback interface.
//!
//! No test sleeps. Tests wait for lines of output, with one generous time limit.

mod accounting;
mod check;
mod demo;
mod ending;
mod header_sources;
mod lifecycle;
mod network;
mod program;
#[cfg(unix)]
mod pty;
mod scratch;
mod secrets;
mod serve;
mod server;
#[cfg(unix)]
mod terminal;
#[cfg(feature = "rustls")]
mod tls;
#[cfg(all(unix, feature = "tui"))]
mod tui;
mod usage;
