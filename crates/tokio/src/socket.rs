//! [`TokioSocket`]: the sockets that this backend opens.

#[cfg(unix)]
use std::path::Path;
use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};

#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// A TCP or Unix socket of tokio, which this backend has opened.
#[derive(Debug)]
pub struct TokioSocket {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl TokioSocket {
    pub(crate) async fn tcp(address: SocketAddr) -> io::Result<Self> {
        Ok(Self { kind: Kind::Tcp(TcpStream::connect(address).await?) })
    }

    #[cfg(unix)]
    pub(crate) async fn unix(path: &Path) -> io::Result<Self> {
        Ok(Self { kind: Kind::Unix(UnixStream::connect(path).await?) })
    }
}

/// The stream must be in non-blocking mode. Panics outside a runtime that has I/O enabled.
impl TryFrom<std::net::TcpStream> for TokioSocket {
    type Error = io::Error;

    fn try_from(stream: std::net::TcpStream) -> io::Result<Self> {
        Ok(Self { kind: Kind::Tcp(TcpStream::from_std(stream)?) })
    }
}

/// Evaluates an expression with the socket.
macro_rules! each {
    ($kind:expr, $stream:ident => $run:expr) => {
        match $kind {
            Kind::Tcp($stream) => $run,
            #[cfg(unix)]
            Kind::Unix($stream) => $run,
        }
    };
}

impl AsyncRead for TokioSocket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        each!(&mut self.kind, stream => Pin::new(stream).poll_read(cx, buffer))
    }
}

impl AsyncWrite for TokioSocket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        each!(&mut self.kind, stream => Pin::new(stream).poll_write(cx, bytes))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(&mut self.kind, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(&mut self.kind, stream => Pin::new(stream).poll_shutdown(cx))
    }
}

#[cfg(unix)]
impl std::os::fd::AsFd for TokioSocket {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        each!(&self.kind, stream => stream.as_fd())
    }
}

#[cfg(windows)]
impl std::os::windows::io::AsSocket for TokioSocket {
    fn as_socket(&self) -> std::os::windows::io::BorrowedSocket<'_> {
        each!(&self.kind, stream => stream.as_socket())
    }
}
