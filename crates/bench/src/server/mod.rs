//! The server of all measurements: an event loop on one thread that must never be the bottleneck. It
//! takes all complete frames of a read and answers them by one write.

mod connection;
pub(crate) mod request;
pub(crate) mod wire;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    time::{Duration, Instant},
};

use nix::sys::{
    epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout},
    socket::{Backlog, listen},
};

use self::connection::{Action, Connection};

/// The most that one read takes.
const SCRATCH: usize = 1024 * 1024;
const LISTENER: u64 = u64::MAX;
const PARENT: u64 = u64::MAX - 1;

/// Serves on a free loopback port, printed as the only line, until standard input ends.
pub(crate) fn serve() -> io::Result<()> {
    let mut server = Server::new()?;
    println!("{}", server.address);
    let mut events = vec![EpollEvent::empty(); 1024];
    loop {
        let timeout = match server.listen_at {
            None => EpollTimeout::NONE,
            Some(at) => EpollTimeout::try_from(at.saturating_duration_since(Instant::now()))
                .unwrap_or(EpollTimeout::ZERO),
        };
        let ready = match server.epoll.wait(&mut events, timeout) {
            Err(nix::errno::Errno::EINTR) => 0,
            other => other?,
        };
        if server.listen_at.is_some_and(|at| at <= Instant::now()) {
            server.listen()?;
        }
        for event in &events[..ready] {
            match event.data() {
                LISTENER => server.accept()?,
                PARENT => return Ok(()),
                slot => server.turn(slot as usize, event.events())?,
            }
        }
    }
}

struct Server {
    epoll: Epoll,
    address: SocketAddr,
    listener: Option<TcpListener>,
    /// When to listen again, `None` while it listens.
    listen_at: Option<Instant>,
    connections: Vec<Option<Connection>>,
    free: Vec<usize>,
    scratch: Vec<u8>,
    frames_received: u64,
}

impl Server {
    fn new() -> io::Result<Self> {
        let mut server = Self {
            epoll: Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?,
            address: (Ipv4Addr::LOCALHOST, 0).into(),
            listener: None,
            listen_at: None,
            connections: Vec::new(),
            free: Vec::new(),
            scratch: vec![0; SCRATCH],
            frames_received: 0,
        };
        // Fails for a regular file or /dev/null. Then there is no parent to wait for.
        let _ = server.epoll.add(io::stdin(), EpollEvent::new(EpollFlags::EPOLLIN, PARENT));
        server.listen()?;
        Ok(server)
    }

    fn listen(&mut self) -> io::Result<()> {
        let listener = TcpListener::bind(self.address)?;
        listener.set_nonblocking(true)?;
        // The queue of the standard library's listener is short.
        listen(&listener, Backlog::MAXCONN)?;
        self.address = listener.local_addr()?;
        self.epoll.add(&listener, EpollEvent::new(EpollFlags::EPOLLIN, LISTENER))?;
        self.listener = Some(listener);
        self.listen_at = None;
        Ok(())
    }

    fn accept(&mut self) -> io::Result<()> {
        while let Some(listener) = &self.listener {
            let stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
                Err(error) => return Err(error),
            };
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
            let slot = self.free.pop().unwrap_or_else(|| {
                self.connections.push(None);
                self.connections.len() - 1
            });
            self.epoll.add(&stream, EpollEvent::new(EpollFlags::EPOLLIN, slot as u64))?;
            self.connections[slot] = Some(Connection::new(stream));
        }
        Ok(())
    }

    fn turn(&mut self, slot: usize, seen: EpollFlags) -> io::Result<()> {
        let Some(connection) = self.connections.get_mut(slot).and_then(Option::as_mut) else {
            return Ok(());
        };
        let readable = seen != EpollFlags::EPOLLOUT;
        match connection.turn(readable, &mut self.scratch, &mut self.frames_received) {
            Ok(Action::Continue) => {
                if let Some(wants) = connection.rearm() {
                    let mut flags = EpollFlags::EPOLLIN;
                    flags.set(EpollFlags::EPOLLOUT, wants);
                    let mut event = EpollEvent::new(flags, slot as u64);
                    self.epoll.modify(connection.stream(), &mut event)?;
                }
            }
            Ok(Action::Restart(millis)) => {
                self.listener = None;
                self.connections.clear();
                self.free.clear();
                self.listen_at = Some(Instant::now() + Duration::from_millis(millis));
            }
            // A client may reset its connection; that is not an error of the server.
            Ok(Action::Close) | Err(_) => {
                self.connections[slot] = None;
                self.free.push(slot);
            }
        }
        Ok(())
    }
}
