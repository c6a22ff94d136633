//! The result of a successful attempt: [`Established`].

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
}

impl<C> Established<C> {
    /// A connection without a subprotocol and headers.
    pub fn new(connection: C) -> Self {
        Self { connection, subprotocol: None, headers: Headers::new() }
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

    /// Wraps the connection in another type.
    pub fn map<D>(self, wrap: impl FnOnce(C) -> D) -> Established<D> {
        Established {
            connection: wrap(self.connection),
            subprotocol: self.subprotocol,
            headers: self.headers,
        }
    }
}
