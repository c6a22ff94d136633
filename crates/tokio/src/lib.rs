//! The WebSocket client that never silently dies, on [tokio](https://docs.rs/tokio).
//!
//! [`connect`] starts a session. [`TokioTransport`] connects, [`TokioTimer`] keeps the time.
//! Everything else is [`websocket_heartbeat`], which this crate re-exports. Poll the supervisor
//! inside a runtime that has I/O and time enabled.
//!
//! ```no_run
//! use websocket_heartbeat_tokio::{Event, connect};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut supervisor = connect("ws://example.org/feed")?.build()?;
//! let handle = supervisor.handle();
//! while let Some(event) = supervisor.next().await {
//!     match event {
//!         Event::Open(_) => drop(handle.try_queue("hello")),
//!         Event::Message(message) => println!("{:?}", message.as_text()),
//!         other => eprintln!("{other}"),
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! `wss://` needs the feature `rustls`, see `Tls`. The features `native-roots` and
//! `platform-verifier` add the root certificates and the verifier of the operating system. The feature
//! `axum` adds the module `axum_messages`, which converts the messages of axum. The feature
//! `tokio-tungstenite` adds the module `adapter`, for programs that come from tokio-tungstenite. The
//! features `http` and `url` add conversions into a [`Request`], and `metrics`, `serde` and `tracing`
//! are those of [`websocket_heartbeat`].
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "tokio-tungstenite")]
pub mod adapter;
#[cfg(feature = "axum")]
pub mod axum_messages;
mod connect;
mod network;
mod socket;
mod stream;
mod timer;

pub use websocket_heartbeat::*;
pub use websocket_heartbeat_tungstenite::{
    Dialer, OpenError, RedirectError, Request, RequestError, Socket, SocketOptions, Step, Tuning,
    proxy, upgrade,
};
#[cfg(feature = "rustls")]
pub use websocket_heartbeat_tungstenite::{Tls, tls};

pub use self::{
    connect::{Session, TokioConnection, TokioTransport, connect, dial},
    network::Tokio,
    socket::TokioSocket,
    stream::TokioStream,
    timer::{TokioSleep, TokioTimer},
};

/// The code in the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
