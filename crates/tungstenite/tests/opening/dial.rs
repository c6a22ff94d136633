//! A dial that is dropped at any moment.

use std::{
    fs::File,
    future::poll_fn,
    io,
    net::SocketAddr,
    os::fd::{AsFd, BorrowedFd},
    sync::{Arc, LazyLock, Mutex},
    task::Poll,
};

use websocket_heartbeat::FuturesTimer;
use websocket_heartbeat_tungstenite::{Dialer, Network, Request, SocketOptions, Target};

use crate::{counted, dropped_after, scripted::Scripted};

/// A native stream has a descriptor. This one accepts no option of a socket.
impl AsFd for Scripted {
    fn as_fd(&self) -> BorrowedFd<'_> {
        static NULL: LazyLock<File> = LazyLock::new(|| File::open("/dev/null").unwrap());
        NULL.as_fd()
    }
}

/// Is pending once.
async fn yield_once() {
    let mut waited = false;
    poll_fn(|_| if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending })
        .await;
}

/// A network whose first address refuses; each step is pending once.
#[derive(Default)]
struct SlowNetwork {
    opened: Mutex<Vec<Arc<Mutex<Vec<usize>>>>>,
}

impl Network for SlowNetwork {
    type Stream = Scripted;

    async fn resolve(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        yield_once().await;
        Ok(vec![SocketAddr::from(([127, 0, 0, 1], 80)); 2])
    }

    async fn open(&self, _: Target, _: &SocketOptions) -> io::Result<Scripted> {
        yield_once().await;
        let mut opened = self.opened.lock().unwrap();
        if opened.is_empty() {
            opened.push(Arc::default());
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let (server, living) = counted();
        opened.push(living);
        Ok(server)
    }
}

#[test]
fn a_dropped_dial_leaves_no_stream_open() {
    let request = Request::new("ws://example.org").unwrap();
    for polls in 1.. {
        let network = SlowNetwork::default();
        let (dialer, timer) = (Dialer::new(), FuturesTimer::new());
        let done = dropped_after(polls, dialer.dial(&request, &network, &timer));
        let opened = network.opened.into_inner().unwrap();
        if let Some(established) = done {
            assert!(established.is_ok() && opened.len() == 2);
            return;
        }
        assert!(opened.iter().all(|living| Arc::strong_count(living) == 1), "{polls}");
    }
}
