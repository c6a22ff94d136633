//! A server on a separate thread, for other commands: [`ServerControl`].

use std::{io, net::SocketAddr, thread};

use futures::channel::{
    mpsc::{UnboundedSender, unbounded},
    oneshot,
};

use super::{
    behaviour::Behaviour,
    command::{Command, Order},
    log::Log,
    server::Server,
};

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
