//! The functions of the three runtimes that the measurements need. Tasks run on one thread if the
//! runtime has this option.

use std::{future::Future, io, net::SocketAddr, time::Duration};

use async_tungstenite::tokio::TokioAdapter;
use futures::io::{AsyncRead, AsyncWrite};

/// An executor with sockets and sleeps.
pub(crate) trait Runtime: Send + 'static {
    type Tcp: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Runs a future and the tasks that it spawns.
    fn block_on<T>(future: impl Future<Output = T>) -> T;

    fn spawn(future: impl Future<Output = ()> + Send + 'static);

    fn sleep(duration: Duration) -> impl Future<Output = ()> + Send;

    /// Connects, without Nagle's delay.
    fn connect(address: SocketAddr) -> impl Future<Output = io::Result<Self::Tcp>> + Send;
}

#[derive(Debug)]
pub(crate) struct Smol;

static EXECUTOR: smol::Executor<'static> = smol::Executor::new();

impl Runtime for Smol {
    type Tcp = smol::net::TcpStream;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        smol::block_on(EXECUTOR.run(future))
    }

    fn spawn(future: impl Future<Output = ()> + Send + 'static) {
        EXECUTOR.spawn(future).detach();
    }

    async fn sleep(duration: Duration) {
        smol::Timer::after(duration).await;
    }

    async fn connect(address: SocketAddr) -> io::Result<Self::Tcp> {
        let stream = smol::net::TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

#[derive(Debug)]
pub(crate) struct AsyncStd;

impl Runtime for AsyncStd {
    type Tcp = async_std::net::TcpStream;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        async_std::task::block_on(future)
    }

    fn spawn(future: impl Future<Output = ()> + Send + 'static) {
        async_std::task::spawn(future);
    }

    async fn sleep(duration: Duration) {
        async_std::task::sleep(duration).await;
    }

    async fn connect(address: SocketAddr) -> io::Result<Self::Tcp> {
        let stream = async_std::net::TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

#[derive(Debug)]
pub(crate) struct Tokio;

impl Runtime for Tokio {
    type Tcp = TokioAdapter<tokio::net::TcpStream>;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("the system provides an event queue").block_on(future)
    }

    fn spawn(future: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(future);
    }

    async fn sleep(duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    async fn connect(address: SocketAddr) -> io::Result<Self::Tcp> {
        let stream = tokio::net::TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(TokioAdapter::new(stream))
    }
}
