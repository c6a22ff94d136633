//! [`Resolution`]: the addresses of a host, by the settings or by the resolver of the network.

use std::net::{IpAddr, SocketAddr};

use websocket_heartbeat::{ErrorKind, TransportError};

use crate::{Network, error::from_resolver};

/// Which addresses an attempt uses.
#[derive(Clone, Debug, Default)]
pub(super) struct Resolution {
    pub(super) family: Family,
    /// The addresses in place of those of the resolver, by host and port. The first match counts.
    overrides: Vec<(Box<str>, u16, Box<[IpAddr]>)>,
}

/// The versions of IP that are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Family {
    #[default]
    Both,
    Ipv4,
    Ipv6,
}

impl Resolution {
    pub(super) fn set(&mut self, host: &str, port: u16, addresses: Box<[IpAddr]>) {
        self.overrides.insert(0, (host.into(), port, addresses));
    }

    /// The addresses of a host, at least one.
    pub(super) async fn addresses<N: Network>(
        &self,
        host: &str,
        port: u16,
        network: &N,
    ) -> Result<Vec<SocketAddr>, TransportError> {
        let set = self
            .overrides
            .iter()
            .find(|(name, of_port, _)| *of_port == port && name.eq_ignore_ascii_case(host));
        let mut addresses = match set {
            Some((_, _, addresses)) => addresses.iter().map(|ip| (*ip, port).into()).collect(),
            None => network.resolve(host, port).await.map_err(from_resolver)?,
        };
        let any = !addresses.is_empty();
        addresses.retain(|address| match self.family {
            Family::Both => true,
            Family::Ipv4 => address.is_ipv4(),
            Family::Ipv6 => address.is_ipv6(),
        });
        if !addresses.is_empty() {
            return Ok(addresses);
        }
        Err(TransportError::new(
            ErrorKind::Dns,
            match self.family {
                Family::Ipv4 if any => "the host has no IPv4 address, and IPv6 is not used",
                Family::Ipv6 if any => "the host has no IPv6 address, and IPv4 is not used",
                _ => "the host has no address",
            },
        ))
    }
}
