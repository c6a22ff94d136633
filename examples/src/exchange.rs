//! A server that sends prices: [`Exchange`].

use std::{
    io,
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use tungstenite::Message;

/// A server that makes a price every 10 ms, whether or not anybody reads it.
///
/// A message is `NUMBER PRICE`, and the numbers grow by one. A connection gets prices after it has
/// sent `subscribe`. After `from NUMBER` it gets this price and all that follow.
#[derive(Debug)]
pub struct Exchange {
    address: SocketAddr,
    connections: Arc<Mutex<Vec<Connection>>>,
}

#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    hung: Arc<AtomicBool>,
}

const PERIOD: Duration = Duration::from_millis(10);

impl Exchange {
    /// Starts the server on a free port.
    ///
    /// # Errors
    ///
    /// If there is no free port.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let connections = Arc::new(Mutex::new(Vec::new()));
        let (kept, opening) = (Arc::clone(&connections), Instant::now());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let hung = Arc::new(AtomicBool::new(false));
                if let Ok(stream) = stream.try_clone() {
                    let connection = Connection { stream, hung: Arc::clone(&hung) };
                    kept.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
                }
                // An error means that the client disconnected.
                thread::spawn(move || serve(stream, opening, &hung).unwrap_or_default());
            }
        });
        Ok(Self { address, connections })
    }

    /// The URL of the server.
    pub fn url(&self) -> String {
        format!("ws://{}/", self.address)
    }

    /// Ends all connections without a close frame.
    pub fn crash(&self) {
        for connection in self.take() {
            // This fails if the client has disconnected.
            connection.stream.shutdown(Shutdown::Both).unwrap_or_default();
        }
    }

    /// Stops to read and to write on all connections, and leaves them open. New ones work.
    pub fn hang(&self) {
        for connection in self.take() {
            connection.hung.store(true, Ordering::Relaxed);
        }
    }

    fn take(&self) -> Vec<Connection> {
        std::mem::take(&mut self.connections.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn serve(
    stream: TcpStream,
    opening: Instant,
    hung: &AtomicBool,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    stream.set_nodelay(true)?;
    let mut socket = tungstenite::accept(stream).map_err(|error| error.to_string())?;
    socket.get_ref().set_read_timeout(Some(PERIOD))?;
    let mut next = None;
    loop {
        if hung.load(Ordering::Relaxed) {
            // The socket stays open until the program ends.
            thread::park();
            continue;
        }
        let made = (opening.elapsed().as_millis() / PERIOD.as_millis()) as u64;
        match socket.read() {
            Ok(Message::Text(text)) if text == "subscribe" => next = Some(made),
            Ok(Message::Text(text)) => {
                next = text.strip_prefix("from ").and_then(|number| number.parse().ok()).or(next);
            }
            Ok(_) => {}
            Err(tungstenite::Error::Io(error))
                if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            Err(error) => return Err(error.into()),
        }
        for number in next.unwrap_or(made)..made {
            socket.send(Message::text(format!("{number} {}", 100 + number * 7 % 13)))?;
        }
        next = next.map(|next| next.max(made));
    }
}
