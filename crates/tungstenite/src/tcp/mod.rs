//! TCP sockets: their options, unacknowledged bytes, and the two ways in which they end.
//!
//! A native connection that is dropped is reset: bytes that the peer has not received are
//! discarded. A connection that was [shut down](shutdown) before the drop delivers all bytes. Only
//! the close handshake shuts a connection down. So a caller may drop a connection at any moment,
//! for any reason.

mod options;
mod unacknowledged;

use std::{io, net::Shutdown};

use socket2::SockRef;

pub use self::{options::SocketOptions, unacknowledged::unacknowledged};

#[cfg(unix)]
pub use std::os::fd::AsFd as AsSocket;
#[cfg(windows)]
pub use std::os::windows::io::AsSocket;

/// Shuts down writing: all written bytes are delivered, then the peer reads the end of the stream.
/// The socket can be dropped immediately after this call.
///
/// # Errors
///
/// The system's error, for example if the connection was already reset.
pub fn shutdown(socket: &impl AsSocket) -> io::Result<()> {
    let socket = SockRef::from(socket);
    socket.set_linger(None)?;
    socket.shutdown(Shutdown::Write)
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::{Ipv4Addr, TcpListener, TcpStream},
    };

    use super::*;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        SocketOptions::new().apply_linger(&client);
        (client, listener.accept().unwrap().0)
    }

    #[test]
    fn bytes_written_before_a_shutdown_are_delivered() {
        let (mut client, mut server) = pair();
        client.write_all(b"all").unwrap();
        shutdown(&client).unwrap();
        drop(client);
        let mut received = String::new();
        server.read_to_string(&mut received).unwrap();
        assert_eq!(received, "all");
    }

    #[test]
    fn a_drop_without_a_shutdown_resets() {
        let (client, mut server) = pair();
        drop(client);
        let error = server.read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }
}
