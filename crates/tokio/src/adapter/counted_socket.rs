//! [`CountedSocket`]: a TCP socket that counts its bytes.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// A TCP socket that counts the bytes that were read and written, below TLS. It is a stream for
/// tokio-tungstenite's `client_async` and `client_async_tls`.
///
/// A connection needs the numbers to distinguish slow traffic from silence, see
/// [`Connection::bytes_written`](crate::Connection::bytes_written) and
/// [`Connection::bytes_read`](crate::Connection::bytes_read).
#[derive(Debug)]
pub struct CountedSocket {
    socket: TcpStream,
    read: u64,
    written: u64,
}

impl CountedSocket {
    /// Wraps a socket. Both numbers begin at zero.
    pub const fn new(socket: TcpStream) -> Self {
        Self { socket, read: 0, written: 0 }
    }

    /// Returns the socket.
    pub const fn get_ref(&self) -> &TcpStream {
        &self.socket
    }

    /// Returns how many bytes were read.
    pub const fn bytes_read(&self) -> u64 {
        self.read
    }

    /// Returns how many bytes the socket has accepted.
    pub const fn bytes_written(&self) -> u64 {
        self.written
    }
}

impl AsyncRead for CountedSocket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(cx, buffer))?;
        self.read += (buffer.filled().len() - before) as u64;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for CountedSocket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let count = ready!(Pin::new(&mut self.socket).poll_write(cx, bytes))?;
        self.written += count as u64;
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
