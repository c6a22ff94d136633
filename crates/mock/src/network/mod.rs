//! The network link of one connection: the client's end, and the link to the server.

mod action;
mod client_waker;
mod connection;
mod gauge;
mod link;
mod link_state;
mod options;
mod waiters;
mod wire_len;
mod write_buffer;

pub(crate) use self::{
    action::Action,
    gauge::Gauge,
    link::Link,
    link_state::{Incoming, Path},
    options::LinkOptions,
    waiters::Waiters,
    write_buffer::Limit,
};
pub use self::{connection::MockConnection, wire_len::wire_len};
