//! async-io's sockets and timers.

use std::{io, net::SocketAddr, time::Duration};

use websocket_heartbeat_tungstenite::{
    Network, Reactor, ReactorClock, ReactorTimer, SocketOptions, Target,
};

use crate::SmolStream;

/// smol's sockets and timers. They work under any executor.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Smol;

impl Network for Smol {
    type Stream = SmolStream;

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        async_net::resolve((host, port)).await
    }

    async fn open(&self, target: Target, options: &SocketOptions) -> io::Result<SmolStream> {
        let stream = match &target {
            #[cfg(unix)]
            Target::Unix(path) => SmolStream::unix(path).await?,
            _ => SmolStream::tcp(target.tcp()?).await?,
        };
        options.apply(&stream)?;
        Ok(stream)
    }
}

/// A [`Timer`](crate::Timer) by async-io. Its clock is [`Instant`](std::time::Instant), its epoch
/// the moment when it was made. A sleep ends up to a millisecond late.
pub type SmolTimer = ReactorTimer<Smol>;

impl Reactor for Smol {
    fn clock() -> &'static ReactorClock<Self> {
        static CLOCK: ReactorClock<Smol> = ReactorClock::new();
        &CLOCK
    }

    async fn sleep(duration: Duration) {
        async_io::Timer::after(duration).await;
    }
}
