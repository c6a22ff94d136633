//! Servers that do not answer in one phase of an attempt.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::fd::OwnedFd,
    thread::{self, JoinHandle},
};

use futures::channel::mpsc::{UnboundedReceiver, unbounded};
use rustix::net::{AddressFamily, SocketType, bind, listen, socket};

/// The phase in which an attempt hangs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Phase {
    /// The kernel drops the packets of the TCP handshake.
    #[cfg(target_os = "linux")]
    Connect,
    /// There is no answer to the TLS handshake.
    Tls,
    /// The answer to the TLS handshake is only the head of a record.
    HalfTls,
    /// There is no answer to the upgrade.
    Upgrade,
    /// The answer to the upgrade ends in its middle.
    HalfUpgrade,
    /// The refusal of the upgrade ends in a header field.
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

/// A server that hangs in one phase.
pub(crate) struct Hanging {
    pub(crate) url: String,
    /// An item for each attempt that hangs. `None` for a phase before the server accepts.
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
    /// Starts a server for this many attempts. Each attempt hangs until the client ends it.
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
                // The client may end the attempt before, or the test may have ended.
                if stream.read(&mut bytes).is_ok_and(|count| count > 0) {
                    let _ = stream.write_all(phase.answer());
                    let _ = hangs.unbounded_send(());
                }
                // Until the end or a reset.
                while stream.read(&mut bytes).is_ok_and(|count| count > 0) {}
            }
        });
        Self { url, reached: Some(reached), server: Server::Serving(server) }
    }

    /// Waits until all attempts have come and their connections are closed.
    pub(crate) fn finish(self) {
        if let Server::Serving(server) = self.server {
            server.join().unwrap();
        }
    }
}

/// A listener whose queue has room for one connection, and that connection.
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
