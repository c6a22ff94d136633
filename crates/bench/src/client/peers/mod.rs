//! Other WebSocket clients. All run on tokio.

mod ezsockets;
mod fastwebsockets;
mod stream_reconnect;
mod tokio_tungstenite;
mod tokio_websockets;

use super::{
    cases,
    message_socket::MessageSocket,
    runtime::{Runtime, Tokio},
    socket::{Fallible, Target},
};
use crate::{case::Case, contender::Kind, sample::Sample};

pub(crate) fn run(kind: Kind, case: Case, target: Target, count: u64) -> Fallible<Sample> {
    Tokio::block_on(async {
        match kind {
            Kind::TokioTungstenite => {
                cases::run::<MessageSocket<tokio_tungstenite::Peer>>(case, target, count).await
            }
            Kind::FastWebsockets => cases::run::<fastwebsockets::Peer>(case, target, count).await,
            Kind::TokioWebsockets => {
                cases::run::<MessageSocket<tokio_websockets::Peer>>(case, target, count).await
            }
            Kind::StreamReconnect => {
                cases::run::<MessageSocket<stream_reconnect::Peer>>(case, target, count).await
            }
            Kind::EzSockets => ezsockets::run(case, target, count).await,
            kind => Err(format!("{} is not a peer", kind.name()).into()),
        }
    })
}

/// A TCP connection without Nagle's delay.
async fn tcp(target: Target) -> Fallible<tokio::net::TcpStream> {
    let stream = tokio::net::TcpStream::connect(target.address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
