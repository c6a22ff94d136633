//! tokio's sockets.

use std::{io, net::SocketAddr};

use tokio::{net::lookup_host, task::unconstrained};
use websocket_heartbeat_tungstenite::{Network, SocketOptions, Target};

use crate::{TokioSocket, TokioStream};

/// tokio's sockets. They work inside a runtime that has I/O enabled.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Tokio;

/// Both methods ignore the cooperative budget, because a finished step would be pending for a task
/// without budget. An attempt has few steps, so it cannot keep the task busy.
impl Network for Tokio {
    type Stream = TokioStream;

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(unconstrained(lookup_host((host, port))).await?.collect())
    }

    async fn open(&self, target: Target, options: &SocketOptions) -> io::Result<TokioStream> {
        let socket = match &target {
            #[cfg(unix)]
            Target::Unix(path) => unconstrained(TokioSocket::unix(path)).await?,
            _ => unconstrained(TokioSocket::tcp(target.tcp()?)).await?,
        };
        let stream = TokioStream::new(socket);
        options.apply(&stream)?;
        Ok(stream)
    }
}
