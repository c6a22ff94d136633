//! Servers that leave an attempt hanging.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::fd::OwnedFd,
    thread::{self, JoinHandle},
};

use futures::channel::mpsc::{UnboundedReceiver, unbounded};
use rustix::net::{AddressFamily, SocketType, bind, listen, socket};

/// Where an attempt hangs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Phase {
    /// The kernel drops what would open the line.
    #[cfg(target_os = "linux")]
    Connect,
    /// TLS is not answered.
    Tls,
    /// TLS is answered by the head of a record.
    HalfTls,
    /// The upgrade is not answered.
    Upgrade,
    /// The upgrade is answered by half.
    HalfUpgrade,
    /// The upgrade is refused, in half a header.
    HalfRefusal,
}

impl Phase {
    pub(crate) const ALL: &[Self] = &[
        #[cfg(target_os = "linux")]
        Self::Connect,
        Self::Tls,
        Self::HalfTls,
        Self::Upgrade,
        Self::HalfUpgrade,
        Self::HalfRefusal,
    ];

    fn answer(self) -> &'static [u8] {
        match self {
            Self::HalfTls => &[22, 3, 3, 0, 122, 2],
            Self::HalfUpgrade => b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: webs",
            Self::HalfRefusal => b"HTTP/1.1 503 Service Unavailable\r\nRetry-Af",
            _ => b"",
        }
    }
}

/// A server of one phase.
pub(crate) struct Hanging {
    pub(crate) url: String,
    /// An item for each attempt that hangs; none where the server cannot know.
    pub(crate) reached: Option<UnboundedReceiver<()>>,
    server: Server,
}

enum Server {
    Serving(JoinHandle<()>),
    #[cfg(target_os = "linux")]
    Full {
        _listener: OwnedFd,
        _queued: TcpStream,
    },
}

impl Hanging {
    /// Leaves so many attempts hanging, each until the client gives it up.
    pub(crate) fn start(phase: Phase, attempts: usize) -> Self {
        let scheme = if matches!(phase, Phase::Tls | Phase::HalfTls) { "wss" } else { "ws" };
        #[cfg(target_os = "linux")]
        if let Phase::Connect = phase {
            let (address, server) = full();
            return Self { url: format!("{scheme}://{address}/"), reached: None, server };
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("{scheme}://{}/", listener.local_addr().unwrap());
        let (hangs, reached) = unbounded();
        let server = thread::spawn(move || {
            for _ in 0..attempts {
                let (mut stream, _) = listener.accept().unwrap();
                let mut bytes = [0; 4_096];
                // A client may be too slow for its own deadline, or its test have ended.
                if stream.read(&mut bytes).is_ok_and(|count| count > 0) {
                    let _ = stream.write_all(phase.answer());
                    let _ = hangs.unbounded_send(());
                }
                // Its end, or a reset for what it has not read.
                while stream.read(&mut bytes).is_ok_and(|count| count > 0) {}
            }
        });
        Self { url, reached: Some(reached), server: Server::Serving(server) }
    }

    /// All attempts have reached it, and their lines are gone.
    pub(crate) fn finish(self) {
        if let Server::Serving(server) = self.server {
            server.join().unwrap();
        }
    }
}

/// A listener whose queue has room for one, which is there.
#[cfg(target_os = "linux")]
fn full() -> (SocketAddr, Server) {
    let listener = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&listener, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    listen(&listener, 0).unwrap();
    let listener = TcpListener::from(listener);
    let address = listener.local_addr().unwrap();
    let queued = TcpStream::connect(address).unwrap();
    (address, Server::Full { _listener: listener.into(), _queued: queued })
}
