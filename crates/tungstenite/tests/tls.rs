//! `wss://` with a certificate authority that lives as long as the test.
#![cfg(feature = "rustls")]

use std::{
    io::Write,
    net::{SocketAddr, TcpListener},
    pin::Pin,
    sync::Arc,
    thread::{self, JoinHandle},
};

use async_net::TcpStream;
use futures::{SinkExt, StreamExt, executor::block_on};
use futures_rustls::rustls::{
    ClientConfig, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer},
};
use rcgen::{CertificateParams, KeyPair};
use websocket_heartbeat::{Connection, ErrorKind, Established, Frame, Message, TransportError};
use websocket_heartbeat_tungstenite::{Dialer, Line, Request, Socket, Tls};

struct Authority {
    certificate: CertificateDer<'static>,
    server: Arc<ServerConfig>,
}

/// A certificate for "localhost" that is its own authority.
fn authority() -> Authority {
    authority_until(4096)
}

/// The same, valid until that year begins.
fn authority_until(year: i32) -> Authority {
    let mut made = CertificateParams::new(["localhost".to_owned()]).unwrap();
    made.not_after = rcgen::date_time_ymd(year, 1, 1);
    let key = KeyPair::generate().unwrap();
    let certificate = made.self_signed(&key).unwrap().der().clone();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    Authority { certificate, server: Arc::new(server) }
}

fn trusting(certificate: CertificateDer<'static>) -> Tls {
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Tls::from_rustls(Arc::new(config))
}

/// Echoes what one client sends, if it gets that far.
fn echo(config: Arc<ServerConfig>) -> (u16, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let tls = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
        let Ok(mut socket) = tungstenite::accept(tls) else { return };
        while let Ok(message) = socket.read() {
            if !message.is_close() {
                socket.send(message).unwrap();
            }
        }
    });
    (port, server)
}

type Dialed = Result<Established<Socket<Line<TcpStream>>>, TransportError>;

fn dial(host: &str, port: u16, tls: Tls) -> Dialed {
    block_on(async {
        let request = Request::new(&format!("wss://{host}:{port}/"))?;
        let addresses = vec![SocketAddr::from(([127, 0, 0, 1], port))];
        let dialer = Dialer::new().tls(tls);
        dialer.dial(&request, 0, async { Ok(addresses) }, TcpStream::connect).await
    })
}

#[test]
fn messages_travel_over_tls() {
    let Authority { certificate, server } = authority();
    let (port, server) = echo(server);
    let mut socket = dial("localhost", port, trusting(certificate)).unwrap().connection;
    let message = Message::binary(vec![9; 3 << 20]);
    block_on(async {
        // The server reads the whole message before it answers.
        socket.send(message.clone().into()).await.unwrap();
        assert!(socket.next().await.unwrap().unwrap() == Frame::Message(message));
        // What rustls has accepted and what it has passed on.
        assert!(socket.progress().unwrap() >= 6 << 20);
        socket.send(Frame::Close(None)).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), Frame::Close(None));
        assert!(Pin::new(&mut socket).next().await.is_none());
    });
    server.join().unwrap();
}

/// P10: what the careful verdict takes for a reason to stop.
#[test]
fn a_certificate_that_is_not_acceptable_is_a_fault_of_its_own() {
    let Authority { certificate, server } = authority();
    let (port, _) = echo(server.clone());
    let error = dial("localhost", port, Tls::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Certificate, "unknown authority: {error}");
    let (port, _) = echo(server);
    let error = dial("127.0.0.1", port, trusting(certificate)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Certificate, "another name: {error}");
    let Authority { certificate, server } = authority_until(2000);
    let (port, _) = echo(server);
    let error = dial("localhost", port, trusting(certificate)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Certificate, "expired: {error}");
}

#[test]
fn a_server_without_tls_is_a_fault_of_tls() {
    for answer in ["", "HTTP/1.1 400 Bad Request\r\n\r\n"] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.peek(&mut [0]).unwrap();
            std::io::copy(&mut std::io::Read::take(&stream, 5), &mut std::io::sink()).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        });
        let error = dial("localhost", port, Tls::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Tls, "{error}");
        server.join().unwrap();
    }
}
