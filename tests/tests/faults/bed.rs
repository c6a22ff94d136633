//! A session and its server in a network.

use futures::executor::block_on;
use websocket_heartbeat_tests::{Network, Peer, Site, Software};

use crate::{detection::Times, ledger::Tally, outcome::Stop, session::Session};

/// The frames on the connection when it is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Traffic {
    /// Pings and pongs only.
    Quiet,
    /// A message from the server every 20 ms.
    Busy,
}

/// A session and its server, at the two ends of a network.
pub(crate) struct Bed {
    pub(crate) session: Session,
    pub(crate) peer: Peer,
    pub(crate) network: Network,
    traffic: Traffic,
    /// How many pings the server has reported, and the numbers of the messages.
    pings: u64,
    received: Vec<u64>,
}

impl Bed {
    pub(crate) fn new(
        network: Network,
        backend: &str,
        traffic: Traffic,
        times: Times,
    ) -> Result<Self, Stop> {
        Software::NodeWs.install()?;
        let site = Site::namespace(network.server(), Network::SERVER);
        let peer = Peer::start_at(Software::NodeWs, site);
        let behaviour = match traffic {
            Traffic::Quiet => "/ledger",
            Traffic::Busy => "/ledger?every=20",
        };
        let session = Session::inside(&network, backend, &peer.url(behaviour), times);
        let mut bed = Self { session, peer, network, traffic, pings: 0, received: Vec::new() };
        bed.session.wait_for("open");
        bed.session.send(5, 100);
        bed.is_alive();
        Ok(bed)
    }

    /// Waits until the connection has traffic.
    pub(crate) fn is_alive(&mut self) {
        match self.traffic {
            // The second ping follows the pong to the first one.
            Traffic::Quiet => {
                for _ in 0..2 {
                    block_on(self.peer.reported("ping"));
                    self.pings += 1;
                }
            }
            Traffic::Busy => {
                for _ in 0..20 {
                    self.session.wait_for("message");
                }
            }
        }
    }

    /// Waits until the server has reported this many messages.
    pub(crate) fn receives(&mut self, count: usize) {
        while self.received.len() < count {
            let received = block_on(self.peer.reported("received"));
            self.received.push(received.number("number"));
        }
    }

    /// How many pings the server has reported.
    pub(crate) fn pings(&mut self) -> u64 {
        self.pings += self.peer.take("ping").len() as u64;
        self.pings
    }

    /// Sends further messages over the new connection, and closes the session.
    pub(crate) fn close(mut self) -> Tally {
        self.session.send(5, 100);
        self.session.close(&mut self.peer, self.received)
    }

    /// The same for a session that must not have lost a connection.
    pub(crate) fn close_without_loss(mut self) -> Tally {
        self.session.send(5, 100);
        self.session.settled();
        assert!(self.session.losses().is_empty(), "{:?}", self.session.losses());
        self.session.close(&mut self.peer, self.received)
    }
}
