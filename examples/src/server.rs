//! A WebSocket server: [`Server`].

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use tungstenite::{Message, WebSocket, protocol::WebSocketConfig};

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A server that answers text messages with text messages.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    connections: Arc<Connections>,
}

/// The open connections. `None` while the server is stopped.
#[derive(Debug)]
struct Connections(Mutex<Option<Vec<TcpStream>>>);

impl Server {
    /// Starts a server that answers each text with the same text.
    ///
    /// # Errors
    ///
    /// If there is no free port.
    pub fn echo() -> io::Result<Self> {
        Self::start(|text| Some(text.to_owned()))
    }

    /// Starts a server that answers each text with the texts that `reply` returns.
    ///
    /// # Errors
    ///
    /// If there is no free port.
    pub fn start<R: IntoIterator<Item = String>>(
        reply: impl Fn(&str) -> R + Clone + Send + 'static,
    ) -> io::Result<Self> {
        let accept = |stream| {
            tungstenite::accept_with_config(stream, Some(small())).map_err(|e| e.to_string().into())
        };
        Self::accepting(accept, reply)
    }

    /// Starts a server whose connections begin with the handshakes that `accept` makes.
    pub(crate) fn accepting<S: Read + Write, R: IntoIterator<Item = String>>(
        accept: impl Fn(TcpStream) -> Result<WebSocket<S>, Failure> + Clone + Send + 'static,
        reply: impl Fn(&str) -> R + Clone + Send + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let connections = Arc::new(Connections(Mutex::new(Some(Vec::new()))));
        let kept = Arc::clone(&connections);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if !kept.add(&stream) {
                    continue;
                }
                let (accept, reply) = (accept.clone(), reply.clone());
                // An error means that the client disconnected.
                thread::spawn(move || serve(stream, accept, reply).unwrap_or_default());
            }
        });
        Ok(Self { address, connections })
    }

    /// The address of the server.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of the server.
    pub fn url(&self) -> String {
        format!("ws://{}/", self.address)
    }

    /// Ends all connections without a close frame, as a crash does.
    pub fn cut(&self) {
        self.connections.end_all(Some(Vec::new()));
    }

    /// Ends all connections, and refuses new ones until a [`restart`](Self::restart).
    pub fn stop(&self) {
        self.connections.end_all(None);
    }

    /// Accepts connections again.
    pub fn restart(&self) {
        self.connections.lock().get_or_insert_default();
    }
}

impl Connections {
    fn lock(&self) -> MutexGuard<'_, Option<Vec<TcpStream>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a connection. Returns false if the server is stopped.
    fn add(&self, stream: &TcpStream) -> bool {
        let mut connections = self.lock();
        if let Some(connections) = connections.as_mut() {
            connections.extend(stream.try_clone());
        }
        connections.is_some()
    }

    fn end_all(&self, next: Option<Vec<TcpStream>>) {
        for connection in std::mem::replace(&mut *self.lock(), next).into_iter().flatten() {
            // This fails if the client has disconnected.
            connection.shutdown(Shutdown::Both).unwrap_or_default();
        }
    }
}

/// The settings of each connection. The default read buffer has 128 KiB, which is much for a thousand
/// connections.
pub(crate) fn small() -> WebSocketConfig {
    WebSocketConfig::default().read_buffer_size(4096)
}

fn serve<S: Read + Write, R: IntoIterator<Item = String>>(
    stream: TcpStream,
    accept: impl Fn(TcpStream) -> Result<WebSocket<S>, Failure>,
    reply: impl Fn(&str) -> R,
) -> Result<(), Failure> {
    stream.set_nodelay(true)?;
    let mut socket = accept(stream)?;
    loop {
        // `read` also answers pings and close frames.
        if let Message::Text(text) = socket.read()? {
            for reply in reply(&text) {
                socket.send(Message::text(reply))?;
            }
        }
    }
}
