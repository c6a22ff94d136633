//! A WebSocket server, and sessions with it through a proxy.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    sync::Arc,
    thread,
};

use futures_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};
use websocket_heartbeat::{
    CloseReason, ErrorKind, Event, LostCause, Message, Preset, Supervisor, TransportError,
    transport_fn,
};
use websocket_heartbeat_tests::{Backend, expect};
use websocket_heartbeat_tungstenite::{
    Dialer, Request,
    proxy::{ProxyFailure, ProxyProblem},
};

/// Echoes the messages of all clients, over TLS if there is a configuration. It listens on all
/// addresses of "localhost".
pub(crate) fn echo_server(tls: Option<Arc<ServerConfig>>) -> u16 {
    let listener = TcpListener::bind("[::]:0").or_else(|_| TcpListener::bind("127.0.0.1:0"));
    let listener = listener.expect("a free port");
    let port = listener.local_addr().expect("a bound listener").port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let tls = tls.clone();
            thread::spawn(move || match tls {
                Some(config) => {
                    let tls = ServerConnection::new(config).expect("a configuration");
                    echo(StreamOwned::new(tls, stream));
                }
                None => echo(stream),
            });
        }
    });
    port
}

fn echo(stream: impl Read + Write) {
    // A client that disconnects ends its thread.
    let Ok(mut socket) = tungstenite::accept(stream) else { return };
    while let Ok(message) = socket.read() {
        if (message.is_text() || message.is_binary()) && socket.send(message).is_err() {
            return;
        }
    }
}

/// A port of the loopback interface on which nothing listens.
pub(crate) fn refusing_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("a bound listener").port()
}

/// A session sends a small and a large message, receives their echoes, and closes.
pub(crate) async fn echoes<B: Backend>(dialer: &Dialer, url: &str) {
    let (dialer, request) = (dialer.clone(), Request::new(url).expect("a URL"));
    let transport = transport_fn(move |_| {
        let (dialer, request) = (dialer.clone(), request.clone());
        async move { B::dial_by(&dialer, &request).await }
    });
    let settings = Supervisor::builder(transport, B::timer()).preset(Preset::Resilient);
    let mut session = settings.build().expect("valid settings");
    let handle = session.handle();
    expect::connected(&mut session).await;
    for message in [Message::text("hello"), Message::binary(vec![7; 300_000])] {
        handle.try_queue(message.clone()).expect("room");
        assert_eq!(expect::message(&mut session).await, message);
    }
    handle.close();
    let closed = loop {
        match futures::StreamExt::next(&mut session).await {
            Some(Event::Closed(closed)) => break closed,
            Some(Event::Lost(lost)) => {
                assert!(matches!(lost.cause, LostCause::ClosedByPeer(_)), "{lost:?}");
            }
            other => panic!("unexpected event: {other:?}"),
        }
    };
    assert!(matches!(closed.reason, CloseReason::User), "{closed:?}");
}

/// The error of an attempt. It has no status, because the server sent none.
pub(crate) async fn fails<B: Backend>(dialer: &Dialer, url: &str) -> TransportError {
    let request = Request::new(url).expect("a URL");
    let dialed = B::dial_by(dialer, &request).await;
    let error = dialed.map(drop).expect_err("an attempt that fails");
    assert_eq!(error.http_status(), None);
    error
}

/// The kind of the error, and its problem at the proxy.
pub(crate) fn problem(error: &TransportError) -> (ErrorKind, &ProxyProblem) {
    let source = std::error::Error::source(error).expect("a source");
    let failure = source.downcast_ref::<ProxyFailure>();
    (error.kind(), failure.unwrap_or_else(|| panic!("a failure at a proxy: {error}")).problem())
}

/// The URL of a proxy.
pub(crate) fn proxy_url(scheme: &str, credentials: &str, address: SocketAddr) -> String {
    format!("{scheme}://{credentials}{address}")
}
