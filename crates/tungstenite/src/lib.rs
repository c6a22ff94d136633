//! The shared part of the native backends of [`websocket_heartbeat`]: connections by tungstenite,
//! the upgrade, TLS, and a transport over the sockets of any runtime.
//!
//! Most programs depend on a backend (`websocket-heartbeat-smol`, `-tokio` or `-async-std`), which
//! re-exports the types that they need. Depend on this crate for:
//!
//! - a stream that you provide, for example with another TLS library: [`upgrade`] makes a
//!   [`Connection`](websocket_heartbeat::Connection) from it;
//! - another runtime: implement [`Network`] for its sockets, and call [`connect`];
//! - a `WebSocketStream` of async-tungstenite: `AsyncTungstenite`, with the feature
//!   `async-tungstenite`; for another crate over tungstenite: the module [`adapter`].
//!
//! Tests of your own connection or backend are in `websocket-heartbeat-conformance`.
//!
//! Features:
//!
//! - `rustls`: `Tls` for `wss://`, see the module `tls`;
//! - `native-roots`, `platform-verifier`: the root certificates of the operating system, and its
//!   verifier;
//! - `http`, `url`: the types of these crates become a [`Request`];
//! - `messages`: the module `messages`, which converts the messages of tungstenite.
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod adapter;
mod address_order;
mod blocking_io;
mod close_frame;
mod dialer;
mod error;
mod frame;
mod handshake;
#[cfg(feature = "messages")]
pub mod messages;
mod native_stream;
mod network;
pub mod proxy;
mod reactor_timer;
mod read_budget;
mod request;
mod socket;
pub mod tcp;
#[cfg(feature = "rustls")]
pub mod tls;
mod transport;
mod tuning;

#[cfg(feature = "async-tungstenite")]
pub use self::adapter::AsyncTungstenite;
#[cfg(feature = "rustls")]
pub use self::tls::Tls;
pub use self::{
    dialer::{Dialer, OpenError, Step},
    handshake::{upgrade, upgrade_waiting},
    native_stream::NativeStream,
    network::{Network, Target},
    reactor_timer::{Reactor, ReactorClock, ReactorSleep, ReactorTimer},
    request::{RedirectError, Request, RequestError},
    socket::Socket,
    tcp::SocketOptions,
    transport::{NetworkTransport, connect},
    tuning::Tuning,
};

/// The code in the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
