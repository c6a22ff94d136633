//! [`Route`]: a socket from which the bytes of an attempt reach a host, before TLS and the upgrade.

use std::{error::Error, fmt, io, net::SocketAddr};

use websocket_heartbeat::{ErrorKind, TransportError};

use super::Dialer;
use crate::{Network, SocketOptions, Target, address_order::Addresses, error::io_kind};

/// A connected socket, and the addresses of which it has one.
pub(super) struct Route<'a, S> {
    pub(super) socket: S,
    /// They must learn whether the attempt succeeds, see [`Addresses::worked`].
    pub(super) addresses: Addresses<'a>,
}

impl Dialer {
    /// Resolves a host and opens a socket to it.
    pub(super) async fn route<'a, N: Network>(
        &'a self,
        host: &'a str,
        port: u16,
        network: &N,
    ) -> Result<Route<'a, N::Stream>, TransportError> {
        let resolved = network.resolve(host, port).await;
        let resolved = resolved.map_err(|e| TransportError::from_source(ErrorKind::Dns, e))?;
        let mut addresses = self.memory.addresses(host, port, resolved);
        let options = &self.settings.socket_options;
        let socket = open_first(network, options, &mut addresses).await?;
        Ok(Route { socket, addresses })
    }
}

/// Opens a socket to the first address that accepts.
async fn open_first<N: Network>(
    network: &N,
    options: &SocketOptions,
    addresses: &mut Addresses<'_>,
) -> Result<N::Stream, TransportError> {
    let mut last = TransportError::new(ErrorKind::Dns, "the host has no address");
    while let Some(address) = addresses.next() {
        match network.open(Target::Tcp(address), options).await {
            Ok(stream) => return Ok(stream),
            Err(error) => {
                let kind = io_kind(&error);
                last = TransportError::from_source(kind, OpenError { address, error });
            }
        }
    }
    Err(last)
}

/// The error of one address.
#[derive(Debug)]
struct OpenError {
    address: SocketAddr,
    error: io::Error,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.address, self.error)
    }
}

impl Error for OpenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}
