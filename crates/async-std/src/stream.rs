//! [`AsyncStdStream`]: a socket of async-std.

#[cfg(unix)]
use std::path::Path;
use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};

use async_std::net::TcpStream;
#[cfg(unix)]
use async_std::os::unix::net::UnixStream;
use futures_io::{AsyncRead, AsyncWrite};

/// A TCP or Unix socket of async-std.
#[derive(Debug)]
pub struct AsyncStdStream {
    socket: Socket,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl AsyncStdStream {
    pub(crate) async fn tcp(address: SocketAddr) -> io::Result<Self> {
        Ok(Self { socket: Socket::Tcp(TcpStream::connect(address).await?) })
    }

    #[cfg(unix)]
    pub(crate) async fn unix(path: &Path) -> io::Result<Self> {
        Ok(Self { socket: Socket::Unix(UnixStream::connect(path).await?) })
    }
}

/// Evaluates an expression with the socket.
macro_rules! each {
    ($socket:expr, $stream:ident => $run:expr) => {
        match $socket {
            Socket::Tcp($stream) => $run,
            #[cfg(unix)]
            Socket::Unix($stream) => $run,
        }
    };
}

impl AsyncRead for AsyncStdStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        each!(&mut self.socket, stream => Pin::new(stream).poll_read(cx, buffer))
    }
}

impl AsyncWrite for AsyncStdStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        each!(&mut self.socket, stream => Pin::new(stream).poll_write(cx, buffer))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(&mut self.socket, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(&mut self.socket, stream => Pin::new(stream).poll_close(cx))
    }
}

#[cfg(unix)]
impl std::os::fd::AsFd for AsyncStdStream {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        each!(&self.socket, stream => stream.as_fd())
    }
}

#[cfg(windows)]
impl std::os::windows::io::AsSocket for AsyncStdStream {
    fn as_socket(&self) -> std::os::windows::io::BorrowedSocket<'_> {
        each!(&self.socket, stream => stream.as_socket())
    }
}
