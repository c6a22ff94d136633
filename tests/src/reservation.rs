//! A port that is reserved for its server while the server does not run.

use std::{
    net::{Ipv4Addr, SocketAddr},
    os::fd::OwnedFd,
};

use rustix::net::{
    AddressFamily, SocketType, bind, getsockname, socket, sockopt::set_socket_reuseaddr,
};

/// A socket that is bound and does not listen. Connections to the port are refused. The kernel does not
/// assign the port to other sockets, but a server that asks for this port gets it.
#[derive(Debug)]
pub(crate) struct Reservation {
    socket: OwnedFd,
}

impl Reservation {
    pub(crate) fn new(address: SocketAddr) -> rustix::io::Result<Self> {
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
        set_socket_reuseaddr(&socket, true)?;
        bind(&socket, &address)?;
        Ok(Self { socket })
    }

    /// A free port of the loopback interface, for a server that cannot choose one itself.
    pub(crate) fn free() -> rustix::io::Result<Self> {
        Self::new((Ipv4Addr::LOCALHOST, 0).into())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        let address = getsockname(&self.socket).expect("the name of a bound socket");
        address.try_into().expect("an address of IPv4")
    }
}
