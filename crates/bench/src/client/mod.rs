//! The client process: one contender in one case.

mod cases;
mod connection;
mod fleet;
mod hour;
mod message_socket;
mod ours;
mod raw;
mod runtime;
mod socket;

#[cfg(feature = "peers")]
mod peers;

use std::net::SocketAddr;

use self::{
    connection::Bare,
    message_socket::MessageSocket,
    runtime::{AsyncStd, Runtime, Smol, Tokio},
    socket::{Fallible, Target},
};
use super::{
    case::Case,
    contender::{Contender, Kind},
    sample::Sample,
};

/// Runs a contender that is built into this program.
pub(crate) fn run(
    contender: Contender,
    case: Case,
    count: u64,
    address: SocketAddr,
) -> Fallible<Sample> {
    let target = Target { address, route: case.route(count), buffer: contender.buffer };
    match contender.kind {
        Kind::OursSmol => Smol::block_on(ours::run::<Smol>(case, target, count)),
        Kind::OursAsyncStd => AsyncStd::block_on(ours::run::<AsyncStd>(case, target, count)),
        Kind::OursTokio => Tokio::block_on(ours::run::<Tokio>(case, target, count)),
        Kind::OursMock => hour::run(case, count),
        Kind::ConnectionSmol => {
            Smol::block_on(cases::run::<MessageSocket<Bare<Smol>>>(case, target, count))
        }
        Kind::ConnectionAsyncStd => {
            AsyncStd::block_on(cases::run::<MessageSocket<Bare<AsyncStd>>>(case, target, count))
        }
        Kind::ConnectionTokio => {
            Tokio::block_on(cases::run::<MessageSocket<Bare<Tokio>>>(case, target, count))
        }
        Kind::RawSmol => Smol::block_on(raw::run::<Smol>(case, target, count)),
        Kind::RawAsyncStd => AsyncStd::block_on(raw::run::<AsyncStd>(case, target, count)),
        Kind::RawTokio => Tokio::block_on(raw::run::<Tokio>(case, target, count)),
        #[cfg(feature = "peers")]
        kind => peers::run(kind, case, target, count),
        #[cfg(not(feature = "peers"))]
        kind => Err(format!("{} is not built in. Use the feature `peers`.", kind.name()).into()),
    }
}
