//! Tests of the built program against servers on the loopback interface.
//!
//! No test sleeps. Tests wait for lines of output, with one generous time limit.

mod accounting;
mod demo;
mod ending;
mod lifecycle;
mod program;
mod secrets;
mod serve;
mod server;
#[cfg(unix)]
mod terminal;
mod usage;
