//! The network link of one connection: the client's end, and what lies between it and the server.

mod client_waker;
mod connection;
mod link;
mod waiters;
mod wire_len;
mod writing;

pub(crate) use self::{
    connection::Gauge,
    link::{Incoming, Line, Path},
    waiters::Waiters,
    writing::Limit,
};
pub use self::{connection::MockConnection, wire_len::wire_len};
