//! A port that is kept for its server while that is down.

use std::{net::SocketAddr, os::fd::OwnedFd};

use rustix::net::{AddressFamily, SocketType, bind, socket, sockopt::set_socket_reuseaddr};

/// A socket that is bound and does not listen: connections are refused, the kernel gives the port
/// to nobody who asks for any, and a server that asks for this one gets it.
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
