//! Tests of the built program against servers on the loopback interface.
//!
//! No test sleeps. Tests wait for lines of output, with one generous time limit.

mod accounting;
mod demo;
mod ending;
mod formats;
mod frames;
#[cfg(unix)]
mod hooks;
mod lifecycle;
mod notes;
#[cfg(unix)]
mod outputs;
mod program;
mod recording;
mod scripts;
mod secrets;
mod server;
mod subscribe;
#[cfg(unix)]
mod terminal;
mod usage;
