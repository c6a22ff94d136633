//! The listening socket and its connections.

use std::{
    future::Future,
    io,
    net::{SocketAddr, TcpListener, TcpStream},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use async_io::{Async, Timer};
use async_tungstenite::{WebSocketStream, tungstenite::protocol::Role};
use futures::{
    FutureExt, StreamExt,
    channel::{
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded},
        oneshot,
    },
    future::{Either, pending, select},
    stream::FuturesUnordered,
};

use super::{
    behaviour::Behaviour,
    command::{Command, Order},
    connection,
    departure::departure,
    exchange::{self, Request},
    log::Log,
    paced::Paced,
};

/// The maximum time of a client for its request.
const REQUEST: Duration = Duration::from_secs(10);

pub(super) struct Server {
    address: SocketAddr,
    listener: Option<Async<TcpListener>>,
    shared: Arc<Shared>,
    /// The time that a restart takes, if HTTP requests can order it.
    restart: Option<Duration>,
    /// New connections are silent.
    silent: bool,
    connections: Vec<Connection>,
}

/// The data that the tasks of all connections share.
struct Shared {
    behaviour: Behaviour,
    control: bool,
    log: Log,
    /// The number of requests for an upgrade so far.
    upgrades: AtomicU64,
}

/// The server's side of a connection's task.
struct Connection {
    commands: UnboundedSender<Command>,
    /// Dropped in order to cut the connection.
    _open: oneshot::Sender<()>,
}

type Stream = Paced<Async<TcpStream>>;

/// The task of a connection. It returns a command that an HTTP request ordered, and the stream, which
/// waits for the answer.
type Task = Pin<Box<dyn Future<Output = Option<(Request, Stream)>>>>;

enum Next {
    Order(Option<Order>),
    Client(Async<TcpStream>),
    Requested(Request, Stream),
    Restarted,
}

impl Server {
    pub(super) fn bind(
        address: SocketAddr,
        behaviour: Behaviour,
        restart: Option<Duration>,
        log: Log,
    ) -> io::Result<Self> {
        let listener = Async::<TcpListener>::bind(address)?;
        let address = listener.get_ref().local_addr()?;
        let control = restart.is_some();
        let shared = Arc::new(Shared { behaviour, control, log, upgrades: AtomicU64::new(0) });
        let connections = Vec::new();
        Ok(Self { address, listener: Some(listener), shared, restart, silent: false, connections })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until the sender of orders is dropped.
    pub(super) async fn run(mut self, mut orders: UnboundedReceiver<Order>) {
        let mut tasks: FuturesUnordered<Task> = FuturesUnordered::new();
        let mut restarted = pending().boxed_local();
        loop {
            let next = self.next(&mut orders, &mut tasks, &mut restarted).await;
            match next {
                Next::Order(None) => return,
                Next::Order(Some((command, done))) => {
                    // If the receiver is gone, nobody waits for the command.
                    let _ = done.send(self.apply(command).await);
                }
                Next::Client(stream) => tasks.push(self.connection(stream)),
                Next::Requested(request, mut stream) => {
                    match request {
                        Request::Command(command) => drop(self.apply(command).await),
                        _ => {
                            drop(self.apply(Command::Stop).await);
                            let time = self.restart.unwrap_or_default();
                            restarted = FutureExt::map(Timer::after(time), drop).boxed_local();
                        }
                    }
                    // The client may be gone.
                    let _ = exchange::answer(&mut stream, "204 No Content", "").await;
                }
                Next::Restarted => {
                    restarted = pending().boxed_local();
                    if let Err(error) = self.apply(Command::Start).await {
                        self.shared.log.line(&format_args!("the restart failed: {error}"));
                    }
                }
            }
        }
    }

    async fn next(
        &self,
        orders: &mut UnboundedReceiver<Order>,
        tasks: &mut FuturesUnordered<Task>,
        restarted: &mut (impl Future<Output = ()> + Unpin),
    ) -> Next {
        let client = async {
            match &self.listener {
                Some(listener) => Next::Client(self.shared.accept(listener).await),
                None => pending().await,
            }
        };
        let requested = async {
            loop {
                match tasks.next().await {
                    Some(Some((request, stream))) => return Next::Requested(request, stream),
                    Some(None) => {}
                    None => return pending().await,
                }
            }
        };
        let orders = orders.next().map(Next::Order);
        let restarted = restarted.map(|()| Next::Restarted);
        let internal = select(orders, restarted);
        // The connections first, so that new clients do not stop them.
        let external = select(Box::pin(requested), Box::pin(client));
        match select(internal, external).await {
            Either::Left((next, _)) => next.factor_first().0,
            Either::Right((next, _)) => next.factor_first().0,
        }
    }

    fn connection(&mut self, stream: Async<TcpStream>) -> Task {
        let (commands, receiver) = unbounded();
        if self.silent {
            // The receiver is in this function.
            let _ = commands.unbounded_send(Command::Silence);
        }
        let (open, mut cut) = oneshot::channel();
        self.connections.retain(|connection| !connection.commands.is_closed());
        self.connections.push(Connection { commands, _open: open });
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let treated = Box::pin(shared.treat(stream, receiver));
            match select(treated, &mut cut).await {
                Either::Left((requested, _)) => requested,
                Either::Right(_) => None,
            }
        })
    }

    async fn apply(&mut self, command: Command) -> io::Result<()> {
        self.shared.log.line(&format_args!("command: {}", command.name()));
        match command {
            Command::Silence => {
                self.silent = true;
                self.send_to_all(command);
            }
            Command::Answer => {
                self.silent = false;
                self.send_to_all(command);
            }
            Command::Close => self.send_to_all(command),
            Command::Cut => self.connections.clear(),
            Command::Stop => {
                self.listener = None;
                self.silent = false;
                self.connections.clear();
            }
            Command::Start if self.listener.is_none() => {
                self.listener = Some(listen_again(self.address).await?);
            }
            Command::Start => {}
        }
        Ok(())
    }

    fn send_to_all(&self, command: Command) {
        for connection in &self.connections {
            // The connection may have ended.
            let _ = connection.commands.unbounded_send(command);
        }
    }
}

impl Shared {
    /// Waits for a client.
    async fn accept(&self, listener: &Async<TcpListener>) -> Async<TcpStream> {
        let mut failed = false;
        loop {
            match listener.accept().await {
                Ok((stream, _)) => return stream,
                // For example, the client left before it was accepted, or there are too many open
                // files. The pause leaves time for the others to close.
                Err(error) => {
                    if !failed {
                        self.log.line(&format_args!("a client cannot be accepted: {error}"));
                    }
                    failed = true;
                    Timer::after(Duration::from_millis(10)).await;
                }
            }
        }
    }

    /// Treats a connection from its first byte to its end.
    async fn treat(
        &self,
        stream: Async<TcpStream>,
        commands: UnboundedReceiver<Command>,
    ) -> Option<(Request, Stream)> {
        // Without it an echo may wait 40 ms for the acknowledgement of the previous one.
        stream.get_ref().set_nodelay(true).ok()?;
        let mut stream = Paced::new(stream);
        let request = Box::pin(exchange::read(&mut stream, self.control));
        let request = match select(request, Timer::after(REQUEST)).await {
            Either::Left((Ok(request), _)) => request,
            Either::Left((Err(_), _)) | Either::Right(_) => return None,
        };
        match request {
            Request::Upgrade { key, offered } => {
                let number = self.upgrades.fetch_add(1, Relaxed) + 1;
                let end = self.upgrade(number, stream, &key, &offered, commands).await;
                self.log.connection(number, &end);
            }
            Request::Other(status, fields, reason) => {
                self.log.line(&reason);
                // The client may be gone.
                let _ = exchange::answer(&mut stream, status, fields).await;
            }
            request => return Some((request, stream)),
        }
        None
    }

    /// Treats a request for an upgrade, and returns the reason of the end.
    async fn upgrade(
        &self,
        number: u64,
        mut stream: Stream,
        key: &str,
        offered: &str,
        commands: UnboundedReceiver<Command>,
    ) -> String {
        let faults = self.behaviour.faults(number);
        if faults.stall_upgrade {
            self.log.connection(number, &"the upgrade gets no answer");
            departure(stream.inner().get_ref()).await;
            return "the client has left".to_owned();
        }
        if let Some((status, fields)) = faults.refusal() {
            // The client may be gone.
            let _ = exchange::answer(&mut stream, &status, &fields).await;
            return format!("refused with HTTP status {status}");
        }
        let accepted = exchange::accept(&mut stream, key, offered, &self.behaviour, &faults);
        if let Err(error) = accepted.await {
            return error.to_string();
        }
        self.log.connection(number, &"open");
        stream.slow_down(faults.slow_reader);
        let socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
        connection::serve(socket, &self.behaviour, &faults, commands).await
    }
}

/// Tries several times, since another program may use the port for a moment.
async fn listen_again(address: SocketAddr) -> io::Result<Async<TcpListener>> {
    const LIMIT: Duration = Duration::from_secs(5);
    let start = Instant::now();
    loop {
        match Async::<TcpListener>::bind(address) {
            Ok(listener) => return Ok(listener),
            Err(error) if start.elapsed() > LIMIT => return Err(error),
            Err(_) => drop(Timer::after(Duration::from_millis(50)).await),
        }
    }
}
