//! The contract of connections, over `upgrade` and over async-tungstenite's stream.

use std::future::Future;

use async_net::TcpStream;
use futures::executor::block_on;
use websocket_heartbeat::{Connection, Established, FuturesTimer, TransportError, transport_fn};
use websocket_heartbeat_conformance::{Ability, Server, Suite};
use websocket_heartbeat_tungstenite::{Request, Socket, Tuning, upgrade};

type Dialed<C> = Result<Established<C>, TransportError>;

/// Runs the suite with a function that makes one attempt over a plain socket.
fn keeps<C: Connection, Fut: Future<Output = Dialed<C>>>(
    client: &str,
    dial: impl Fn(String) -> Fut + Copy,
    without: &[(Ability, &str)],
) {
    let server = Server::start().expect("a free port");
    let transport = |url: &str| {
        let url = url.to_owned();
        transport_fn(move |_| dial(url.clone()))
    };
    let suite = Suite::new(transport, FuturesTimer::new());
    let suite =
        without.iter().fold(suite, |suite, (ability, reason)| suite.without(*ability, *reason));
    block_on(suite.run(&server.url())).assert_kept(client);
}

/// A drop closes the socket, and the system delivers what it has.
const NO_DISCARD: (Ability, &str) = (Ability::Discard, "a plain socket is closed, not reset");

/// Only an attempt of a [`Dialer`](websocket_heartbeat_tungstenite::Dialer) has a timer.
const NO_LATE_BODY: (Ability, &str) = (Ability::WaitForBody, "an upgrade has no timer for it");

async fn open(request: &Request) -> Result<TcpStream, TransportError> {
    Ok(TcpStream::connect((request.host(), request.port())).await?)
}

async fn dial(url: String, tuning: Tuning) -> Dialed<Socket<TcpStream>> {
    let request = Request::new(&url)?;
    upgrade(open(&request).await?, &request, tuning).await
}

#[test]
fn a_socket_keeps_the_contract() {
    keeps("a socket", |url| dial(url, Tuning::new()), &[NO_DISCARD, NO_LATE_BODY]);
}

#[test]
fn a_socket_with_a_tiny_read_buffer_keeps_the_contract() {
    let dial = |url| dial(url, Tuning::new().read_buffer(0));
    keeps("a socket with a tiny read buffer", dial, &[NO_DISCARD, NO_LATE_BODY]);
}

#[cfg(feature = "async-tungstenite")]
#[test]
fn async_tungstenites_stream_keeps_the_contract() {
    use websocket_heartbeat_tungstenite::{AsyncTungstenite, adapter::transport_error};
    let dial = async |url: String| {
        let stream = open(&Request::new(&url)?).await?;
        let opened = async_tungstenite::client_async(url, stream).await;
        let (stream, _) = opened.map_err(|error| transport_error(error, &[]))?;
        Ok(Established::new(AsyncTungstenite::new(stream)))
    };
    keeps("async-tungstenite", dial, &[NO_DISCARD, NO_LATE_BODY]);
}
