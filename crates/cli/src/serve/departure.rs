//! The departure of a client from a connection that is not read.

use std::{
    net::TcpStream,
    time::{Duration, Instant},
};

use async_io::Timer;

/// The time between two looks at the socket. No event of the reactor comes for a connection with
/// unread bytes.
const LOOK: Duration = Duration::from_millis(250);

/// A client that has ended its direction may still wait for the end of the other one, which this fault
/// withholds. No client waits longer than this: its system forgets such a connection after a minute.
const PATIENCE: Duration = Duration::from_secs(90);

/// How a client has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    No,
    /// It has ended its direction.
    Half,
    /// By a reset, or after this side has ended its direction, too.
    Whole,
}

/// Waits until the client has left. Reads nothing.
pub(super) async fn departure(stream: &TcpStream) {
    let mut half: Option<Instant> = None;
    loop {
        match left(stream) {
            Left::Whole => return,
            Left::Half => {
                if half.get_or_insert_with(Instant::now).elapsed() > PATIENCE {
                    return;
                }
            }
            Left::No => {}
        }
        Timer::after(LOOK).await;
    }
}

#[cfg(unix)]
fn left(stream: &TcpStream) -> Left {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let half = PollFlags::RDHUP;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let half = PollFlags::empty();
    let mut polled = [PollFd::new(stream, half)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    let Ok(1..) = poll(&mut polled, Some(&now)) else { return Left::No };
    let flags = polled[0].revents();
    if flags.intersects(PollFlags::HUP | PollFlags::ERR) {
        Left::Whole
    } else if flags.intersects(half) {
        Left::Half
    } else {
        Left::No
    }
}

/// On other systems such a connection stays until the end of the server.
#[cfg(not(unix))]
fn left(_: &TcpStream) -> Left {
    Left::No
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{
        io::Write,
        net::{Shutdown, TcpListener},
    };

    use super::*;

    #[test]
    fn a_departure_is_seen_behind_unread_bytes() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        client.write_all(b"unread").unwrap();
        assert_eq!(left(&server), Left::No);
        client.shutdown(Shutdown::Write).unwrap();
        let soon = |wanted| while left(&server) != wanted {};
        soon(Left::Half);
        rustix::net::sockopt::set_socket_linger(&client, Some(Duration::ZERO)).unwrap();
        drop(client);
        soon(Left::Whole);
    }
}
