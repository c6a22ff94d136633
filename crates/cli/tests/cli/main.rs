//! Tests of the built program against servers on the loopback interface.
//!
//! No test sleeps. Tests wait for lines of output, with one generous time limit.

mod accounting;
mod demo;
mod ending;
mod lifecycle;
mod program;
#[cfg(unix)]
mod pty;
mod secrets;
mod serve;
mod server;
#[cfg(unix)]
mod terminal;
#[cfg(all(unix, feature = "tui"))]
mod tui;
mod usage;
