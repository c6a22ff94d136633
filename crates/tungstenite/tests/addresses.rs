//! Which address an attempt begins with, over real sockets.

use std::{
    cell::RefCell,
    io,
    io::Write as _,
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
};

use async_net::TcpStream as Stream;
use futures::executor::block_on;
use websocket_heartbeat::TransportError;
use websocket_heartbeat_tungstenite::{Dialer, Request};

/// A server that accepts connections and drops them.
fn server() -> SocketAddr {
    listening(|stream| drop(tungstenite::accept(stream)))
}

/// A server that is no WebSocket server.
fn stranger() -> SocketAddr {
    listening(|mut stream| drop(stream.write_all(b"HTTP/1.1 503 Busy\r\n\r\n")))
}

fn listening(serve: fn(TcpStream)) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || listener.incoming().flatten().for_each(serve));
    address
}

/// Makes an attempt; which addresses were tried.
fn dial(
    dialer: &Dialer,
    addresses: &[SocketAddr],
) -> (Vec<SocketAddr>, Result<(), TransportError>) {
    let tried = RefCell::new(Vec::new());
    let open = async |address: SocketAddr| -> io::Result<Stream> {
        tried.borrow_mut().push(address);
        Stream::connect(address).await
    };
    let request = Request::new("ws://example.org").unwrap();
    let resolved = async { Ok(addresses.to_vec()) };
    let dialed = block_on(dialer.dial(&request, 0, resolved, open)).map(drop);
    (tried.into_inner(), dialed)
}

#[test]
fn a_lost_connection_comes_back_by_the_address_that_worked() {
    // The port of a client of somebody else: nothing listens there, and nobody else can.
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
fn an_address_whose_server_refuses_does_not_hide_the_others() {
    let (stranger, open) = (stranger(), server());
    let dialer = Dialer::new();
    let (tried, dialed) = dial(&dialer, &[stranger, open]);
    dialed.unwrap_err();
    assert_eq!(tried, [stranger]);
    for _ in 0..2 {
        let (tried, dialed) = dial(&dialer, &[stranger, open]);
        dialed.unwrap();
        assert_eq!(tried, [open]);
    }
}
