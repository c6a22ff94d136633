//! What backends ask of a TCP socket: how it begins, and which of two ways it ends.
//!
//! A socket that is dropped is given up: what the peer has not got yet is thrown away, by a reset. A
//! socket that is [ended](end) first delivers what was written. So nobody has to know, at the moment
//! at which a connection is dropped, why it is dropped: only the end of a close handshake ends it.

mod unacknowledged;

use std::{io, net::Shutdown, time::Duration};

use socket2::SockRef;

pub use self::unacknowledged::unacknowledged;

#[cfg(unix)]
pub(crate) use std::os::fd::AsFd as Handle;
#[cfg(windows)]
pub(crate) use std::os::windows::io::AsSocket as Handle;

/// Prepares a socket that has just connected: Nagle's algorithm is off, for the supervisor gathers
/// messages into few writes itself.
///
/// # Errors
///
/// [`ConnectionRefused`](io::ErrorKind::ConnectionRefused) if the socket is connected to itself. TCP
/// makes such a connection where the port of a server that does not run happens to be the one that
/// the kernel gives to the client. It would speak with itself, and keep the server from its port;
/// so it is reset. Otherwise what the operating system says.
pub fn opened(socket: &impl Handle) -> io::Result<()> {
    let socket = SockRef::from(socket);
    let own = socket.local_addr()?;
    if own.as_socket().is_some() && own.as_socket() == socket.peer_addr()?.as_socket() {
        // Without this the port would stay taken for some minutes after.
        socket.set_linger(Some(Duration::ZERO))?;
        return Err(io::Error::new(
            io::ErrorKind::ConnectionRefused,
            "nothing listens there: the socket was connected to itself",
        ));
    }
    socket.set_tcp_nodelay(true)
}

/// From now on a drop throws away what was written and has not been delivered, and resets the
/// connection.
///
/// What the peer's side has received stays with it: bytes that are in the peer's buffers, or on
/// their way, may be read after the drop.
pub(crate) fn give_up_on_drop(socket: &impl Handle) -> io::Result<()> {
    SockRef::from(socket).set_linger(Some(Duration::ZERO))
}

/// Limits what the operating system holds and has not sent yet, where it can.
pub(crate) fn limit_unsent(socket: &impl Handle, bytes: usize) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        // Zero would stand for the system's own limit.
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX).max(1);
        SockRef::from(socket).set_tcp_notsent_lowat(bytes)
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        let _ = (socket, bytes);
        Ok(())
    }
}

/// Ends writing in order: what was written is delivered, then the peer sees the end. A drop after
/// that is harmless.
///
/// This is what the stream of a backend does in `poll_close`.
///
/// # Errors
///
/// What the operating system says, such as that the connection is gone.
pub fn end(socket: &impl Handle) -> io::Result<()> {
    let socket = SockRef::from(socket);
    socket.set_linger(None)?;
    socket.shutdown(Shutdown::Write)
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    };

    use socket2::{Domain, SockAddr, Socket, Type};

    use super::*;

    fn bound(port: u16) -> io::Result<(Socket, SockAddr)> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
        let address = socket.local_addr()?;
        Ok((socket, address))
    }

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (client, listener.accept().unwrap().0)
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_socket_that_is_connected_to_itself_is_refused() {
        let (socket, address) = bound(0).unwrap();
        socket.connect(&address).unwrap();
        let error = opened(&socket).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        drop(socket);
        // Nothing lingers on its port, which a server may want.
        bound(address.as_socket().unwrap().port()).unwrap();
    }

    #[test]
    fn what_was_written_before_an_end_is_delivered() {
        let (mut client, mut server) = pair();
        opened(&client).unwrap();
        assert!(client.nodelay().unwrap());
        give_up_on_drop(&client).unwrap();
        client.write_all(b"all").unwrap();
        end(&client).unwrap();
        drop(client);
        let mut heard = String::new();
        server.read_to_string(&mut heard).unwrap();
        assert_eq!(heard, "all");
    }

    #[test]
    fn a_drop_without_an_end_is_a_reset() {
        let (client, mut server) = pair();
        give_up_on_drop(&client).unwrap();
        drop(client);
        let error = server.read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }
}
