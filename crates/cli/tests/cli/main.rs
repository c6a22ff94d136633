//! Tests of the built program against servers on the loopback interface.
//!
//! No test sleeps. Tests wait for lines of output, with one generous time limit.

mod accounting;
mod demo;
#[cfg(unix)]
mod editor;
mod ending;
#[cfg(unix)]
mod footer;
#[cfg(target_os = "linux")]
mod jobs;
mod lifecycle;
mod program;
#[cfg(unix)]
mod pty;
mod secrets;
mod server;
#[cfg(unix)]
mod signals;
#[cfg(unix)]
mod terminal;
mod usage;
