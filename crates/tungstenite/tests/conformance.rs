//! The contract of connections, over `upgrade` and over async-tungstenite's stream.
#![cfg(all(feature = "conformance", feature = "async-tungstenite"))]

use async_net::TcpStream;
use futures::executor::block_on;
use websocket_heartbeat::{Established, TransportError};
use websocket_heartbeat_tungstenite::{
    AsyncTungstenite, Request, Socket, Tuning, conformance, upgrade,
};

async fn open(request: &Request) -> TcpStream {
    TcpStream::connect((request.host(), request.port())).await.expect("a server")
}

async fn dial(
    url: String,
    tuning: Tuning,
) -> Result<Established<Socket<TcpStream>>, TransportError> {
    let request = Request::new(&url)?;
    upgrade(open(&request).await, &request, tuning).await
}

#[test]
fn a_socket_keeps_the_contract() {
    block_on(conformance::contract(|url| dial(url, Tuning::new())));
}

#[test]
fn a_socket_with_a_tiny_read_buffer_keeps_the_contract() {
    block_on(conformance::contract(|url| dial(url, Tuning::new().read_buffer(0))));
}

#[test]
fn async_tungstenites_stream_keeps_the_contract() {
    block_on(conformance::contract(async |url: String| {
        let stream = open(&Request::new(&url)?).await;
        let (stream, _) = async_tungstenite::client_async(url, stream).await.expect("accepted");
        Ok(Established::new(AsyncTungstenite::new(stream)))
    }));
}
