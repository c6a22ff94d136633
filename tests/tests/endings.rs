//! The two ends of a connection that a server can observe: an orderly close, and a reset.
#![cfg(unix)]

use std::{
    future::poll_fn,
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    pin::Pin,
    sync::mpsc,
    task::Poll,
    thread::JoinHandle,
    time::Duration,
};

use futures_rustls::rustls::{ServerConnection, StreamOwned};
use websocket_heartbeat::{
    Connection, Constant, Event, Heartbeat, LostCause, Message, Preset, Supervisor, Timer,
    Transport, transport_fn,
};
use websocket_heartbeat_tests::{
    Backend, TIME_LIMIT, accept_upgrade, localhost_tls, over_every_backend, run_blocking,
    serve_one, serve_one_of,
};
use websocket_heartbeat_tungstenite::{Dialer, Request, SocketOptions};

over_every_backend! {
    run_blocking;
    the_unsent_limit_keeps_bytes_out_of_the_kernel
    a_dropped_connection_delivers_nothing_more
    a_dropped_tls_connection_delivers_nothing_more
    a_dead_connection_delivers_nothing_more
    an_aborted_connection_delivers_nothing_more
    a_closed_session_closes_its_connection_in_order
    a_session_that_the_server_closes_closes_tls_in_order
    a_closed_session_closes_tls_in_order
}

/// The size of a message that no socket accepts at once.
const LARGE: usize = 32 << 20;

/// Runs `script` for one client. Returns the URL of the server.
fn serve<T: Send + 'static>(
    script: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> (String, JoinHandle<T>) {
    let (address, server) = serve_one(|stream| {
        stream.set_read_timeout(Some(TIME_LIMIT)).expect("supported");
        script(stream)
    });
    (format!("ws://{address}/"), server)
}

/// A server that does not read until the client is gone. Then it counts the bytes that arrive.
struct LateReader {
    url: String,
    client_is_gone: mpsc::Sender<()>,
    server: JoinHandle<(u64, io::Result<()>)>,
}

impl LateReader {
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
            wait.recv().expect("a signal");
            let mut received = 0;
            let mut buffer = [0; 64 << 10];
            loop {
                match stream.read(&mut buffer) {
                    Ok(0) => return (received, Ok(())),
                    Ok(count) => received += count as u64,
                    Err(error) => return (received, Err(error)),
                }
            }
        });
        Self { url, client_is_gone, server }
    }

    /// Call this after the client has dropped its connection. `accepted` bytes were given to its
    /// kernel, [`LARGE`] by default.
    fn has_received_part_of(self, accepted: Option<u64>) {
        self.client_is_gone.send(()).expect("the server waits");
        let (received, end) = self.server.join().expect("the server's checks pass");
        let end = end.expect_err("a reset");
        assert_eq!(end.kind(), io::ErrorKind::ConnectionReset, "{end}");
        let accepted = accepted.unwrap_or(LARGE as u64);
        assert!(received < accepted, "{received} bytes arrived of {accepted} accepted bytes");
    }
}

fn a_dropped_connection_delivers_nothing_more<B: Backend>() {
    let server = LateReader::start();
    let accepted = B::block_on(async {
        let request = Request::new(&server.url).expect("a URL");
        let mut connection = Box::pin(B::dial(&request).await.expect("accepted").connection);
        send_and_stall(&mut connection).await
    });
    server.has_received_part_of(Some(accepted));
}

fn a_dropped_tls_connection_delivers_nothing_more<B: Backend>() {
    let (config, tls) = localhost_tls();
    let server = LateReader::accepting(|stream| {
        let connection = ServerConnection::new(config).expect("a configuration");
        tungstenite::accept(StreamOwned::new(connection, stream))
            .expect("a WebSocket client")
            .into_inner()
            .sock
    });
    let accepted = B::block_on(async {
        let dialer = Dialer::new().tls(tls);
        let request = Request::new(&over_tls(&server.url)).expect("a URL");
        let dialed = B::dial_by(&dialer, &request).await.expect("accepted");
        send_and_stall(&mut Box::pin(dialed.connection)).await
    });
    server.has_received_part_of(Some(accepted));
}

fn over_tls(url: &str) -> String {
    url.replace("ws://127.0.0.1", "wss://localhost")
}

/// Writes until the buffers of both sides are full. Returns how many bytes were accepted.
async fn send_and_stall<C: Connection>(connection: &mut Pin<Box<C>>) -> u64 {
    let large = Message::binary(vec![7; LARGE]).into();
    connection.as_mut().start_send(large).expect("ready");
    let stalled = poll_fn(|cx| Poll::Ready(connection.as_mut().poll_flush(cx).is_pending())).await;
    assert!(stalled, "a server that does not read takes {LARGE} bytes");
    connection.bytes_written().expect("it counts")
}

/// With a limit on unsent bytes, the client keeps the bytes for which the peer has no room.
fn the_unsent_limit_keeps_bytes_out_of_the_kernel<B: Backend>() {
    // The server accepts some hundred kilobytes at most, and reads nothing.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    rustix::net::sockopt::set_socket_recv_buffer_size(&listener, 64 << 10).expect("supported");
    let (address, server) = serve_one_of(listener, |mut stream| {
        accept_upgrade(&mut stream);
        stream
    });
    B::block_on(async {
        let request = Request::new(&format!("ws://{address}/")).expect("a URL");
        let options = SocketOptions::new().unsent_limit(Some(64 << 10));
        let dialed = B::dial_by(&Dialer::new().socket_options(options), &request).await;
        let mut connection = Box::pin(dialed.expect("accepted").connection);
        let _stream = server.join().expect("the server's checks pass");
        let accepted = send_and_stall(&mut connection).await;
        if cfg!(target_os = "linux") {
            assert!(accepted < 600 << 10, "{accepted} bytes count as written");
        }
    });
}

fn a_dead_connection_delivers_nothing_more<B: Backend>() {
    let server = LateReader::start();
    B::block_on(async {
        let beat = Heartbeat::idle(Duration::from_millis(50)).timeout(Duration::from_millis(200));
        let mut session = B::connect(Request::new(&server.url).expect("a URL"))
            .heartbeat(beat.ping())
            // No further attempt during this test.
            .backoff(Constant::new(Duration::from_secs(3_600)))
            .build()
            .expect("valid settings");
        let handle = session.handle();
        let lost = loop {
            match session.next().await.expect("the session continues") {
                Event::Open(_) => {
                    handle.try_queue(Message::binary(vec![7; LARGE])).expect("accepted");
                }
                Event::Lost(lost) => break lost,
                _ => {}
            }
        };
        assert!(matches!(lost.cause, LostCause::WriteStalled(_)), "{lost:?}");
        // The session is not dropped yet: the loss ended the connection.
        server.has_received_part_of(None);
    });
}

fn an_aborted_connection_delivers_nothing_more<B: Backend>() {
    let server = LateReader::start();
    B::block_on(async {
        let mut session =
            B::connect(Request::new(&server.url).expect("a URL")).build().expect("valid settings");
        let handle = session.handle();
        while !matches!(session.next().await, Some(Event::Open(_))) {}
        handle.try_queue(Message::binary(vec![7; LARGE])).expect("accepted");
        // One poll passes it to the connection.
        assert!(futures::poll!(session.next()).is_pending());
        handle.abort();
        while session.next().await.is_some() {}
        server.has_received_part_of(None);
    });
}

/// Opens a session and sends a message. Closes the session if `close` is set, and waits for the end of
/// the connection.
async fn to_the_end<T: Transport, K: Timer>(mut session: Supervisor<T, K>, close: bool) {
    let handle = session.handle();
    while let Some(event) = session.next().await {
        match event {
            Event::Open(_) => {
                handle.try_queue("all").expect("accepted");
                if close {
                    handle.close();
                }
            }
            // Another connection would follow.
            Event::Lost(_) => return,
            _ => {}
        }
    }
}

fn a_closed_session_closes_its_connection_in_order<B: Backend>() {
    let (url, server) = serve(|mut stream| {
        accept_upgrade(&mut stream);
        // A header, a mask and "all"; a header, a mask and a close code.
        let mut frames = vec![0; 2 + 4 + 3 + 2 + 4 + 2];
        stream.read_exact(&mut frames).expect("a message and a close frame");
        stream.write_all(&[0x88, 2, 3, 0xe8]).expect("sent");
        stream.read(&mut [0]).expect("the end of the stream and no reset")
    });
    B::block_on(to_the_end(
        B::connect(Request::new(&url).expect("a URL")).build().expect("valid settings"),
        true,
    ));
    assert_eq!(server.join().expect("the server's checks pass"), 0);
}

fn a_closed_session_closes_tls_in_order<B: Backend>() {
    closes_tls_in_order::<B>(true);
}

fn a_session_that_the_server_closes_closes_tls_in_order<B: Backend>() {
    closes_tls_in_order::<B>(false);
}

fn closes_tls_in_order<B: Backend>(client_begins: bool) {
    let (config, tls) = localhost_tls();
    let (url, server) = serve(move |stream| {
        let connection = ServerConnection::new(config).expect("a configuration");
        let mut server =
            tungstenite::accept(StreamOwned::new(connection, stream)).expect("a WebSocket client");
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
    let dialer = Dialer::new().tls(tls);
    B::block_on(async {
        let transport = transport_fn(move |_| {
            let (request, dialer) = (request.clone(), dialer.clone());
            async move { B::dial_by(&dialer, &request).await }
        });
        let settings = Supervisor::builder(transport, B::timer()).preset(Preset::Resilient);
        to_the_end(settings.build().expect("valid settings"), client_begins).await;
    });
    assert_eq!(server.join().expect("the server's checks pass"), 0);
}
