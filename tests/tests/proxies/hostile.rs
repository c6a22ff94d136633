//! Hostile and broken proxies, byte by byte.

use std::{
    io::{ErrorKind as Io, Read, Write},
    net::{Shutdown, TcpStream},
    pin::pin,
    thread,
    time::Duration,
};

use futures::{
    StreamExt,
    future::{Either, select},
};
use websocket_heartbeat::{Connection, ErrorKind, Frame, Message, Timer};
use websocket_heartbeat_tests::{Backend, accept_key, read_request, serve_one, upgrade_response};
use websocket_heartbeat_tungstenite::{
    Dialer, Request,
    proxy::{Proxies, Proxy, ProxyProblem},
};

use crate::server::{echo_server, echoes, fails, problem, refusing_port};

/// A host that this machine cannot resolve. Only a proxy could.
const URL: &str = "ws://server.invalid/";

fn through(scheme: &str, port: u16) -> Dialer {
    Dialer::new().proxy(Proxy::new(&format!("{scheme}://127.0.0.1:{port}")).expect("a URL"))
}

/// A proxy that reads the first message of the client, sends these bytes, and ends the stream.
fn proxy(scheme: &str, answer: Vec<u8>, then: fn(TcpStream)) -> Dialer {
    let (address, _) = serve_one(move |mut stream| {
        let _ = stream.read(&mut [0; 512]);
        // Fails when the client has given up.
        let _ = stream.write_all(&answer);
        then(stream);
    });
    through(scheme, address.port())
}

fn end(mut stream: TcpStream) {
    let _ = stream.shutdown(Shutdown::Write);
    while stream.read(&mut [0; 512]).is_ok_and(|count| count > 0) {}
}

/// Fails the client's reads with a reset: unread bytes remain.
fn reset(stream: TcpStream) {
    use std::os::fd::AsFd;
    rustix::net::sockopt::set_socket_linger(stream.as_fd(), Some(Duration::ZERO)).expect("set");
}

pub(crate) async fn an_answer_that_breaks_off_or_is_wrong_is_reported<B: Backend>() {
    for (scheme, answer) in [
        ("http", &b""[..]),
        ("http", b"HTTP/1.1 200 OK\r\n"),
        ("socks5h", b""),
        ("socks5h", b"\x05"),
        ("socks5h", b"\x05\x00\x05\x00\x00\x01\x7f"),
    ] {
        let error = fails::<B>(&proxy(scheme, answer.to_vec(), end), URL).await;
        let expected = matches!(problem(&error), (ErrorKind::Ended, ProxyProblem::Ended));
        assert!(expected, "{answer:?} {error}");
        let error = fails::<B>(&proxy(scheme, answer.to_vec(), reset), URL).await;
        let expected = matches!(problem(&error), (ErrorKind::Reset, ProxyProblem::Broken(_)));
        assert!(expected, "{answer:?} {error}");
    }
    let endless = b"X-Field: y\r\n".repeat(2_000);
    let endless = [b"HTTP/1.1 200 OK\r\n", &endless[..]].concat();
    for (scheme, answer) in
        [("http", b"\x05\xff".to_vec()), ("socks5h", b"HTTP/1.1 400 Bad\r\n\r\n".to_vec())]
    {
        let error = fails::<B>(&proxy(scheme, answer, end), URL).await;
        let expected = matches!(problem(&error), (ErrorKind::Proxy, ProxyProblem::Malformed));
        assert!(expected, "{error}");
    }
    let error = fails::<B>(&proxy("http", endless, end), URL).await;
    assert!(matches!(problem(&error), (ErrorKind::Proxy, ProxyProblem::TooLong)), "{error}");
    let plain = proxy("https", b"HTTP/1.1 400 Bad\r\n\r\n".to_vec(), end);
    let error = fails::<B>(&plain, URL).await;
    assert!(matches!(problem(&error), (ErrorKind::Tls, ProxyProblem::Tls(_))), "{error}");
    assert!(error.to_string().ends_with("(https://), and not plain HTTP (http://)"), "{error}");
    let forbidden = b"HTTP/1.1 403 Filtered\r\n\r\n".to_vec();
    let error = fails::<B>(&proxy("http", forbidden, end), URL).await;
    let words = error.to_string();
    assert!(words.starts_with("proxy: http://127.0.0.1:"), "{words}");
    assert!(words.ends_with(": the proxy refused: 403 Filtered"), "{words}");
}

/// The answer of the server, and a frame, arrive together with the answer of the proxy: a proxy may
/// send the first bytes of the server at once.
pub(crate) async fn early_data_of_the_server_is_not_lost<B: Backend>() {
    for (scheme, answer) in
        [("http", &b"HTTP/1.1 200 OK\r\n\r\n"[..]), ("socks5h", b"\x00\x00\x01\0\0\0\0\0\0")]
    {
        let (address, server) = serve_one(move |mut stream| {
            stream.set_nodelay(true).expect("supported");
            if scheme == "http" {
                read_request(&mut stream).expect("a CONNECT request");
            } else {
                stream.read_exact(&mut [0; 3]).expect("a greeting");
                stream.write_all(b"\x05\x00").expect("sent");
                stream.read_exact(&mut [0; 21]).expect("a request");
                stream.write_all(b"\x05").expect("sent");
            }
            // A blank line, which comes before the answer of the server, is data of the tunnel.
            stream.write_all(&[answer, b"\r\n"].concat()).expect("sent");
            let request = read_request(&mut stream).expect("an upgrade");
            let response = upgrade_response(&accept_key(&request), "");
            stream.write_all(&[response.as_bytes(), b"\x81\x02hi"].concat()).expect("sent");
            stream
        });
        let request = Request::new(URL).expect("a URL");
        let dialed = B::dial_by(&through(scheme, address.port()), &request).await;
        let mut connection = pin!(dialed.expect("a tunnel").connection);
        let frame = connection.next().await.expect("a frame").expect("no error");
        assert!(matches!(frame, Frame::Message(message) if message == Message::text("hi")));
        drop(server.join().expect("the server"));
    }
}

/// A proxy that sends its answer byte by byte holds an attempt only until the caller's deadline.
pub(crate) async fn a_slow_proxy_ends_at_the_deadline<B: Backend>() {
    let dialer = proxy("http", b"HTTP/1.1 200 OK\r\n".to_vec(), |mut stream| {
        while stream.write_all(b"a: b\r\n").is_ok() {
            #[allow(clippy::disallowed_methods, reason = "a proxy on its own thread")]
            thread::sleep(Duration::from_millis(50));
        }
    });
    let request = Request::new(URL).expect("a URL");
    let timer = B::timer();
    let deadline = timer.now().checked_add(Duration::from_millis(300)).expect("a time");
    let dial = pin!(B::dial_by(&dialer, &request));
    let deadline = pin!(timer.sleep_until(deadline));
    assert!(matches!(select(dial, deadline).await, Either::Right(_)));
}

pub(crate) async fn a_proxy_that_cannot_be_reached_is_named<B: Backend>() {
    let port = refusing_port();
    for scheme in ["http", "socks5h"] {
        let error = fails::<B>(&through(scheme, port), URL).await;
        let expected = matches!(problem(&error), (ErrorKind::Refused, ProxyProblem::Connect(_)));
        assert!(expected, "{error}");
        let words = format!("refused: {scheme}://127.0.0.1:{port}: cannot connect to the proxy: ");
        assert!(error.to_string().starts_with(&words), "{error}");
    }
    let nowhere = Dialer::new().proxy(Proxy::new("http://proxy.invalid").expect("a URL"));
    let error = fails::<B>(&nowhere, URL).await;
    assert!(matches!(problem(&error), (ErrorKind::Dns, ProxyProblem::Connect(_))), "{error}");
    // By address, this machine resolves the host of the server.
    let error = fails::<B>(&through("socks5", port), URL).await;
    assert_eq!(error.kind(), ErrorKind::Dns);
}

pub(crate) async fn a_drop_resets_the_connection_to_the_proxy<B: Backend>() {
    let (address, proxy) = serve_one(|mut stream| {
        read_request(&mut stream).expect("a CONNECT request");
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").expect("sent");
        let request = read_request(&mut stream).expect("an upgrade");
        let response = upgrade_response(&accept_key(&request), "");
        stream.write_all(response.as_bytes()).expect("sent");
        stream.read(&mut [0; 64]).map_err(|error| error.kind())
    });
    let request = Request::new(URL).expect("a URL");
    let dialed = B::dial_by(&through("http", address.port()), &request).await;
    let established = dialed.expect("a tunnel");
    assert_eq!(established.connection.unacknowledged(), Some(0));
    drop(established);
    assert_eq!(proxy.join().expect("the proxy"), Err(Io::ConnectionReset));
}

pub(crate) async fn each_redirect_has_its_own_choice_of_a_proxy<B: Backend>() {
    let location = format!("Location: ws://localhost:{}/\r\n", echo_server(None));
    let found = format!("HTTP/1.1 302 Found\r\n{location}Content-Length: 0\r\n\r\n");
    let (answer, redirect) = (found.clone(), found);
    // The server behind the proxy redirects to a server that is reached without it.
    let (address, _) = serve_one(move |mut stream| {
        read_request(&mut stream).expect("a CONNECT request");
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").expect("sent");
        read_request(&mut stream).expect("an upgrade");
        stream.write_all(redirect.as_bytes()).expect("sent");
        end(stream);
    });
    let url = format!("http://{address}");
    let proxies = Proxies::all(Proxy::new(&url).expect("a URL"));
    let proxies = proxies.except("localhost").expect("a list");
    echoes::<B>(&Dialer::new().redirects(1).proxy(proxies), URL).await;
    // A redirect of the proxy itself is a refusal.
    let dialer = proxy("http", answer.into_bytes(), end).redirects(1);
    let error = fails::<B>(&dialer, URL).await;
    assert!(matches!(problem(&error).1, ProxyProblem::Refused { status: 302, .. }), "{error}");
}

pub(crate) async fn a_unix_socket_is_reached_without_a_proxy<B: Backend>() {
    let dialer = through("http", refusing_port()).unix_socket("/missing/feed.sock");
    let error = fails::<B>(&dialer, URL).await;
    assert!(error.to_string().starts_with("refused: /missing/feed.sock: "), "{error}");
}
