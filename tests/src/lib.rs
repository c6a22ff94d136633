//! Helpers of the integration tests: one harness for all backends, third-party servers as child
//! processes, servers that send raw bytes, and networks whose links can be cut.
#![cfg(unix)]

mod backend;
mod clock;
mod command;
pub mod expect;
mod frames;
mod harness;
#[cfg(target_os = "linux")]
mod network;
mod package;
mod peer;
mod proxy_program;
mod raw_server;
mod report;
mod reservation;
mod skip;
mod software;
mod stalls;
mod target;
mod time_limit;
mod tls;

#[cfg(target_os = "linux")]
pub use self::network::{Cut, End, Namespace, Network};
pub use self::{
    backend::{AsyncStd, Backend, Dialed, Smol, Supervised, Tokio},
    clock::{monotonic, thread_cpu_time},
    frames::{ClientFrame, ClientFrames},
    harness::{run_alone, run_async, run_blocking, run_unlimited, title},
    peer::{Peer, Site},
    proxy_program::ProxyProgram,
    raw_server::{
        accept_key, accept_upgrade, read_request, serve_one, serve_one_of, upgrade_response,
    },
    report::Report,
    skip::{SkipReason, skip, summarize_skips},
    software::Software,
    stalls::Stalls,
    time_limit::{TIME_LIMIT, with_time_limit},
    tls::{localhost_pem, localhost_tls},
};
