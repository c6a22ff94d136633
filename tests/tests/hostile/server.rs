//! A server of one connection, byte by byte.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::Arc,
    thread,
    time::Duration,
};

use futures_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};
use websocket_heartbeat_tests::{accept_key, read_request, serve_one, upgrade_response};

/// A server for one connection.
pub(crate) struct Server {
    pub(crate) name: String,
    pub(crate) tls: bool,
    first: Vec<u8>,
    then: Then,
    /// Whether each byte has its own write.
    in_bytes: bool,
    /// Opens a connection over TLS with this configuration. `first` is then sent below TLS.
    opens_tls: Option<Arc<ServerConfig>>,
}

enum Then {
    Endless(Vec<u8>),
    Dripping(&'static str),
    Silent,
    Close,
}

/// A placeholder for the `Sec-WebSocket-Accept` value.
const KEY: &[u8] = b"KEY";

impl Server {
    fn new(name: impl Into<String>, first: impl Into<Vec<u8>>, then: Then) -> Self {
        let (name, first) = (name.into(), first.into());
        Self { name, tls: false, first, then, in_bytes: false, opens_tls: None }
    }

    /// Sends `first`, then `rest` again and again as fast as the client reads.
    pub(crate) fn endless(what: &str, first: impl Into<Vec<u8>>, rest: &str) -> Self {
        let rest = rest.repeat(32 * 1024 / rest.len()).into_bytes();
        Self::new(format!("{what} without end"), first, Then::Endless(rest))
    }

    /// Sends `first`, then `rest` a hundred times a second.
    pub(crate) fn dripping(name: &str, first: impl Into<Vec<u8>>, rest: &'static str) -> Self {
        Self::new(name, first, Then::Dripping(rest))
    }

    /// Sends `first` and nothing more. The connection stays open.
    pub(crate) fn silent_after(name: &str, first: impl Into<Vec<u8>>) -> Self {
        Self::new(name, first, Then::Silent)
    }

    /// Sends `first` and the end of the stream.
    pub(crate) fn closing_after(name: &str, first: impl Into<Vec<u8>>) -> Self {
        Self::new(name, first, Then::Close)
    }

    /// Accepts the upgrade and sends these frames.
    pub(crate) fn sending(name: impl Into<String>, frames: impl AsRef<[u8]>) -> Self {
        let mut first = upgrade_response("KEY", "").into_bytes();
        first.extend_from_slice(frames.as_ref());
        Self::new(name, first, Then::Silent)
    }

    /// Accepts the upgrade over TLS, sends a text message, and then these bytes below TLS.
    pub(crate) fn below_tls(
        name: &str,
        config: Arc<ServerConfig>,
        bytes: impl Into<Vec<u8>>,
    ) -> Self {
        Self { tls: true, opens_tls: Some(config), ..Self::new(name, bytes, Then::Silent) }
    }

    /// Then sends `rest` again and again as fast as the client reads.
    pub(crate) fn then_repeating(self, rest: impl AsRef<[u8]>) -> Self {
        let rest = rest.as_ref();
        let rest = rest.repeat((32 * 1024 / rest.len()).max(1));
        Self { then: Then::Endless(rest), ..self }
    }

    /// Then sends the end of the stream.
    pub(crate) fn ending(self) -> Self {
        Self { then: Then::Close, ..self }
    }

    /// Accepts the upgrade, with this many additional header fields of this many bytes.
    pub(crate) fn accepting(name: &str, fields: usize, bytes: usize) -> Self {
        let field = format!("X-Field: {}\r\n", "x".repeat(bytes));
        Self::silent_after(name, upgrade_response("KEY", &field.repeat(fields)))
    }

    /// Accepts the upgrade with a wrong `Sec-WebSocket-Accept`.
    pub(crate) fn wrong_accept() -> Self {
        Self::silent_after("a wrong Sec-WebSocket-Accept", upgrade_response("bm90IHRoZSBrZXk=", ""))
    }

    /// The client connects by TLS, and the server answers below TLS.
    pub(crate) fn tls(self) -> Self {
        Self { tls: true, ..self }
    }

    /// Each byte has its own write.
    pub(crate) fn in_bytes(self) -> Self {
        Self { in_bytes: true, ..self }
    }

    /// Serves one client on a thread. Returns the port.
    pub(crate) fn start(self) -> u16 {
        let (address, _) = serve_one(|stream| {
            // Fails once the client has ended the connection.
            let _ = self.serve(stream);
        });
        address.port()
    }

    fn serve(mut self, mut stream: TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        if let Some(config) = self.opens_tls.take() {
            let tls = ServerConnection::new(config).expect("a configuration");
            let tls = StreamOwned::new(tls, stream);
            let mut socket = tungstenite::accept(tls).expect("a WebSocket client");
            socket.send("open".into()).expect("sent");
            // Messages just before an error of TLS may be lost. The pong shows that the client has read
            // them.
            socket.send(tungstenite::Message::Ping(Default::default())).expect("sent");
            assert!(socket.read().expect("an answer").is_pong());
            // Writes to this stream bypass TLS.
            stream = socket.get_ref().sock.try_clone()?;
        } else if self.tls {
            let _ = stream.peek(&mut [0])?;
        } else {
            let request = read_request(&mut stream)?;
            self.sign(&request);
        }
        let piece = if self.in_bytes { 1 } else { self.first.len().max(1) };
        for piece in self.first.chunks(piece) {
            stream.write_all(piece)?;
        }
        match self.then {
            Then::Endless(rest) => loop {
                stream.write_all(&rest)?;
            },
            Then::Dripping(rest) => loop {
                stream.write_all(rest.as_bytes())?;
                #[allow(clippy::disallowed_methods, reason = "a server on its own thread")]
                thread::sleep(Duration::from_millis(10));
            },
            Then::Silent => {}
            Then::Close => stream.shutdown(std::net::Shutdown::Write)?,
        }
        while stream.read(&mut [0; 512])? > 0 {}
        Ok(())
    }

    /// Replaces the placeholder by the `Sec-WebSocket-Accept` value.
    fn sign(&mut self, request: &str) {
        let Some(at) = self.first.windows(KEY.len()).position(|three| three == KEY) else { return };
        self.first.splice(at..at + KEY.len(), accept_key(request).into_bytes());
    }
}
