//! Servers for tests, by tungstenite on separate threads.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
};

use async_tungstenite::tungstenite::{self, Message, WebSocket, accept};

pub(crate) type Peer = WebSocket<TcpStream>;

pub(crate) struct Server {
    pub(crate) port: u16,
    /// The number of accepted connections.
    pub(crate) dials: Arc<AtomicUsize>,
    /// The texts that arrived.
    pub(crate) heard: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Calls `treat` on a separate thread for each TCP connection, with its number from 1.
    pub(crate) fn tcp(treat: impl Fn(usize, TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let dials = Arc::new(AtomicUsize::new(0));
        let (count, treat) = (Arc::clone(&dials), Arc::new(treat));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let number = count.fetch_add(1, SeqCst) + 1;
                let treat = Arc::clone(&treat);
                thread::spawn(move || treat(number, stream));
            }
        });
        Self { port, dials, heard: Arc::default() }
    }

    /// Calls `treat` for each WebSocket, with its number and with the list of texts.
    pub(crate) fn new(
        treat: impl Fn(usize, Peer, &Mutex<Vec<String>>) + Send + Sync + 'static,
    ) -> Self {
        let heard: Arc<Mutex<Vec<String>>> = Arc::default();
        let list = Arc::clone(&heard);
        let server = Self::tcp(move |number, stream| {
            if let Ok(peer) = accept(stream) {
                treat(number, peer, &list);
            }
        });
        Self { heard, ..server }
    }

    /// Echoes messages and answers pings.
    pub(crate) fn echo() -> Self {
        Self::new(|_, mut peer, heard| while echo_one(&mut peer, heard).is_ok() {})
    }

    /// Answers each upgrade with `answer`.
    pub(crate) fn refusing(answer: &'static str) -> Self {
        Self::tcp(move |_, mut stream| {
            // Reads the whole request, since closing before that would reset the connection.
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n > 0) {
                request.push(byte[0]);
            }
            let _ = stream.write_all(answer.as_bytes());
        })
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://127.0.0.1:{}/", self.port)
    }
}

pub(crate) fn echo_one(
    peer: &mut Peer,
    heard: &Mutex<Vec<String>>,
) -> Result<(), tungstenite::Error> {
    let message = peer.read()?;
    if let Message::Text(text) = &message {
        heard.lock().unwrap().push(text.as_str().to_owned());
    }
    if message.is_text() || message.is_binary() {
        peer.send(message)?;
    }
    Ok(())
}

/// The URL of a port without a listener. Machines that run tests refuse connections to port 1.
pub(crate) const NOBODY: &str = "ws://127.0.0.1:1/";
