//! Connections by tokio-tungstenite, for programs that come from it or keep a part of it.
//!
//! A program that only connects to a URL needs nothing of this module, but
//! [`connect`](crate::connect). The chapter `from_tokio_tungstenite` of the manual of
//! `websocket-heartbeat` compares the names.
//!
//! - [`ConnectAsync`] is a transport that calls `connect_async` for each attempt.
//! - [`TokioTungstenite`] makes a connection from a `WebSocketStream` that you have, also over your
//!   own TLS, proxy or pipe.
//! - [`CountedSocket`] counts the bytes below it.
//! - [`transport_error`] converts errors.
//!
//! The module is for tokio-tungstenite 0.30, which has tungstenite 0.30, as this crate. Its types
//! depend on that version: after a new incompatible version, this crate also has a new major
//! version.

mod connect_async;
mod counted_socket;
mod tokio_tungstenite;

pub use websocket_heartbeat_tungstenite::adapter::transport_error;

pub use self::{
    connect_async::ConnectAsync, counted_socket::CountedSocket, tokio_tungstenite::TokioTungstenite,
};
