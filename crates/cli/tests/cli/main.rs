//! Tests of the built program against servers on the loopback interface.
//!
//! No test sleeps, except between two signals. Tests wait for lines of output, with one generous time
//! limit.

mod accounting;
mod check;
mod demo;
#[cfg(unix)]
mod editor;
mod ending;
#[cfg(unix)]
mod footer;
mod formats;
mod frames;
mod header_sources;
#[cfg(unix)]
mod hooks;
#[cfg(target_os = "linux")]
mod jobs;
mod lifecycle;
mod network;
mod notes;
#[cfg(unix)]
mod outputs;
mod program;
#[cfg(unix)]
mod pty;
mod recording;
#[cfg(unix)]
mod relay;
mod scratch;
mod scripts;
mod secrets;
mod serve;
mod server;
#[cfg(unix)]
mod signals;
mod subscribe;
#[cfg(unix)]
mod terminal;
#[cfg(feature = "rustls")]
mod tls;
#[cfg(all(unix, feature = "tui"))]
mod tui;
mod usage;
