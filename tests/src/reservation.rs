//! A port that is reserved for its server while the server does not run.

use std::{net::SocketAddr, os::fd::OwnedFd};

use rustix::net::{AddressFamily, SocketType, bind, socket, sockopt::set_socket_reuseaddr};

/// A socket that is bound and does not listen. Connections to the port are refused. The kernel does not
/// assign the port to other sockets, but a server that asks for this port gets it.
#[derive(Debug)]
pub(crate) struct Reservation {
    _socket: OwnedFd,
}

impl Reservation {
    pub(crate) fn new(address: SocketAddr) -> rustix::io::Result<Self> {
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
        set_socket_reuseaddr(&socket, true)?;
        bind(&socket, &address)?;
        Ok(Self { _socket: socket })
    }
}
