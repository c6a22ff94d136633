//! What a TCP socket holds that its peer has not acknowledged: [`unacknowledged`].
//!
//! This is the one file of the native backends that may hold `unsafe`: neither std nor socket2 nor
//! rustix has the question as a safe call.

use super::Handle;

/// How many bytes that were written to a TCP socket its peer has not acknowledged: those that are
/// not sent yet, and those that are under way. `None` where the system does not tell.
///
/// This is `SIOCOUTQ`, on Linux and Android.
pub fn unacknowledged(socket: &impl Handle) -> Option<u64> {
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
#[allow(unsafe_code, reason = "a system call that nobody wraps, see above")]
fn outgoing_queue(socket: &impl Handle) -> Option<u64> {
    use std::os::fd::AsRawFd;

    let socket = socket.as_fd();
    let mut bytes: libc::c_int = 0;
    // SAFETY: the descriptor is borrowed and so open; for it `SIOCOUTQ`, which has the number of
    // `TIOCOUTQ`, writes one `int` to the place given, or fails and writes nothing.
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
    fn what_the_peer_has_not_taken_is_counted() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        assert_eq!(unacknowledged(&client), Some(0));
        // Until both kernels are full.
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
    fn what_is_no_socket_tells_nothing() {
        assert_eq!(unacknowledged(&File::open("/dev/null").unwrap()), None);
    }
}
