//! [`Network`]: the sockets of one runtime.

use std::{fmt, future::Future, io, net::SocketAddr, path::PathBuf};

use futures_io::{AsyncRead, AsyncWrite};

use crate::tcp::{AsSocket, SocketOptions};

/// The sockets of one runtime. A [`NetworkTransport`](crate::NetworkTransport) needs only this and
/// a [`Timer`](websocket_heartbeat::Timer) of the runtime.
///
/// An implementation can write both methods as `async fn`. Their futures are [`Send`], so that a
/// session can move between threads. A runtime whose sockets cannot leave their thread implements
/// [`Transport`](websocket_heartbeat::Transport) over [`upgrade`](crate::upgrade) instead.
///
/// # Examples
///
/// async-io's sockets, for any executor:
///
/// ```
/// use std::{io, net::{SocketAddr, TcpStream}};
///
/// use async_io::Async;
/// use websocket_heartbeat_tungstenite::{Network, SocketOptions, Target};
///
/// #[derive(Clone)]
/// struct AsyncIo;
///
/// impl Network for AsyncIo {
///     type Stream = Async<TcpStream>;
///
///     async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
///         async_net::resolve((host, port)).await
///     }
///
///     async fn open(&self, target: Target, options: &SocketOptions) -> io::Result<Self::Stream> {
///         let stream = Async::<TcpStream>::connect(target.tcp()?).await?;
///         options.apply(&stream)?;
///         Ok(stream)
///     }
/// }
/// ```
pub trait Network {
    /// A connected socket.
    ///
    /// It should ignore a cooperative budget of its runtime, because the supervisor yields by
    /// itself, and a pending stream looks stalled. The connection does not call `poll_close`. It
    /// calls [`tcp::shutdown`](crate::tcp::shutdown) instead.
    type Stream: AsyncRead + AsyncWrite + AsSocket + Unpin;

    /// Resolves a host to its addresses, in the order of the system. The host is a domain name in
    /// ASCII form or an IP address; an IPv6 address has no brackets and may have a zone after `%`.
    ///
    /// # Errors
    ///
    /// The resolver's error. It fails the attempt with
    /// [`ErrorKind::Dns`](websocket_heartbeat::ErrorKind::Dns).
    fn resolve(
        &self,
        host: &str,
        port: u16,
    ) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send;

    /// Opens a socket and [applies](SocketOptions::apply) the options to it. Dropping the future
    /// abandons the socket.
    ///
    /// # Errors
    ///
    /// The system's error. The attempt then continues with the next address.
    /// [`Unsupported`](io::ErrorKind::Unsupported) for a target that this network cannot open.
    fn open(
        &self,
        target: Target,
        options: &SocketOptions,
    ) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

/// The address of a socket to open.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// A TCP address.
    Tcp(SocketAddr),
    /// The path of a Unix domain socket.
    Unix(PathBuf),
}

impl Target {
    /// The TCP address, for networks that have TCP only.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](io::ErrorKind::Unsupported) for any other target.
    pub fn tcp(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Tcp(address) => Ok(*address),
            Self::Unix(_) => {
                let words = "this network has no Unix domain sockets";
                Err(io::Error::new(io::ErrorKind::Unsupported, words))
            }
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}
