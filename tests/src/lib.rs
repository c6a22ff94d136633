//! Helpers of the integration tests: one harness for all backends, third-party servers as child
//! processes, servers that send raw bytes, and networks whose links can be cut.
#![cfg(unix)]

mod backend;
mod clock;
mod command;
pub mod expect;
mod frames;
mod harness;
mod namespace;
mod network;
mod package;
mod peer;
mod proxy_program;
mod raw_server;
mod report;
mod reservation;
mod skip;
mod software;
mod target;
mod time_limit;
mod tls;

pub use self::{
    backend::{AsyncStd, Backend, Dialed, Smol, Supervised, Tokio},
    clock::{monotonic, thread_cpu_time},
    frames::{ClientFrame, ClientFrames},
    harness::{run_alone, run_async, run_blocking, run_unlimited, title},
    namespace::Namespace,
    network::{Cut, Network},
    peer::{Peer, Site},
    proxy_program::ProxyProgram,
    raw_server::{
        accept_key, accept_upgrade, read_request, serve_one, serve_one_of, upgrade_response,
    },
    report::Report,
    skip::{SkipReason, skip, summarize_skips},
    software::Software,
    time_limit::{TIME_LIMIT, with_time_limit},
    tls::{localhost_pem, localhost_tls},
};
