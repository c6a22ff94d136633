//! The built program, against servers on the loopback interface.
//!
//! Nothing here sleeps: tests wait for lines, with one guard that is generous enough for any
//! machine.

mod accounting;
mod demo;
mod ending;
mod lifecycle;
mod program;
mod secrets;
mod server;
#[cfg(unix)]
mod terminal;
mod usage;
