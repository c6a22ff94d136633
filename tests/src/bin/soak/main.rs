//! Hundreds of sessions over real sockets, with random faults of the server, on each runtime in turn.
//!
//!     soak [--seconds N] [--sessions N] [--seed N] [--first N] [--runtime NAME]
//!
//! Sessions send, receive, obey commands and end in every way, and new ones begin. At the end of each
//! session its [accounts](ledger) are compared with what the server received. At the end of each runtime
//! there is no task, no descriptor and no memory more than at its start, see [`runtime`].
//!
//! The seed and the number of a session determine its plan and the faults of its server. The order of
//! events over real sockets also depends on the machine. A failure prints the command that runs the
//! session again.
#![allow(clippy::disallowed_methods, reason = "the server and the measurements are in real time")]

#[cfg(unix)]
mod helpers;
#[cfg(unix)]
mod ledger;
#[cfg(unix)]
mod measure;
#[cfg(unix)]
mod options;
#[cfg(unix)]
mod payload;
#[cfg(unix)]
mod plan;
#[cfg(unix)]
mod population;
#[cfg(unix)]
mod remote;
#[cfg(unix)]
mod runtime;
#[cfg(unix)]
mod script;
#[cfg(unix)]
mod server;
#[cfg(unix)]
mod session;

#[cfg(unix)]
fn main() {
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.next_if(|first| first == "serve").is_some() {
        let seed = arguments.next().and_then(|seed| seed.parse().ok());
        return server::serve(seed.expect("a seed"));
    }
    runtime::run_all(&options::Options::read(arguments));
}

#[cfg(not(unix))]
fn main() {}
