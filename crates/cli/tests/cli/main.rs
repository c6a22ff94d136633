//! Tests of the built program against servers on the loopback interface.
//!
//! No test sleeps. Tests wait for lines of output, with one generous time limit.

mod accounting;
mod demo;
mod ending;
mod formats;
#[cfg(unix)]
mod hooks;
mod lifecycle;
mod output;
mod program;
mod secrets;
mod server;
mod subscribe;
#[cfg(unix)]
mod terminal;
mod usage;
