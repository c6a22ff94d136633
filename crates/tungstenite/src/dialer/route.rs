//! [`Route`]: a socket from which the bytes of an attempt reach a host, before TLS and the upgrade.

use std::{io, path::Path};

use websocket_heartbeat::{ErrorKind, Timer, TransportError};

use super::{Dialer, Settings, open_error::OpenError, race::race, step::Step};
use crate::{Network, Target, address_order::Addresses, error::io_kind};

/// A connected socket or the stream over it, and the addresses of which it has one.
pub(super) struct Route<'a, S> {
    pub(super) socket: S,
    /// They must learn whether the attempt succeeds, see [`Addresses::worked`]. A Unix socket has
    /// none. A tunnel can have those of the proxy and of the server.
    pub(super) addresses: Vec<Addresses<'a>>,
}

impl Dialer {
    /// Resolves a host and opens a socket to it, or to the Unix socket of the settings.
    pub(super) async fn route<'a, N: Network, T: Timer>(
        &'a self,
        host: &'a str,
        port: u16,
        network: &N,
        timer: &T,
    ) -> Result<Route<'a, N::Stream>, TransportError> {
        if let Some(path) = &self.settings.unix_socket {
            return Ok(Route {
                socket: self.open_unix(path, network).await?,
                addresses: Vec::new(),
            });
        }
        let resolved = self.settings.resolution.addresses(host, port, network).await?;
        self.settings
            .observer
            .report(|| Step::Resolved { host: host.to_owned(), addresses: resolved.clone() });
        let mut addresses = self.memory.addresses(host, port, resolved);
        let Settings { socket_options, address_delay, observer, .. } = &*self.settings;
        let socket =
            race(network, timer, socket_options, *address_delay, observer, &mut addresses).await?;
        Ok(Route { socket, addresses: vec![addresses] })
    }

    async fn open_unix<N: Network>(
        &self,
        path: &Path,
        network: &N,
    ) -> Result<N::Stream, TransportError> {
        let target = Target::Unix(path.to_owned());
        self.settings.observer.report(|| Step::Opening(target.clone()));
        let opened = network.open(target.clone(), &self.settings.socket_options).await;
        if opened.is_ok() {
            self.settings.observer.report(|| Step::Opened(target.clone()));
        }
        opened.map_err(|error| {
            let kind = match error.kind() {
                // The server that makes the file does not run.
                io::ErrorKind::NotFound => ErrorKind::Refused,
                // No later attempt can succeed, as with a URL that is not supported.
                io::ErrorKind::Unsupported => ErrorKind::Url,
                _ => io_kind(&error),
            };
            TransportError::from_source(kind, OpenError::new(target, error))
        })
    }
}
