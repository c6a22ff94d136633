//! [`Upstream`]: a WebSocket server that numbers its messages, for the demo and for tests.
//!
//! A path is a feed: `/feed/NAME` sends the messages from the dial on. `/resume/NAME?from=N` sends what
//! follows the message with the number N, as far as it is kept. Without `from`, the first message of the
//! client decides: `{"after":N}` asks for what follows N, and any other text for new messages.
//!
//! The first dial of a feed fixes its [`Options`], by the query: `/feed/btc?rate=200&size=128`. From then
//! on the feed counts, whether or not somebody is connected, and all its connections get the same
//! messages. The text messages of clients are counted.

mod connection;
mod feed;
mod request;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::{
    net::{TcpListener, TcpSocket},
    sync::watch,
    task::JoinHandle,
};

use self::feed::Feed;
pub use self::{
    feed::{Connection, Report},
    request::Options,
};

/// A WebSocket server that numbers its messages. It runs on the runtime that started it.
///
/// *Drop behaviour*: it closes all connections and its port.
#[derive(Debug)]
pub struct Upstream {
    address: SocketAddr,
    /// Bound and not listening, so that no other program gets the port while nothing is accepted.
    _reservation: TcpSocket,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

impl Upstream {
    /// Starts a server. Port 0 means a free port.
    ///
    /// # Errors
    ///
    /// When the address cannot be bound.
    pub async fn start(address: SocketAddr) -> io::Result<Self> {
        let reservation = bound(address)?;
        let mut upstream = Self {
            address: reservation.local_addr()?,
            _reservation: reservation,
            shared: Arc::default(),
            acceptor: None,
        };
        upstream.accept()?;
        Ok(upstream)
    }

    /// Its address, with the port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a path, which begins with `/`.
    pub fn url(&self, path: &str) -> String {
        format!("ws://{}{path}", self.address)
    }

    /// What happened on this feed until now. Empty before its first dial.
    pub fn report(&self, feed: &str) -> Report {
        self.shared.known(feed).map(|feed| feed.report()).unwrap_or_default()
    }

    /// When the message with this number was made, in nanoseconds since 1970. `None` if it was not made.
    pub fn made(&self, feed: &str, number: u64) -> Option<u64> {
        self.shared.known(feed)?.made(number)
    }

    /// When each TCP connection was accepted, in nanoseconds since 1970, in this order.
    pub fn dials(&self) -> Vec<u64> {
        lock(&self.shared.dials).clone()
    }

    /// The number of connections that are open.
    pub fn open(&self) -> usize {
        lock(&self.shared.feeds).values().map(|feed| feed.open()).sum()
    }

    /// Ends all connections, without a close frame.
    pub fn close_all(&self) {
        self.shared.ends.send_modify(|count| *count += 1);
    }

    /// Closes the port: dials are refused. The connections stay.
    pub async fn refuse(&mut self) {
        if let Some(acceptor) = self.acceptor.take() {
            acceptor.abort();
            // An error says that it was aborted.
            let _ = acceptor.await;
        }
    }

    /// Accepts dials again, on the same port.
    ///
    /// # Errors
    ///
    /// When another program has taken the port.
    pub fn accept(&mut self) -> io::Result<()> {
        if self.acceptor.is_none() {
            // All workers may dial at once.
            let listener = bound(self.address)?.listen(4096)?;
            self.acceptor = Some(tokio::spawn(accept(listener, self.shared.clone())));
        }
        Ok(())
    }

    /// Closes the port and all connections for this time, as a restart does. The feeds count on.
    ///
    /// # Errors
    ///
    /// When another program has taken the port.
    pub async fn restart(&mut self, down: Duration) -> io::Result<()> {
        self.refuse().await;
        self.close_all();
        tokio::time::sleep(down).await;
        self.accept()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        if let Some(acceptor) = self.acceptor.take() {
            acceptor.abort();
        }
        self.close_all();
    }
}

#[derive(Debug, Default)]
struct Shared {
    feeds: Mutex<BTreeMap<String, Arc<Feed>>>,
    dials: Mutex<Vec<u64>>,
    /// Each change ends the connections.
    ends: watch::Sender<u64>,
}

impl Shared {
    fn known(&self, name: &str) -> Option<Arc<Feed>> {
        lock(&self.feeds).get(name).cloned()
    }

    /// The feed of this name. The options apply if it is new.
    fn feed(&self, name: &str, options: Options) -> Arc<Feed> {
        let mut feeds = lock(&self.feeds);
        feeds.entry(name.to_owned()).or_insert_with(|| Feed::start(name, options)).clone()
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                lock(&shared.dials).push(now());
                tokio::spawn(connection::serve(stream, shared.clone(), shared.ends.subscribe()));
            }
            // No descriptor is free, or the peer is gone already.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

fn bound(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// A panic of another thread does not matter, since no function leaves a broken state.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[allow(clippy::disallowed_methods, reason = "messages carry the time of the wall clock")]
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
