//! What the native backends of [`websocket_heartbeat`] share: a connection by tungstenite over any
//! futures-io stream, the upgrade to it, TLS, and the kinds of errors.
//!
//! Most programs depend on a backend (`websocket-heartbeat-smol`, `-async-std` or `-tokio`), which
//! re-exports what they need of this. This crate is for streams of one's own: [`upgrade`] over
//! anything that can be read and written makes a [`Connection`](websocket_heartbeat::Connection).
#![cfg_attr(docsrs, feature(doc_cfg))]

mod address_order;
#[cfg(feature = "async-tungstenite")]
mod async_tungstenite;
mod blocking_io;
mod close_frame;
#[cfg(feature = "conformance")]
pub mod conformance;
mod dialer;
mod error;
mod frame;
mod handshake;
mod native_stream;
mod network;
mod reactor_timer;
mod read_budget;
mod request;
mod socket;
pub mod tcp;
#[cfg(feature = "rustls")]
mod tls;
mod transport;
mod tuning;

#[cfg(feature = "async-tungstenite")]
pub use self::async_tungstenite::AsyncTungstenite;
#[cfg(feature = "rustls")]
pub use self::tls::Tls;
pub use self::{
    dialer::Dialer,
    handshake::{upgrade, upgrade_waiting},
    native_stream::NativeStream,
    network::{Network, Target},
    reactor_timer::{Reactor, ReactorClock, ReactorSleep, ReactorTimer},
    request::{Request, RequestError},
    socket::Socket,
    tcp::SocketOptions,
    transport::{NetworkTransport, connect},
    tuning::Tuning,
};
