//! Tests of the built program against servers on the loopback interface.
//!
//! No test sleeps, except between two signals. Tests wait for lines of output, with one generous time
//! limit.

mod accounting;
mod demo;
#[cfg(unix)]
mod editor;
mod ending;
#[cfg(unix)]
mod footer;
mod formats;
mod frames;
#[cfg(unix)]
mod hooks;
#[cfg(target_os = "linux")]
mod jobs;
mod lifecycle;
mod notes;
#[cfg(unix)]
mod outputs;
mod program;
#[cfg(unix)]
mod pty;
mod recording;
mod scripts;
mod secrets;
mod server;
#[cfg(unix)]
mod signals;
mod subscribe;
#[cfg(unix)]
mod terminal;
mod usage;
