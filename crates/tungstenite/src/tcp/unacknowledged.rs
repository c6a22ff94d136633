//! The bytes in a TCP socket that the peer has not acknowledged: [`unacknowledged`].
//!
//! This file may contain `unsafe` code: std, socket2 and rustix have no safe function for this
//! system call.

use super::AsSocket;

/// The number of bytes written to a TCP socket that the peer has not acknowledged: unsent bytes and
/// bytes in flight. `None` if the system does not report it.
///
/// This is `SIOCOUTQ`, on Linux and Android.
///
/// ```no_run
/// use std::net::TcpStream;
/// use websocket_heartbeat_tungstenite::tcp;
///
/// let stream = TcpStream::connect("127.0.0.1:80")?;
/// println!("{:?} bytes are not acknowledged", tcp::unacknowledged(&stream));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn unacknowledged(socket: &impl AsSocket) -> Option<u64> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        outgoing_queue(socket)
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        let _ = socket;
        None
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
#[allow(unsafe_code, reason = "no safe wrapper exists, see above")]
fn outgoing_queue(socket: &impl AsSocket) -> Option<u64> {
    use std::os::fd::AsRawFd;

    let socket = socket.as_fd();
    let mut bytes: libc::c_int = 0;
    // SAFETY: the descriptor is borrowed, so it is open. `SIOCOUTQ`, which has the same number as
    // `TIOCOUTQ`, writes one `int` to the given address, or fails and writes nothing.
    let failed = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ as _, &raw mut bytes) };
    if failed == 0 { u64::try_from(bytes).ok() } else { None }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{
        fs::File,
        io::{Read, Write},
        net::{TcpListener, TcpStream},
    };

    use super::*;

    #[test]
    fn bytes_that_the_peer_has_not_read_are_counted() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        assert_eq!(unacknowledged(&client), Some(0));
        // Until the buffers of both sockets are full.
        client.set_nonblocking(true).unwrap();
        let mut written = 0;
        while let Ok(count) = client.write(&[0; 64 * 1024]) {
            written += count as u64;
        }
        let held = unacknowledged(&client).unwrap();
        assert!(held > 0 && held < written, "{held} of {written}");
        let mut left = written;
        let mut buffer = vec![0; 64 * 1024];
        while left > 0 {
            left -= server.read(&mut buffer).unwrap() as u64;
        }
        while unacknowledged(&client) != Some(0) {
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_file_that_is_not_a_socket_gives_none() {
        assert_eq!(unacknowledged(&File::open("/dev/null").unwrap()), None);
    }
}
