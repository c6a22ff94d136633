//! Connections by tokio-tungstenite: the contract, and the rules beyond it.
#![cfg(feature = "tokio-tungstenite")]
#![allow(clippy::result_large_err, reason = "the type of tungstenite's callback")]

use std::{
    io::{self, Read},
    net::{Shutdown, TcpListener},
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
    time::Duration,
};

use futures::{SinkExt, StreamExt};
use futures_rustls::rustls::{
    ClientConfig, RootCertStore, ServerConfig, ServerConnection, StreamOwned, crypto::ring,
    pki_types::PrivateKeyDer,
};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::{
    io::{AsyncRead, AsyncWrite, BufStream},
    net::TcpStream,
};
use tokio_tungstenite::{
    Connector, MaybeTlsStream, client_async, client_async_tls_with_config,
    client_async_with_config, connect_async,
    tungstenite::{
        self, Message as Ws,
        client::IntoClientRequest,
        handshake::server::{ErrorResponse, Request, Response},
        http,
        protocol::WebSocketConfig,
    },
};
use websocket_heartbeat_tokio::{
    Attempt, Connection, ErrorKind, Established, Frame, Message, SocketOptions, Supervisor,
    TokioTimer, Transport, TransportError,
    adapter::{ConnectAsync, CountedSocket, TokioTungstenite, transport_error},
};
use websocket_heartbeat_tungstenite::conformance;

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
async fn open(url: &str) -> TcpStream {
    let request = url.into_client_request().unwrap();
    TcpStream::connect(request.uri().authority().unwrap().as_str()).await.unwrap()
}

async fn over<S: AsyncRead + AsyncWrite + Unpin>(url: String, stream: S) -> Dialed<S> {
    let upgraded = client_async(url, stream).await;
    let (stream, response) = upgraded.map_err(|error| transport_error(error, &[]))?;
    Ok(TokioTungstenite::new(stream).established(&response))
}

async fn counted(url: String) -> Dialed<CountedSocket> {
    let socket = CountedSocket::new(open(&url).await);
    let established = over(url, socket).await?;
    Ok(established.map(|connection| connection.with_counted_socket(|socket| socket)))
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

#[tokio::test]
async fn a_stream_of_connect_async_keeps_the_contract() {
    conformance::contract(by_connect_async).await;
}

#[tokio::test]
async fn a_stream_over_a_counted_socket_keeps_the_contract() {
    conformance::contract(counted).await;
}

#[tokio::test]
async fn a_stream_over_any_byte_stream_keeps_the_contract() {
    conformance::contract(async |url: String| {
        let stream = BufStream::new(open(&url).await);
        over(url, stream).await
    })
    .await;
}

#[tokio::test]
async fn the_transport_keeps_the_contract() {
    conformance::contract(by_transport).await;
    conformance::refusals(by_transport).await;
    conformance::session(|url| {
        Supervisor::builder(ConnectAsync::new(url).unwrap(), TokioTimer::new())
    })
    .await;
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

#[tokio::test]
async fn a_drop_resets_if_the_socket_is_known() {
    for end in [
        end_after_a_drop(by_connect_async).await,
        end_after_a_drop(by_transport).await,
        end_after_a_drop(counted).await,
    ] {
        assert_eq!(end.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    }
    let unknown = end_after_a_drop(async |url: String| {
        let socket = open(&url).await;
        over(url, socket).await
    });
    assert_eq!(unknown.await.unwrap(), 0);
}

#[tokio::test]
async fn linger_can_be_set_for_the_transport() {
    let end = end_after_a_drop(async |url: String| {
        let options = SocketOptions::new().linger(None);
        let mut transport = ConnectAsync::new(url)?.socket_options(options);
        transport.connect(Attempt::new(1, 0, None)).await
    });
    assert_eq!(end.await.unwrap(), 0);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_drop_after_the_close_handshake_delivers_everything() {
    let (dropped, begin) = mpsc::channel();
    let (port, server) = serve(move |stream| {
        let mut raw = stream.try_clone().unwrap();
        let mut socket = tungstenite::accept(stream).unwrap();
        socket.send(Ws::Close(None)).unwrap();
        begin.recv().unwrap();
        let mut rest = Vec::new();
        raw.read_to_end(&mut rest).map(|_| rest.len() as u64)
    });
    let established = counted(format!("ws://127.0.0.1:{port}/")).await.unwrap();
    let mut connection = established.connection;
    let upgrade = connection.bytes_written().unwrap();
    // The server reads nothing, so its window of some 64 KiB closes, and the system holds the rest.
    // It is more than two segments, which a receiver may leave unacknowledged for a short time.
    while connection.unacknowledged().unwrap() < 192 << 10 {
        connection.send(Message::binary(vec![7; 16 << 10]).into()).await.unwrap();
    }
    assert_eq!(connection.next().await.unwrap().unwrap(), Frame::Close(None));
    connection.flush().await.unwrap();
    let written = connection.bytes_written().unwrap() - upgrade;
    drop(connection);
    dropped.send(()).unwrap();
    assert_eq!(server.join().unwrap().unwrap(), written);
}

#[tokio::test]
async fn the_numbers_of_a_counted_socket_are_known() {
    let (port, server) = serve(|stream| {
        let mut socket = tungstenite::accept(stream).unwrap();
        let message = socket.read().unwrap();
        socket.send(message).unwrap();
        let _ = socket.read();
    });
    let established = counted(format!("ws://127.0.0.1:{port}/")).await.unwrap();
    assert_eq!(established.peer_address, None);
    let mut connection = established.connection;
    let (read, written) = (connection.bytes_read().unwrap(), connection.bytes_written().unwrap());
    assert!(read > 0 && written > 0, "the upgrade counts: {read} {written}");
    let message = Message::binary(vec![7; 100_000]);
    connection.send(message.clone().into()).await.unwrap();
    assert!(connection.next().await.unwrap().unwrap() == Frame::Message(message));
    // Frames of the client have a mask of four bytes.
    assert_eq!(connection.bytes_written().unwrap() - written, 100_000 + 10 + 4);
    assert_eq!(connection.bytes_read().unwrap() - read, 100_000 + 10);
    if cfg!(target_os = "linux") {
        assert_eq!(connection.unacknowledged(), Some(0));
    }
    drop(connection);
    server.join().unwrap();
}

#[tokio::test]
async fn the_socket_of_connect_async_is_known() {
    let (port, server) = serve(|stream| {
        let socket = tungstenite::accept(stream).unwrap();
        let _ = socket.get_ref().shutdown(Shutdown::Write);
        socket.get_ref().peer_addr().unwrap()
    });
    let established = by_connect_async(format!("ws://127.0.0.1:{port}/")).await.unwrap();
    assert_eq!(established.peer_address, Some(([127, 0, 0, 1], port).into()));
    assert_eq!(established.local_address, Some(server.join().unwrap()));
    assert_eq!(established.connection.bytes_written(), None);
    if cfg!(target_os = "linux") {
        assert_eq!(established.connection.unacknowledged(), Some(0));
    }
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_and_reading_continues() {
    let (port, server) = serve(|stream| {
        let mut socket = tungstenite::accept(stream).unwrap();
        socket.send("still here".into()).unwrap();
        let _ = socket.read();
    });
    let url = format!("ws://127.0.0.1:{port}/");
    let config = WebSocketConfig::default().write_buffer_size(100).max_write_buffer_size(1_000);
    let socket = open(&url).await;
    let (stream, _) = client_async_with_config(url, socket, Some(config)).await.unwrap();
    let mut connection = TokioTungstenite::new(stream);
    let refused = connection.send(Message::binary(vec![0; 2_000]).into()).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::TooLarge);
    assert_eq!(connection.next().await.unwrap().unwrap(), Frame::Message("still here".into()));
    drop(connection);
    server.join().unwrap();
}

/// Accepts a client as `v1`, and returns its request.
fn accept(stream: std::net::TcpStream) -> Request {
    let mut asked = None;
    let answer = |request: &Request, mut response: Response| {
        let fields = response.headers_mut();
        fields.insert("x-node", "n7".parse().unwrap());
        if request.headers().contains_key("sec-websocket-protocol") {
            fields.insert("sec-websocket-protocol", "v1".parse().unwrap());
        }
        asked = Some(request.clone());
        Ok::<_, ErrorResponse>(response)
    };
    drop(tungstenite::accept_hdr(stream, answer).unwrap());
    asked.unwrap()
}

#[tokio::test]
async fn headers_and_subprotocols_pass_in_both_directions() {
    let (port, server) = serve(accept);
    let mut request = format!("ws://127.0.0.1:{port}/feed?since=5").into_client_request().unwrap();
    request.headers_mut().insert("x-client", "7".parse().unwrap());
    request.headers_mut().insert("sec-websocket-protocol", "v2, v1".parse().unwrap());
    let mut transport = ConnectAsync::new(request).unwrap();
    let established = transport.connect(Attempt::new(1, 0, None)).await.unwrap();
    assert_eq!(established.subprotocol.as_deref(), Some("v1"));
    assert_eq!(established.headers.get("X-Node"), Some("n7"));
    let asked = server.join().unwrap();
    assert_eq!(asked.uri(), "/feed?since=5");
    assert_eq!(asked.headers()["x-client"], "7");
}

#[tokio::test]
async fn each_attempt_has_its_own_key() {
    let mut keys = Vec::new();
    // The same transport for both attempts.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let mut transport = ConnectAsync::new(url).unwrap();
    for _ in 0..2 {
        let listener = listener.try_clone().unwrap();
        let server = thread::spawn(move || accept(listener.accept().unwrap().0));
        transport.connect(Attempt::new(1, 0, None)).await.unwrap();
        keys.push(server.join().unwrap().headers()["sec-websocket-key"].clone());
    }
    assert_ne!(keys[0], keys[1]);
}

#[tokio::test]
async fn secrets_of_the_request_are_not_shown() {
    let (port, server) = serve(|stream| {
        let refuse = |request: &Request, _: Response| {
            let token = request.headers()["authorization"].to_str().unwrap();
            let body = format!("Cannot GET {} with {token}", request.uri());
            let answer = http::Response::builder().status(401).body(Some(body));
            Err::<Response, _>(answer.unwrap())
        };
        assert!(tungstenite::accept_hdr(stream, refuse).is_err());
    });
    let url = format!("ws://127.0.0.1:{port}/feed/4d1c0ffee");
    let mut request = url.into_client_request().unwrap();
    request.headers_mut().insert("authorization", "Bearer 0ddba115".parse().unwrap());
    let mut transport = ConnectAsync::new(request).unwrap();
    let error = transport.connect(Attempt::new(1, 0, None)).await.unwrap_err();
    server.join().unwrap();
    assert_eq!(error.http_status(), Some(401));
    let shown = format!("{transport:?} {error} {error:?}");
    assert!(shown.contains("Cannot GET"), "{shown}");
    assert!(!shown.contains("4d1c0ffee") && !shown.contains("0ddba115"), "{shown}");
}

#[test]
fn a_url_that_cannot_work_is_refused_at_once() {
    for url in ["http://example.org", "example.org", "/feed", "ws://", "ws://[", ""] {
        let error = ConnectAsync::new(url).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Url, "{url} {error}");
    }
}

/// The configuration of a server for "localhost", and of a client that trusts it.
fn tls() -> (Arc<ServerConfig>, Connector) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let provider = Arc::new(ring::default_provider());
    let server = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (Arc::new(server), Connector::Rustls(Arc::new(client)))
}

async fn over_tls(port: u16, connector: Connector) -> Dialed<MaybeTlsStream<CountedSocket>> {
    let url = format!("wss://localhost:{port}/");
    let socket = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let socket = CountedSocket::new(socket);
    let upgraded = client_async_tls_with_config(url, socket, None, Some(connector)).await;
    let (stream, response) = upgraded.map_err(|error| transport_error(error, &[]))?;
    let connection = TokioTungstenite::new(stream).with_counted_socket(MaybeTlsStream::get_ref);
    Ok(connection.established(&response))
}

#[tokio::test]
async fn bytes_are_counted_below_tls_and_a_close_sends_close_notify() {
    let (server, client) = tls();
    let (port, server) = serve(|stream| {
        let tls = StreamOwned::new(ServerConnection::new(server).unwrap(), stream);
        let mut socket = tungstenite::accept(tls).unwrap();
        let message = socket.read().unwrap();
        socket.send(message).unwrap();
        assert!(socket.read().unwrap().is_close());
        assert!(socket.flush().is_err(), "both have closed");
        // Without close_notify, this is an error of the kind UnexpectedEof.
        socket.get_mut().read(&mut [0])
    });
    let mut connection = over_tls(port, client).await.unwrap().connection;
    let written = connection.bytes_written().unwrap();
    let message = Message::binary(vec![9; 1 << 20]);
    connection.send(message.clone().into()).await.unwrap();
    assert!(connection.next().await.unwrap().unwrap() == Frame::Message(message));
    let written = connection.bytes_written().unwrap() - written;
    // Each record of TLS has at most 16 KiB, and adds at least 21 bytes.
    assert!(written > (1 << 20) + 64 * 21, "{written}");
    assert!(connection.socket().is_some());
    connection.send(Frame::Close(None)).await.unwrap();
    assert_eq!(connection.next().await.unwrap().unwrap(), Frame::Close(None));
    connection.flush().await.unwrap();
    drop(connection);
    assert_eq!(server.join().unwrap().unwrap(), 0);
}

#[tokio::test]
async fn an_untrusted_certificate_has_its_kind() {
    let (server, _) = tls();
    let (_, other) = tls();
    let (port, server) = serve(|stream| {
        let tls = StreamOwned::new(ServerConnection::new(server).unwrap(), stream);
        tungstenite::accept(tls).is_err()
    });
    let error = over_tls(port, other).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Certificate, "{error}");
    assert!(server.join().unwrap());
}
