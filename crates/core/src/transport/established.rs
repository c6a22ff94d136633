//! The result of a successful attempt: [`Established`].

use std::net::SocketAddr;

use crate::{headers::Headers, text::Text};

/// The result of a successful attempt: a connection, and the server's answer to the handshake.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Established<C> {
    /// The connection.
    pub connection: C,
    /// The subprotocol that the server chose.
    pub subprotocol: Option<Text>,
    /// The header fields of the server's answer.
    pub headers: Headers,
    /// The address of the other end of the socket, see [`Open::peer_address`](crate::Open).
    pub peer_address: Option<SocketAddr>,
    /// The address of this end of the socket.
    pub local_address: Option<SocketAddr>,
}

impl<C> Established<C> {
    /// A connection without a subprotocol, headers and addresses.
    pub fn new(connection: C) -> Self {
        Self {
            connection,
            subprotocol: None,
            headers: Headers::new(),
            peer_address: None,
            local_address: None,
        }
    }

    /// Sets the subprotocol that the server chose; `None` by default.
    #[must_use]
    pub fn subprotocol(mut self, subprotocol: Option<Text>) -> Self {
        self.subprotocol = subprotocol;
        self
    }

    /// Sets the header fields of the server's answer; empty by default.
    #[must_use]
    pub fn headers(mut self, headers: Headers) -> Self {
        self.headers = headers;
        self
    }

    /// Sets the address of the other end of the socket; `None` by default.
    #[must_use]
    pub fn peer_address(mut self, address: Option<SocketAddr>) -> Self {
        self.peer_address = address;
        self
    }

    /// Sets the address of this end of the socket; `None` by default.
    #[must_use]
    pub fn local_address(mut self, address: Option<SocketAddr>) -> Self {
        self.local_address = address;
        self
    }

    /// Wraps the connection in another type.
    pub fn map<D>(self, wrap: impl FnOnce(C) -> D) -> Established<D> {
        Established {
            connection: wrap(self.connection),
            subprotocol: self.subprotocol,
            headers: self.headers,
            peer_address: self.peer_address,
            local_address: self.local_address,
        }
    }
}
