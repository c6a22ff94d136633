//! Commands to a running server.

use std::{io, net::SocketAddr, thread};

use futures::channel::{
    mpsc::{UnboundedSender, unbounded},
    oneshot,
};

use super::{behaviour::Behaviour, log::Log, server::Server};

/// A command, which applies to all connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Neither reads nor writes, and keeps TCP open.
    Silence,
    /// Ends a silence.
    Answer,
    /// Ends TCP without close frames.
    Cut,
    /// Sends close frames.
    Close,
    /// Cuts, and refuses connections.
    Stop,
    /// Listens again at the same port.
    Start,
}

/// A command, and the sender that reports that it is applied.
pub(super) type Order = (Command, oneshot::Sender<io::Result<()>>);

/// Controls a server that runs on a separate thread. The server ends when this is dropped.
pub(crate) struct ServerControl {
    pub(crate) address: SocketAddr,
    orders: UnboundedSender<Order>,
}

impl ServerControl {
    /// Starts a server.
    pub(crate) fn start(address: SocketAddr, behaviour: Behaviour) -> io::Result<Self> {
        let server = Server::bind(address, behaviour, None, Log::new(false))?;
        let address = server.address();
        let (orders, queue) = unbounded();
        thread::Builder::new()
            .name("server".into())
            .spawn(move || async_io::block_on(server.run(queue)))?;
        Ok(Self { address, orders })
    }

    /// Returns when the command is applied.
    pub(crate) async fn apply(&self, command: Command) -> io::Result<()> {
        let ended = || io::Error::other("the thread of the server ended; this is a bug in wsbeat");
        let (done, applied) = oneshot::channel();
        self.orders.unbounded_send((command, done)).map_err(|_| ended())?;
        applied.await.map_err(|_| ended())?
    }
}
