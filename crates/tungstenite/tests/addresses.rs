//! The first address of an attempt, over real sockets.

use std::{
    io,
    io::Write as _,
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Mutex,
    thread,
};

use async_net::TcpStream as Stream;
use futures::executor::block_on;
use websocket_heartbeat::{FuturesTimer, TransportError};
use websocket_heartbeat_tungstenite::{Dialer, Network, Request, SocketOptions, Target};

/// A server that accepts connections and drops them.
fn server() -> SocketAddr {
    listening(|stream| drop(tungstenite::accept(stream)))
}

/// A server that refuses every upgrade.
fn busy() -> SocketAddr {
    listening(|mut stream| drop(stream.write_all(b"HTTP/1.1 503 Busy\r\n\r\n")))
}

fn listening(serve: fn(TcpStream)) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || listener.incoming().flatten().for_each(serve));
    address
}

/// A network on which every host has the same addresses.
struct Resolved {
    addresses: Vec<SocketAddr>,
    tried: Mutex<Vec<SocketAddr>>,
}

impl Network for Resolved {
    type Stream = Stream;

    async fn resolve(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(self.addresses.clone())
    }

    async fn open(&self, target: Target, _: &SocketOptions) -> io::Result<Stream> {
        let address = target.tcp()?;
        self.tried.lock().unwrap().push(address);
        Stream::connect(address).await
    }
}

/// Makes an attempt, and returns the addresses that it tried.
fn dial(
    dialer: &Dialer,
    addresses: &[SocketAddr],
) -> (Vec<SocketAddr>, Result<(), TransportError>) {
    let network = Resolved { addresses: addresses.to_vec(), tried: Mutex::default() };
    let request = Request::new("ws://example.org").unwrap();
    let dialed = block_on(dialer.dial(&request, &network, &FuturesTimer::new())).map(drop);
    (network.tried.into_inner().unwrap(), dialed)
}

#[test]
fn the_next_attempt_begins_with_the_address_that_worked() {
    // The port of another client: no server listens there, and no server can use it.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let closed = client.local_addr().unwrap();
    let open = server();
    let dialer = Dialer::new();
    let (tried, dialed) = dial(&dialer, &[closed, open]);
    dialed.unwrap();
    assert_eq!(tried, [closed, open]);
    for _ in 0..2 {
        let (tried, dialed) = dial(&dialer.clone(), &[closed, open]);
        dialed.unwrap();
        assert_eq!(tried, [open]);
    }
}

#[test]
fn a_server_that_refuses_does_not_hide_the_other_addresses() {
    let (busy, open) = (busy(), server());
    let dialer = Dialer::new();
    let (tried, dialed) = dial(&dialer, &[busy, open]);
    dialed.unwrap_err();
    assert_eq!(tried, [busy]);
    for _ in 0..2 {
        let (tried, dialed) = dial(&dialer, &[busy, open]);
        dialed.unwrap();
        assert_eq!(tried, [open]);
    }
}
