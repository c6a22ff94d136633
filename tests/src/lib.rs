//! What the integration tests stand on: real servers as child processes, written by others, and
//! networks whose links can be cut.
#![cfg(unix)]

mod backend;
mod clock;
pub mod expect;
mod guard;
mod install;
mod netns;
mod peer;
mod raw;
mod report;
mod reservation;
mod skip;
mod software;

pub use self::{
    backend::{AsyncStd, Backend, Dialed, Smol, Supervised, Tokio},
    clock::monotonic,
    guard::{GUARD, guarded},
    netns::{Cut, Network},
    peer::{Peer, Site},
    raw::accept_upgrade,
    report::Report,
    skip::skip,
    software::Software,
};
