//! `wss://` with a certificate authority that each test creates.
#![cfg(feature = "rustls")]

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    pin::Pin,
    sync::Arc,
    thread::{self, JoinHandle},
};

use futures::{SinkExt, StreamExt, executor::block_on};
use futures_rustls::rustls::{
    ClientConfig, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer},
};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use websocket_heartbeat::{
    Connection, ErrorKind, Established, Failure, Frame, FuturesTimer, LostCause, Message,
    TransportError, Verdict,
};
use websocket_heartbeat_tungstenite::{
    Dialer, NativeStream, Network, Request, Socket, SocketOptions, Target, Tls, tls::Roots,
};

struct Authority {
    certificate: CertificateDer<'static>,
    server: Arc<ServerConfig>,
}

/// A certificate for "localhost" that is its own authority.
fn authority() -> Authority {
    authority_within(1_975, 4_096)
}

/// A certificate that is valid from the beginning of one year to that of another.
fn authority_within(from: i32, until: i32) -> Authority {
    let mut wanted = CertificateParams::new(["localhost".to_owned()]).unwrap();
    wanted.not_before = date_time_ymd(from, 1, 1);
    wanted.not_after = date_time_ymd(until, 1, 1);
    let key = KeyPair::generate().unwrap();
    let certificate = wanted.self_signed(&key).unwrap().der().clone();
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

/// Echoes the messages of one client, if the handshakes succeed.
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

/// A network on which every host is this machine.
struct Loopback;

impl Network for Loopback {
    type Stream = async_net::TcpStream;

    async fn resolve(&self, _: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(vec![([127, 0, 0, 1], port).into()])
    }

    async fn open(&self, target: Target, _: &SocketOptions) -> io::Result<Self::Stream> {
        async_net::TcpStream::connect(target.tcp()?).await
    }
}

type Dialed = Result<Established<Socket<NativeStream<async_net::TcpStream>>>, TransportError>;

fn dial(host: &str, port: u16, tls: Tls) -> Dialed {
    block_on(async {
        let request = Request::new(&format!("wss://{host}:{port}/"))?;
        Dialer::new().tls(tls).dial(&request, &Loopback, &FuturesTimer::new()).await
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
        // The bytes that rustls has written to the socket.
        assert!(socket.bytes_written().unwrap() >= 3 << 20);
        socket.send(Frame::Close(None)).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), Frame::Close(None));
        assert!(Pin::new(&mut socket).next().await.is_none());
    });
    server.join().unwrap();
}

#[test]
fn a_close_handshake_is_followed_by_close_notify() {
    for server_begins in [true, false] {
        let Authority { certificate, server: config } = authority();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let tls = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
            let mut socket = tungstenite::accept(tls).unwrap();
            if server_begins {
                socket.close(None).unwrap();
            }
            assert!(socket.read().unwrap().is_close());
            assert!(socket.flush().is_err(), "both have closed");
            // An end without close_notify would be an error.
            assert_eq!(socket.get_mut().read(&mut [0]).unwrap(), 0);
        });
        let mut socket = dial("localhost", port, trusting(certificate)).unwrap().connection;
        block_on(async {
            if !server_begins {
                socket.send(Frame::Close(None)).await.unwrap();
            }
            assert_eq!(socket.next().await.unwrap().unwrap(), Frame::Close(None));
            socket.flush().await.unwrap();
        });
        drop(socket);
        server.join().unwrap();
    }
}

/// The default verdict on a failed attempt.
fn verdict(error: &TransportError) -> Verdict {
    Verdict::careful(&Failure::new(false, 0, &LostCause::Connect(error.clone())))
}

#[test]
fn an_unacceptable_certificate_ends_the_session() {
    let Authority { certificate, server } = authority();
    for (words, host, server, tls) in [
        (
            "is self-signed: if it is the right one, trust it",
            "localhost",
            server.clone(),
            Tls::new(),
        ),
        (
            "is not for the host 127.0.0.1, but for localhost: check the host, or set another name",
            "127.0.0.1",
            server,
            trusting(certificate),
        ),
    ] {
        let (port, _) = echo(server);
        let error = dial(host, port, tls).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Certificate, "{error}");
        assert_eq!(error.to_string(), format!("the server's certificate {words}"));
        assert_eq!(verdict(&error), Verdict::Stop, "{error}");
    }
}

#[test]
fn a_self_signed_certificate_may_have_the_name_of_a_trusted_one() {
    for kind in [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ED25519] {
        // All certificates of rcgen have the same name by default.
        let trusted = KeyPair::generate_for(kind).unwrap();
        let trusted = CertificateParams::default().self_signed(&trusted).unwrap();
        let tls = Tls::builder().roots(Roots::None).authorities_pem(trusted.pem()).unwrap();
        let (port, _) = echo(authority().server);
        let error = dial("localhost", port, tls.build().unwrap()).unwrap_err();
        let words = "the server's certificate is self-signed: if it is the right one, trust it";
        assert_eq!(error.to_string(), words);
    }
}

#[test]
fn an_expired_certificate_is_tried_again_slowly() {
    for (from, until, words) in [
        (1_975, 2_000, "expired on Sat, 01 Jan 2000 00:00:00 GMT (now it is "),
        (4_000, 4_096, "is not valid before Sat, 01 Jan 4000 00:00:00 GMT (now it is "),
    ] {
        let Authority { certificate, server } = authority_within(from, until);
        let (port, _) = echo(server);
        let error = dial("localhost", port, trusting(certificate)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CertificateTime, "{error}");
        let words = format!("the server's certificate {words}");
        assert!(error.to_string().starts_with(&words), "{error}");
        assert_eq!(verdict(&error), Verdict::RetryAfter(Verdict::CERTIFICATE_FLOOR), "{error}");
    }
}

/// The server's first flight: its answer to the client's hello.
fn first_flight(config: Arc<ServerConfig>, mut stream: &TcpStream) -> Vec<u8> {
    let mut tls = ServerConnection::new(config).unwrap();
    while !tls.wants_write() {
        tls.read_tls(&mut stream).unwrap();
        tls.process_new_packets().unwrap();
    }
    let mut flight = Vec::new();
    while tls.wants_write() {
        tls.write_tls(&mut flight).unwrap();
    }
    flight
}

#[test]
fn a_handshake_that_is_cut_is_tried_again() {
    let Authority { certificate, server } = authority();
    // In the header of a record, in the hello, in encrypted records, and near the end.
    for cut in [0, 1, 5, 6, 60, 127, 128, 200, 400, usize::MAX] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let config = Arc::clone(&server);
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let flight = first_flight(config, &stream);
            stream.write_all(&flight[..cut.min(flight.len() - 1)]).unwrap();
        });
        let error = dial("localhost", port, trusting(certificate.clone())).unwrap_err();
        // The kernel sends a reset if the client has sent more than the server has read.
        let kind = error.kind();
        assert!(matches!(kind, ErrorKind::Tls | ErrorKind::Reset), "cut at {cut}: {error}");
        assert_eq!(verdict(&error), Verdict::Retry, "cut at {cut}: {error}");
        server.join().unwrap();
    }
}

#[test]
fn a_handshake_that_is_reset_is_tried_again() {
    let Authority { certificate, .. } = authority();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        // Unread bytes make the kernel reset the connection.
        stream.peek(&mut [0]).unwrap();
    });
    let error = dial("localhost", port, trusting(certificate)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Reset, "{error}");
    assert_eq!(verdict(&error), Verdict::Retry);
    server.join().unwrap();
}

#[test]
fn a_server_without_tls_is_a_tls_error() {
    let no_tls = "this port does not speak TLS: use ws:// instead of wss://, or another port";
    let hung_up = "the server ended the connection during the TLS handshake: check that the port \
                   speaks TLS (wss://), and not plain HTTP (ws://)";
    for (answer, words) in [
        ("", hung_up),
        ("HTTP/1.1 400 Bad Request\r\n\r\n", no_tls),
        ("SSH-2.0-OpenSSH_9.6\r\n", no_tls),
        ("220 mail.example ESMTP ready\r\n", no_tls),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.peek(&mut [0]).unwrap();
            io::copy(&mut Read::take(&stream, 5), &mut io::sink()).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            let _ = io::copy(&mut stream, &mut io::sink());
        });
        let error = dial("localhost", port, Tls::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Tls, "{error}");
        assert_eq!(error.to_string(), words);
        server.join().unwrap();
    }
}

#[test]
fn plain_http_to_a_tls_port_is_explained() {
    let Authority { server, .. } = authority();
    let (port, server) = echo(server);
    let request = Request::new(&format!("ws://127.0.0.1:{port}/")).unwrap();
    let error = block_on(async {
        let stream = async_net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        websocket_heartbeat_tungstenite::upgrade(stream, &request, Default::default()).await
    });
    let error = error.unwrap_err();
    // The server's alert, unless unread bytes make the kernel reset the connection first.
    match error.kind() {
        ErrorKind::Protocol => assert_eq!(
            error.to_string(),
            "this port speaks TLS: use wss:// instead of ws://, or another port"
        ),
        kind => assert_eq!(kind, ErrorKind::Reset, "{error}"),
    }
    server.join().unwrap();
}
