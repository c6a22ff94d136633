//! A WebSocket server: [`Server`].

use std::{
    io,
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use tungstenite::{Message, protocol::WebSocketConfig};

/// A server that answers text messages with text messages.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    connections: Arc<Mutex<Vec<TcpStream>>>,
    down: Arc<AtomicBool>,
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
        let down = Arc::new(AtomicBool::new(false));
        let (kept, is_down) = (Arc::clone(&connections), Arc::clone(&down));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if is_down.load(Ordering::Relaxed) {
                    continue;
                }
                kept.lock().unwrap_or_else(PoisonError::into_inner).extend(stream.try_clone());
                let reply = reply.clone();
                // An error means that the client disconnected.
                thread::spawn(move || serve(stream, reply).unwrap_or_default());
            }
        });
        Ok(Self { address, connections, down })
    }

    /// The address of the server.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of the server.
    pub fn url(&self) -> String {
        format!("ws://{}/", self.address)
    }

    /// Ends all connections and refuses new ones, until the server is [started again](Self::restart).
    pub fn stop(&self) {
        self.down.store(true, Ordering::Relaxed);
        self.cut();
    }

    /// Accepts connections again.
    pub fn restart(&self) {
        self.down.store(false, Ordering::Relaxed);
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

/// The settings of each connection. The default read buffer has 128 KiB, which is much for a thousand
/// connections.
fn small() -> WebSocketConfig {
    WebSocketConfig::default().read_buffer_size(4096)
}

fn serve<R: IntoIterator<Item = String>>(
    stream: TcpStream,
    reply: impl Fn(&str) -> R,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    stream.set_nodelay(true)?;
    let mut socket = tungstenite::accept_with_config(stream, Some(small()))
        .map_err(|error| error.to_string())?;
    loop {
        // `read` also answers pings and close frames.
        if let Message::Text(text) = socket.read()? {
            for reply in reply(&text) {
                socket.send(Message::text(reply))?;
            }
        }
    }
}
