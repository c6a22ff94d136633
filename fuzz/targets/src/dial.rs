//! An attempt through a proxy, or with redirects.
//!
//! The first byte chooses the route. The rest is what each socket sends: the answer of the proxy, and
//! then that of the server. The outcome does not depend on the pieces in which the bytes arrive, and
//! the client writes its request only into an open tunnel.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    os::fd::{AsFd, BorrowedFd},
    pin::Pin,
    sync::{Arc, LazyLock, Mutex},
    task::{Context, Poll},
};

use futures::{AsyncRead, AsyncWrite};
use websocket_heartbeat_mock::{Clock, run as run_in_virtual_time};
use websocket_heartbeat_tungstenite::{
    Dialer, Network, Request, SocketOptions, Target, Tuning,
    proxy::{Proxies, Proxy},
};

use crate::{
    answer::{check_error, outcome},
    cuts::Cuts,
    server::{Seen, Server},
};

/// The URLs of proxies. Without one, redirects are followed.
const ROUTES: [Option<&str>; 6] = [
    None,
    Some("http://127.0.0.1:3128"),
    Some("http://user:secret%21word@127.0.0.1"),
    Some("socks5://127.0.0.1"),
    Some("socks5h://user:secret%21word@127.0.0.1"),
    Some("socks5h://127.0.0.1"),
];

const REDIRECTS: u8 = 3;

pub(crate) fn run(data: &[u8]) {
    let Some((&route, bytes)) = data.split_first() else { return };
    let url = ROUTES[usize::from(route) % ROUTES.len()];
    let proxies = url.map_or_else(Proxies::none, |url| Proxies::all(Proxy::new(url).unwrap()));
    let dialer = Dialer::new().proxy(proxies).redirects(REDIRECTS).tuning(Tuning::low_memory());
    let outcomes = Cuts::all(bytes).map(|cuts| attempt(&dialer, url, bytes, cuts));
    assert_eq!(outcomes[0], outcomes[1], "in one piece, and byte by byte");
    assert_eq!(outcomes[0], outcomes[2], "in one piece, and in random pieces");
}

/// One attempt. The result is all that a program sees of it, and all that the servers see.
fn attempt(dialer: &Dialer, proxy: Option<&str>, bytes: &[u8], cuts: Cuts) -> String {
    let request = Request::new("ws://example.org/path?query").unwrap();
    let sockets = Sockets { bytes, cuts, opened: Mutex::default() };
    let clock = Clock::new();
    let timer = clock.timer();
    let result = run_in_virtual_time(&clock, dialer.dial(&request, &sockets, &timer));
    let opened = sockets.opened.into_inner().unwrap();
    assert!(opened.len() <= usize::from(REDIRECTS) + 1, "{} sockets", opened.len());
    let mut text = String::new();
    let mut key = String::new();
    for seen in &opened {
        let seen = seen.lock().unwrap();
        text += &written(&seen, proxy);
        key.clone_from(&seen.key);
    }
    if let Err(error) = &result {
        check_error(error);
        for shown in [error.to_string(), format!("{error:?}")] {
            assert!(!shown.contains("secret!word"), "the password is in {shown:?}");
        }
    }
    text + &outcome(&result, &key)
}

/// The bytes that the client has written to a socket, without the random key.
fn written(seen: &Seen, proxy: Option<&str>) -> String {
    // A redirect to wss:// is followed if another crate of the build needs TLS, whose bytes are random.
    const TLS_HANDSHAKE: [u8; 2] = [22, 3];
    if seen.written.starts_with(&TLS_HANDSHAKE) {
        return "TLS".to_owned();
    }
    let shown = String::from_utf8_lossy(&seen.written).into_owned();
    let Some(at) = shown.find("GET ") else { return shown };
    // An answer of the shortest kind was read before.
    let least = match proxy {
        None => 0,
        Some(url) if url.starts_with("http") => "HTTP/1.1 200\n\n".len(),
        Some(_) => [5_u8, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0].len(),
    };
    assert!(seen.read >= least, "the request is written after {} bytes", seen.read);
    let mut lines: Vec<_> = shown[at..].split("\r\n").collect();
    lines.retain(|line| !line.starts_with("Sec-WebSocket-Key: "));
    shown[..at].to_owned() + &lines.join("|")
}

/// Opens sockets that all send the same bytes.
struct Sockets<'a> {
    bytes: &'a [u8],
    cuts: Cuts,
    opened: Mutex<Vec<Arc<Mutex<Seen>>>>,
}

impl Network for Sockets<'_> {
    type Stream = Socket;

    async fn resolve(&self, _: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(vec![(Ipv4Addr::LOCALHOST, port).into()])
    }

    async fn open(&self, _: Target, _: &SocketOptions) -> io::Result<Socket> {
        let server = Server::new(self.bytes, self.cuts);
        self.opened.lock().unwrap().push(server.seen());
        Ok(Socket(server))
    }
}

/// A server with the descriptor of a real socket, on which nothing is sent.
struct Socket(Server);

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        static SOCKET: LazyLock<UdpSocket> =
            LazyLock::new(|| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port"));
        SOCKET.as_fd()
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_close(cx)
    }
}
