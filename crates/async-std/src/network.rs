//! async-std's sockets and timers.

use std::{io, net::SocketAddr, time::Duration};

use async_std::{net::ToSocketAddrs, task};
use websocket_heartbeat_tungstenite::{
    Network, Reactor, ReactorClock, ReactorTimer, SocketOptions, Target,
};

use crate::AsyncStdStream;

/// async-std's sockets and timers.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct AsyncStd;

impl Network for AsyncStd {
    type Stream = AsyncStdStream;

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok((host, port).to_socket_addrs().await?.collect())
    }

    async fn open(&self, target: Target, options: &SocketOptions) -> io::Result<AsyncStdStream> {
        let stream = match &target {
            #[cfg(unix)]
            Target::Unix(path) => AsyncStdStream::unix(path).await?,
            _ => AsyncStdStream::tcp(target.tcp()?).await?,
        };
        options.apply(&stream)?;
        Ok(stream)
    }
}

/// A [`Timer`](crate::Timer) by async-std. Its clock is [`Instant`](std::time::Instant), its epoch
/// the moment when it was made. A sleep ends up to a millisecond late.
pub type AsyncStdTimer = ReactorTimer<AsyncStd>;

impl Reactor for AsyncStd {
    fn clock() -> &'static ReactorClock<Self> {
        static CLOCK: ReactorClock<AsyncStd> = ReactorClock::new();
        &CLOCK
    }

    async fn sleep(duration: Duration) {
        task::sleep(duration).await;
    }
}
