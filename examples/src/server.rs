//! A WebSocket server: [`Server`].

use std::{
    io,
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use tungstenite::Message;

/// A server that answers text messages with text messages.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    connections: Arc<Mutex<Vec<TcpStream>>>,
}

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
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let connections = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&connections);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                kept.lock().unwrap_or_else(PoisonError::into_inner).extend(stream.try_clone());
                let reply = reply.clone();
                // An error means that the client disconnected.
                thread::spawn(move || serve(stream, reply).unwrap_or_default());
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
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        for connection in connections.drain(..) {
            // This fails if the client has disconnected.
            connection.shutdown(Shutdown::Both).unwrap_or_default();
        }
    }
}

fn serve<R: IntoIterator<Item = String>>(
    stream: TcpStream,
    reply: impl Fn(&str) -> R,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    stream.set_nodelay(true)?;
    let mut socket = tungstenite::accept(stream).map_err(|error| error.to_string())?;
    loop {
        // `read` also answers pings and close frames.
        if let Message::Text(text) = socket.read()? {
            for reply in reply(&text) {
                socket.send(Message::text(reply))?;
            }
        }
    }
}
