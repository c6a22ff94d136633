//! [`Server`]: the scripts over TCP, with one thread for each connection.

mod board;
mod observer;
mod performer;
mod websocket;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use self::{board::Board, observer::observe, performer::perform, websocket::Request};
use crate::script::{OBSERVER, script};

/// The server of the rules: it executes the [scripts](crate::script) on a free port of loopback.
///
/// It has one thread that accepts, and one for each connection. Each wait for the client has a limit
/// of ten seconds.
///
/// # Drop behaviour
///
/// A drop frees the port. Threads of open connections end within their limits.
///
/// ```
/// use websocket_heartbeat_conformance::Server;
///
/// let server = Server::start()?;
/// assert!(server.url().starts_with("ws://127.0.0.1:"));
/// # Ok::<_, std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a server.
    ///
    /// # Errors
    ///
    /// If no port of loopback or no thread can be had.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let ends = Arc::<AtomicBool>::default();
        let (board, stop) = (Arc::<Board>::default(), Arc::clone(&ends));
        let accept = move || {
            while let Ok((stream, _)) = listener.accept() {
                if stop.load(Ordering::Acquire) {
                    break;
                }
                let board = Arc::clone(&board);
                let serve = move || {
                    // A request that is not one of the suite gets no answer.
                    let _ = serve(stream, &board);
                };
                if thread::Builder::new().spawn(serve).is_err() {
                    break;
                }
            }
        };
        let thread = thread::Builder::new().spawn(accept)?;
        Ok(Self { address, ends, thread: Some(thread) })
    }

    /// The URL for [`Suite::run`](crate::Suite::run): `ws://127.0.0.1:` and the port.
    pub fn url(&self) -> String {
        format!("ws://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Release);
        // The thread waits for a connection.
        let woken = TcpStream::connect(self.address).is_ok();
        if let Some(thread) = self.thread.take().filter(|_| woken) {
            let _ = thread.join();
        }
    }
}

fn serve(stream: TcpStream, board: &Board) -> io::Result<()> {
    let request = Request::read(stream)?;
    if request.path == OBSERVER {
        return observe(request, board);
    }
    match script(&request.path) {
        Some(script) => perform(request, script, board),
        None => request.refuse("HTTP/1.1 404 No such script\r\nContent-Length: 0\r\n\r\n"),
    }
}
