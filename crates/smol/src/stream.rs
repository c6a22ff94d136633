//! [`SmolStream`]: a socket of async-io.

use std::{
    io::{self, Read},
    net::{SocketAddr, TcpStream},
    pin::Pin,
    task::{Context, Poll, ready},
};
#[cfg(unix)]
use std::{os::unix::net::UnixStream, path::Path};

use async_io::Async;
use futures_io::{AsyncRead, AsyncWrite};
use websocket_heartbeat_tungstenite::tcp;

/// A TCP or Unix socket of async-io for one task, which polls both directions.
///
/// It takes a third of a KiB less memory than async-net's stream, on which any number of tasks can
/// wait.
#[derive(Debug)]
pub struct SmolStream {
    socket: Socket,
}

#[derive(Debug)]
enum Socket {
    Tcp(Async<TcpStream>),
    #[cfg(unix)]
    Unix(Async<UnixStream>),
}

impl SmolStream {
    pub(crate) async fn tcp(address: SocketAddr) -> io::Result<Self> {
        let stream = Async::<TcpStream>::connect(address).await?;
        // A new registration, because the old one keeps the memory that the wait for the connection
        // used.
        Ok(Self { socket: Socket::Tcp(Async::new_nonblocking(stream.into_inner()?)?) })
    }

    #[cfg(unix)]
    pub(crate) async fn unix(path: &Path) -> io::Result<Self> {
        let stream = Async::<UnixStream>::connect(path).await?;
        Ok(Self { socket: Socket::Unix(Async::new_nonblocking(stream.into_inner()?)?) })
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

impl AsyncRead for SmolStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        each!(&self.socket, stream => loop {
            match stream.get_ref().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    // The first result may be about bytes that were already read. Then only the
                    // second result is valid. Bytes that arrive between the two are reported,
                    // because the reactor is level-triggered.
                    ready!(stream.poll_readable(cx))?;
                    ready!(stream.poll_readable(cx))?;
                }
                result => return Poll::Ready(result),
            }
        })
    }
}

impl AsyncWrite for SmolStream {
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

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(tcp::shutdown(&*self))
    }
}

#[cfg(unix)]
impl std::os::fd::AsFd for SmolStream {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        each!(&self.socket, stream => stream.as_fd())
    }
}

#[cfg(windows)]
impl std::os::windows::io::AsSocket for SmolStream {
    fn as_socket(&self) -> std::os::windows::io::BorrowedSocket<'_> {
        each!(&self.socket, stream => stream.as_socket())
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        net::{Ipv4Addr, TcpListener},
        thread,
        time::Duration,
    };

    use async_io::block_on;
    use futures::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// A stream, and the server's end of the connection.
    fn pair() -> (SmolStream, TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let stream = block_on(SmolStream::tcp(address)).unwrap();
        let (server, _) = listener.accept().unwrap();
        // A broken stream fails instead of blocking forever.
        server.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        (stream, server)
    }

    #[test]
    fn every_pending_read_is_woken() {
        let (mut stream, mut server) = pair();
        let server = thread::spawn(move || {
            let mut byte = [0];
            // Each byte is the answer to one byte, so the client has read all bytes before.
            while server.read(&mut byte).unwrap() == 1 {
                server.write_all(&byte).unwrap();
            }
        });
        block_on(async {
            let mut buffer = [0; 16];
            for round in 0..100 {
                stream.write_all(&[round]).await.unwrap();
                assert_eq!(stream.read(&mut buffer).await.unwrap(), 1);
                assert_eq!(buffer[0], round);
            }
        });
        drop(stream);
        server.join().unwrap();
    }

    #[test]
    fn close_shuts_down_writing_and_not_reading() {
        let (mut stream, mut server) = pair();
        let server = thread::spawn(move || {
            let mut received = String::new();
            server.read_to_string(&mut received).unwrap();
            server.write_all(received.as_bytes()).unwrap();
        });
        block_on(async {
            stream.write_all(b"all").await.unwrap();
            stream.close().await.unwrap();
            let mut received = String::new();
            stream.read_to_string(&mut received).await.unwrap();
            assert_eq!(received, "all");
        });
        server.join().unwrap();
    }
}
