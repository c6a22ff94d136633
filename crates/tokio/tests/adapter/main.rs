//! Connections by tokio-tungstenite: the contract, and the rules beyond it.
#![cfg(feature = "tokio-tungstenite")]

mod limits;
mod socket;
mod tls;
mod transport;

use std::{
    io::{self, Read},
    net::TcpListener,
    pin::pin,
    task::Context,
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, BufStream},
    net::TcpStream,
    task::consume_budget,
};
use tokio_tungstenite::{
    MaybeTlsStream, client_async, connect_async,
    tungstenite::{self, client::IntoClientRequest},
};
use websocket_heartbeat_conformance::{Ability, Server, Suite};
use websocket_heartbeat_tokio::{
    Attempt, Established, TokioTimer, Transport, TransportError,
    adapter::{ConnectAsync, CountedSocket, TokioTungstenite, transport_error},
    transport_fn,
};

type Dialed<S> = Result<Established<TokioTungstenite<S>>, TransportError>;

async fn by_connect_async(url: String) -> Dialed<MaybeTlsStream<TcpStream>> {
    let connected = connect_async(url).await;
    let (stream, response) = connected.map_err(|error| transport_error(error, &[]))?;
    Ok(TokioTungstenite::new(stream).with_socket(MaybeTlsStream::get_ref).established(&response))
}

async fn by_transport(url: String) -> Dialed<MaybeTlsStream<TcpStream>> {
    ConnectAsync::new(url)?.connect(Attempt::new(1, 0, None)).await
}

/// The socket to the server of a URL.
async fn open(url: &str) -> io::Result<TcpStream> {
    let request = url.into_client_request().unwrap();
    TcpStream::connect(request.uri().authority().unwrap().as_str()).await
}

async fn over<S: AsyncRead + AsyncWrite + Unpin>(url: String, stream: S) -> Dialed<S> {
    let upgraded = client_async(url, stream).await;
    let (stream, response) = upgraded.map_err(|error| transport_error(error, &[]))?;
    Ok(TokioTungstenite::new(stream).established(&response))
}

async fn counted(url: String) -> Dialed<CountedSocket> {
    let socket = CountedSocket::new(open(&url).await?);
    let established = over(url, socket).await?;
    Ok(established.map(|connection| connection.with_counted_socket(|socket| socket)))
}

async fn over_a_buffer(url: String) -> Dialed<BufStream<TcpStream>> {
    let stream = BufStream::new(open(&url).await?);
    over(url, stream).await
}

/// Like a task that has done other work in the same poll.
fn use_up_budget(cx: &mut Context<'_>) {
    while pin!(consume_budget()).poll(cx).is_ready() {}
}

/// Runs a server for one client, on a thread. Returns its port.
fn serve<T: Send + 'static>(
    script: impl FnOnce(std::net::TcpStream) -> T + Send + 'static,
) -> (u16, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        script(stream)
    });
    (port, server)
}

/// Runs the suite with a function that makes one attempt.
async fn keeps<S, Fut>(client: &str, dial: fn(String) -> Fut, without: &[(Ability, &str)])
where
    S: AsyncRead + AsyncWrite + Unpin,
    Fut: Future<Output = Dialed<S>>,
{
    let server = Server::start().unwrap();
    let transport = |url: &str| {
        let url = url.to_owned();
        transport_fn(move |_| dial(url.clone()))
    };
    let suite = Suite::new(transport, TokioTimer::new())
        .without(Ability::WaitForBody, "tokio-tungstenite does not wait for it");
    let suite =
        without.iter().fold(suite, |suite, (ability, reason)| suite.without(*ability, *reason));
    suite.run(&server.url()).await.assert_kept(client);
}

#[tokio::test]
async fn a_stream_of_connect_async_keeps_the_contract() {
    keeps("a stream of connect_async", by_connect_async, &[]).await;
}

#[tokio::test]
async fn a_stream_over_a_counted_socket_keeps_the_contract() {
    keeps("a stream over a counted socket", counted, &[]).await;
}

#[tokio::test]
async fn a_stream_over_any_byte_stream_keeps_the_contract() {
    let closed = (Ability::Discard, "a plain stream is closed, not reset");
    keeps("a stream over a buffered stream", over_a_buffer, &[closed]).await;
}

#[tokio::test]
async fn the_transport_keeps_the_contract() {
    let server = Server::start().unwrap();
    let suite = Suite::new(|url| ConnectAsync::new(url).unwrap(), TokioTimer::new())
        .without(Ability::WaitForBody, "tokio-tungstenite does not wait for it");
    suite.run(&server.url()).await.assert_kept("the transport by connect_async");
}

/// The result of reading until the end of a server whose client drops its open connection.
async fn end_after_a_drop<S>(dial: impl AsyncFn(String) -> Dialed<S>) -> io::Result<usize> {
    let (port, server) = serve(|stream| {
        let mut socket = tungstenite::accept(stream).unwrap();
        socket.get_mut().read(&mut [0])
    });
    drop(dial(format!("ws://127.0.0.1:{port}/")).await.unwrap());
    server.join().unwrap()
}
