//! A WebSocket server: [`Server`].

use std::{
    io,
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use tungstenite::Message;

/// A server that answers texts by texts.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    lines: Arc<Mutex<Vec<TcpStream>>>,
}

impl Server {
    /// A server that answers each text by the same text.
    ///
    /// # Errors
    ///
    /// If there is no free port.
    pub fn echo() -> io::Result<Self> {
        Self::start(|text| Some(text.to_owned()))
    }

    /// A server that answers each text by what `reply` makes of it.
    ///
    /// # Errors
    ///
    /// If there is no free port.
    pub fn start(
        reply: impl Fn(&str) -> Option<String> + Clone + Send + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let lines = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&lines);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                kept.lock().unwrap_or_else(PoisonError::into_inner).extend(stream.try_clone());
                let reply = reply.clone();
                // That a client leaves is no failure of the server.
                thread::spawn(move || serve(stream, reply).unwrap_or_default());
            }
        });
        Ok(Self { address, lines })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens, as a URL.
    pub fn url(&self) -> String {
        format!("ws://{}/", self.address)
    }

    /// Ends all connections without a close frame, as a crash does.
    pub fn cut(&self) {
        for line in self.lines.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            // One that its client has left cannot be ended, and need not be.
            line.shutdown(Shutdown::Both).unwrap_or_default();
        }
    }
}

fn serve(
    stream: TcpStream,
    reply: impl Fn(&str) -> Option<String>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    stream.set_nodelay(true)?;
    let mut socket = tungstenite::accept(stream).map_err(|error| error.to_string())?;
    loop {
        // Pings and close frames are answered in here.
        if let Message::Text(text) = socket.read()?
            && let Some(reply) = reply(&text)
        {
            socket.send(Message::text(reply))?;
        }
    }
}
