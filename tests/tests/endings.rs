//! The two ways in which a connection ends, as a server sees them: in order, or given up.
#![cfg(unix)]

use std::{
    future::poll_fn,
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    pin::Pin,
    sync::{Arc, mpsc},
    task::Poll,
    thread::{self, JoinHandle},
    time::Duration,
};

use futures::StreamExt;
use futures_rustls::rustls::{
    ClientConfig, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer},
};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use websocket_heartbeat::{
    Connection, Constant, Event, Heartbeat, LostCause, Message, Preset, Supervisor, Timer,
    Transport, transport_fn,
};
use websocket_heartbeat_tests::{AsyncStd, Backend, Smol, Tokio, accept_upgrade, guarded};
use websocket_heartbeat_tungstenite::{Dialer, Request, SocketOptions, Tls};

macro_rules! over_every_backend {
    ($($name:ident)*) => {
        over_every_backend! { @over smol: Smol [$($name)*] }
        over_every_backend! { @over async_std: AsyncStd [$($name)*] }
        over_every_backend! { @over tokio: Tokio [$($name)*] }
    };
    (@over $module:ident: $backend:ident [$($name:ident)*]) => {
        mod $module {
            $(
                #[test]
                fn $name() {
                    let name = concat!(stringify!($name), " over ", stringify!($backend));
                    crate::guarded(name, crate::$name::<crate::$backend>);
                }
            )*
        }
    };
}

over_every_backend! {
    what_is_written_has_nearly_left
    a_dropped_connection_delivers_nothing_more
    a_dropped_tls_connection_delivers_nothing_more
    a_dead_connection_delivers_nothing_more
    an_aborted_connection_delivers_nothing_more
    a_closed_session_ends_the_line_in_order
    a_session_that_the_server_closes_ends_tls_in_order
    a_closed_session_ends_tls_in_order
}

/// A message that no socket takes at once.
const LARGE: usize = 32 << 20;

/// Accepts one client and lets `script` go on.
fn serve<T: Send + 'static>(
    script: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> (String, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a client");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("supported");
        script(stream)
    });
    (format!("ws://127.0.0.1:{port}/"), server)
}

/// A server that reads nothing before it is told to; then how much it reads, and how that ends.
struct Deaf {
    url: String,
    client_is_gone: mpsc::Sender<()>,
    server: JoinHandle<(u64, io::Result<()>)>,
}

impl Deaf {
    fn start() -> Self {
        Self::accepting(|mut stream| {
            accept_upgrade(&mut stream);
            stream
        })
    }

    fn accepting(upgrade: impl FnOnce(TcpStream) -> TcpStream + Send + 'static) -> Self {
        let (client_is_gone, wait) = mpsc::channel();
        let (url, server) = serve(move |stream| {
            let mut stream = upgrade(stream);
            wait.recv().expect("the client goes");
            let mut heard = 0;
            let mut buffer = [0; 64 << 10];
            loop {
                match stream.read(&mut buffer) {
                    Ok(0) => return (heard, Ok(())),
                    Ok(count) => heard += count as u64,
                    Err(error) => return (heard, Err(error)),
                }
            }
        });
        Self { url, client_is_gone, server }
    }

    /// To be called when the client has dropped its connection.
    fn has_heard_part_of(self, accepted: Option<u64>) {
        self.client_is_gone.send(()).expect("the server waits");
        let (heard, end) = self.server.join().expect("the server's side holds");
        let end = end.expect_err("a reset");
        assert_eq!(end.kind(), io::ErrorKind::ConnectionReset, "{end}");
        let accepted = accepted.unwrap_or(LARGE as u64);
        assert!(heard < accepted, "{heard} bytes arrived of the {accepted} that had been accepted");
    }
}

fn a_dropped_connection_delivers_nothing_more<B: Backend>() {
    let server = Deaf::start();
    let accepted = B::block_on(async {
        let request = Request::new(&server.url).expect("a URL");
        let mut connection = Box::pin(B::dial(&request).await.expect("accepted").connection);
        send_and_stall(&mut connection).await
    });
    server.has_heard_part_of(Some(accepted));
}

fn a_dropped_tls_connection_delivers_nothing_more<B: Backend>() {
    let (certificate, config) = authority();
    let server = Deaf::accepting(|stream| {
        let tls = StreamOwned::new(ServerConnection::new(config).expect("a configuration"), stream);
        tungstenite::accept(tls).expect("a WebSocket client").into_inner().sock
    });
    let accepted = B::block_on(async {
        let dialer = Dialer::new().tls(trusting(certificate));
        let request = Request::new(&over_tls(&server.url)).expect("a URL");
        let dialed = B::dial_by(&dialer, &request).await.expect("accepted");
        send_and_stall(&mut Box::pin(dialed.connection)).await
    });
    server.has_heard_part_of(Some(accepted));
}

fn over_tls(url: &str) -> String {
    url.replace("ws://127.0.0.1", "wss://localhost")
}

/// Writes until the server's end and ours are full; how much that was.
async fn send_and_stall<C: Connection>(connection: &mut Pin<Box<C>>) -> u64 {
    let large = Message::binary(vec![7; LARGE]).into();
    connection.as_mut().start_send(large).expect("ready");
    let stalled = poll_fn(|cx| Poll::Ready(connection.as_mut().poll_flush(cx).is_pending())).await;
    assert!(stalled, "a server that does not read takes {LARGE} bytes");
    connection.bytes_written().expect("it counts")
}

/// With a limit on what is unsent, bytes that wait for a peer wait in our hands, and not in the
/// system's.
fn what_is_written_has_nearly_left<B: Backend>() {
    // The server offers some hundred kilobytes at most, and reads nothing.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    rustix::net::sockopt::set_socket_recv_buffer_size(&listener, 64 << 10).expect("supported");
    let url = format!("ws://{}/", listener.local_addr().expect("bound"));
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        accept_upgrade(&mut stream);
        stream
    });
    B::block_on(async {
        let request = Request::new(&url).expect("a URL");
        let options = SocketOptions::new().unsent_limit(Some(64 << 10));
        let dialed = B::dial_by(&Dialer::new().socket_options(options), &request).await;
        let mut connection = Box::pin(dialed.expect("accepted").connection);
        let _stream = server.join().expect("the server's side holds");
        let accepted = send_and_stall(&mut connection).await;
        if cfg!(target_os = "linux") {
            assert!(accepted < 600 << 10, "{accepted} bytes are said to have left");
        }
    });
}

fn a_dead_connection_delivers_nothing_more<B: Backend>() {
    let server = Deaf::start();
    B::block_on(async {
        let beat = Heartbeat::idle(Duration::from_millis(50)).timeout(Duration::from_millis(200));
        let mut session = B::connect(Request::new(&server.url).expect("a URL"))
            .heartbeat(beat.ping())
            // The next attempt finds nobody, and must not be in the way.
            .backoff(Constant::new(Duration::from_secs(3_600)))
            .build()
            .expect("settings that make sense");
        let handle = session.handle();
        let lost = loop {
            match session.next().await.expect("the session goes on") {
                Event::Open(_) => {
                    handle.try_queue(Message::binary(vec![7; LARGE])).expect("taken");
                }
                Event::Lost(lost) => break lost,
                _ => {}
            }
        };
        assert!(matches!(lost.cause, LostCause::WriteStalled(_)), "{lost:?}");
        // The session still lives: it is the loss that ended the connection.
        server.has_heard_part_of(None);
    });
}

fn an_aborted_connection_delivers_nothing_more<B: Backend>() {
    let server = Deaf::start();
    B::block_on(async {
        let mut session = B::connect(Request::new(&server.url).expect("a URL"))
            .build()
            .expect("settings that make sense");
        let handle = session.handle();
        while !matches!(session.next().await, Some(Event::Open(_))) {}
        handle.try_queue(Message::binary(vec![7; LARGE])).expect("taken");
        // One poll hands it over.
        assert!(futures::poll!(session.next()).is_pending());
        handle.abort();
        while session.next().await.is_some() {}
        server.has_heard_part_of(None);
    });
}

/// Opens a session; ends it where `close` says so, else waits for its end.
async fn to_the_end<T: Transport, K: Timer>(mut session: Supervisor<T, K>, close: bool) {
    let handle = session.handle();
    while let Some(event) = session.next().await {
        match event {
            Event::Open(_) => {
                handle.try_queue("all").expect("taken");
                if close {
                    handle.close();
                }
            }
            // What follows is another connection.
            Event::Lost(_) => return,
            _ => {}
        }
    }
}

fn a_closed_session_ends_the_line_in_order<B: Backend>() {
    let (url, server) = serve(|mut stream| {
        accept_upgrade(&mut stream);
        // A header, a mask and "all"; a header, a mask and a code.
        let mut heard = vec![0; 2 + 4 + 3 + 2 + 4 + 2];
        stream.read_exact(&mut heard).expect("a message and a close frame");
        stream.write_all(&[0x88, 2, 3, 0xe8]).expect("sent");
        stream.read(&mut [0]).expect("the end of the line, not a reset")
    });
    B::block_on(to_the_end(
        B::connect(Request::new(&url).expect("a URL")).build().expect("settings"),
        true,
    ));
    assert_eq!(server.join().expect("the server's side holds"), 0);
}

fn a_closed_session_ends_tls_in_order<B: Backend>() {
    ends_tls_in_order::<B>(true);
}

fn a_session_that_the_server_closes_ends_tls_in_order<B: Backend>() {
    ends_tls_in_order::<B>(false);
}

fn ends_tls_in_order<B: Backend>(client_begins: bool) {
    let (certificate, config) = authority();
    let (url, server) = serve(move |stream| {
        let tls = StreamOwned::new(ServerConnection::new(config).expect("a configuration"), stream);
        let mut server = tungstenite::accept(tls).expect("a WebSocket client");
        assert!(server.read().expect("a message").is_text());
        if !client_begins {
            server.close(None).expect("sent");
        }
        assert!(server.read().expect("a close frame").is_close());
        assert!(server.flush().is_err(), "both have closed");
        // Without close_notify before the end this is an error, RFC 8446 section 6.1.
        server.get_mut().read(&mut [0]).expect("close_notify")
    });
    let request = Request::new(&over_tls(&url)).expect("a URL");
    let dialer = Dialer::new().tls(trusting(certificate));
    B::block_on(async {
        let transport = transport_fn(move |_| {
            let (request, dialer) = (request.clone(), dialer.clone());
            async move { B::dial_by(&dialer, &request).await }
        });
        let settings = Supervisor::builder(transport, B::timer()).preset(Preset::Resilient);
        to_the_end(settings.build().expect("settings"), client_begins).await;
    });
    assert_eq!(server.join().expect("the server's side holds"), 0);
}

fn authority() -> (CertificateDer<'static>, Arc<ServerConfig>) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .expect("a certificate");
    (cert.der().clone(), Arc::new(config))
}

fn trusting(certificate: CertificateDer<'static>) -> Tls {
    let mut roots = RootCertStore::empty();
    roots.add(certificate).expect("a root");
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Tls::from_rustls(Arc::new(config))
}
