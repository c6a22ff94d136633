//! [`Server`]: one connection, served byte by byte.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::Duration,
};

use futures_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};
use tungstenite::handshake::derive_accept_key;

/// A server for one connection.
pub(crate) struct Server {
    pub(crate) name: String,
    pub(crate) tls: bool,
    first: Vec<u8>,
    then: Then,
    /// One write a byte.
    in_bytes: bool,
    /// Opens over TLS by this; `first` then stands for what comes below TLS after that.
    opens_tls: Option<Arc<ServerConfig>>,
}

enum Then {
    Endless(Vec<u8>),
    Dripping(&'static str),
    Silent,
    Close,
}

/// What stands for the answer to the client's key.
const KEY: &[u8] = b"KEY";

impl Server {
    fn new(name: impl Into<String>, first: impl Into<Vec<u8>>, then: Then) -> Self {
        let (name, first) = (name.into(), first.into());
        Self { name, tls: false, first, then, in_bytes: false, opens_tls: None }
    }

    /// `first`, then `rest` again and again, as fast as it is read.
    pub(crate) fn endless(what: &str, first: impl Into<Vec<u8>>, rest: &str) -> Self {
        let rest = rest.repeat(32 * 1024 / rest.len()).into_bytes();
        Self::new(format!("{what} without end"), first, Then::Endless(rest))
    }

    /// `first`, then `rest` again and again, a hundred times a second.
    pub(crate) fn dripping(name: &str, first: impl Into<Vec<u8>>, rest: &'static str) -> Self {
        Self::new(name, first, Then::Dripping(rest))
    }

    /// `first`, then nothing while the connection stays.
    pub(crate) fn silent_after(name: &str, first: impl Into<Vec<u8>>) -> Self {
        Self::new(name, first, Then::Silent)
    }

    pub(crate) fn closing_after(name: &str, first: impl Into<Vec<u8>>) -> Self {
        Self::new(name, first, Then::Close)
    }

    /// Opens, and sends these frames.
    pub(crate) fn sending(name: impl Into<String>, frames: impl AsRef<[u8]>) -> Self {
        let mut first = accept("KEY", "").into_bytes();
        first.extend_from_slice(frames.as_ref());
        Self::new(name, first, Then::Silent)
    }

    /// Opens over TLS, sends a text that the client reads, and then these bytes below TLS, as they are.
    pub(crate) fn below_tls(
        name: &str,
        config: Arc<ServerConfig>,
        bytes: impl Into<Vec<u8>>,
    ) -> Self {
        Self { tls: true, opens_tls: Some(config), ..Self::new(name, bytes, Then::Silent) }
    }

    /// The frames again and again, as fast as they are read.
    pub(crate) fn for_ever(self, rest: impl AsRef<[u8]>) -> Self {
        let rest = rest.as_ref();
        let rest = rest.repeat((32 * 1024 / rest.len()).max(1));
        Self { then: Then::Endless(rest), ..self }
    }

    /// The end of the stream.
    pub(crate) fn ending(self) -> Self {
        Self { then: Then::Close, ..self }
    }

    /// Opens, with so many more fields of so many bytes.
    pub(crate) fn accepting(name: &str, fields: usize, bytes: usize) -> Self {
        let field = format!("X-Field: {}\r\n", "x".repeat(bytes));
        Self::silent_after(name, accept("KEY", &field.repeat(fields)))
    }

    pub(crate) fn wrong_accept() -> Self {
        Self::silent_after("a wrong Sec-WebSocket-Accept", accept("bm90IHRoZSBrZXk=", ""))
    }

    pub(crate) fn tls(self) -> Self {
        Self { tls: true, ..self }
    }

    pub(crate) fn in_bytes(self) -> Self {
        Self { in_bytes: true, ..self }
    }

    /// Serves one client on a thread; gives the port.
    pub(crate) fn start(self) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        thread::spawn(move || {
            let (stream, _) = listener.accept().expect("a client");
            // Ends when the client has gone.
            let _ = self.serve(stream);
        });
        port
    }

    fn serve(mut self, mut stream: TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        if let Some(config) = self.opens_tls.take() {
            let tls = ServerConnection::new(config).expect("a configuration");
            let tls = StreamOwned::new(tls, stream);
            let mut socket = tungstenite::accept(tls).expect("a WebSocket client");
            socket.send("open".into()).expect("sent");
            // What comes together with a breach of TLS may be lost with it: the pong tells that the
            // client has read all of this.
            socket.send(tungstenite::Message::Ping(Default::default())).expect("sent");
            assert!(socket.read().expect("an answer").is_pong());
            // What is written to it from here on, TLS knows nothing of.
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

    /// Puts the answer to the client's key where it belongs.
    fn sign(&mut self, request: &str) {
        let Some(at) = self.first.windows(KEY.len()).position(|three| three == KEY) else { return };
        let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
        let accept = derive_accept_key(key.expect("a key in the request").as_bytes());
        self.first.splice(at..at + KEY.len(), accept.into_bytes());
    }
}

fn accept(key: &str, fields: &str) -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n{fields}\
         Sec-WebSocket-Accept: {key}\r\n\r\n"
    )
}

fn read_request(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        request.push(byte[0]);
    }
    Ok(String::from_utf8(request).expect("a request in ASCII"))
}
