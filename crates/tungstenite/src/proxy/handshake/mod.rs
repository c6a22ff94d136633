//! [`Handshake`]: the exchange with a proxy before a tunnel is open, without I/O.

mod connect;
mod socks5;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;

use self::{connect::Connect, socks5::Socks5};
use super::{Proxy, ProxyProblem, url::Protocol};

/// The server to which a proxy connects.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Destination<'a> {
    /// A domain name or an IP address, and a port. An IPv6 address has no brackets, and may have a
    /// zone.
    Host(&'a str, u16),
    /// An address that this machine resolved.
    Address(SocketAddr),
}

/// An exchange with a proxy. The caller writes [`output`](Self::output), then reads at most
/// [`wanted`](Self::wanted) bytes and passes them to [`input`](Self::input), until nothing is
/// wanted: then the tunnel is open, and the next byte belongs to it.
pub(super) enum Handshake {
    Connect(Connect),
    Socks5(Socks5),
}

impl Handshake {
    pub(super) fn new(proxy: &Proxy, destination: Destination<'_>) -> Self {
        match proxy.protocol() {
            Protocol::Http | Protocol::Https => Self::Connect(Connect::new(proxy, destination)),
            Protocol::Socks5 | Protocol::Socks5h => Self::Socks5(Socks5::new(proxy, destination)),
        }
    }

    /// The bytes to write now, once. Empty if the proxy has to answer first.
    pub(super) fn output(&mut self) -> Vec<u8> {
        match self {
            Self::Connect(connect) => connect.output(),
            Self::Socks5(socks) => socks.output(),
        }
    }

    /// The number of bytes that certainly belong to the answer of the proxy. Zero if the tunnel is
    /// open.
    pub(super) fn wanted(&self) -> usize {
        match self {
            Self::Connect(connect) => connect.wanted(),
            Self::Socks5(socks) => socks.wanted(),
        }
    }

    /// Takes bytes from the proxy, at most as many as wanted. After an error, the handshake is over.
    pub(super) fn input(&mut self, bytes: &[u8]) -> Result<(), ProxyProblem> {
        match self {
            Self::Connect(connect) => connect.input(bytes),
            Self::Socks5(socks) => socks.input(bytes),
        }
    }
}
