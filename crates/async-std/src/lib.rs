//! The WebSocket client that never silently dies, on [async-std](https://docs.rs/async-std).
//!
//! [`connect`] starts a session. [`AsyncStdTransport`] connects, [`AsyncStdTimer`] keeps the time.
//! Everything else is [`websocket_heartbeat`], which this crate re-exports.
//!
//! async-std is no longer maintained (RUSTSEC-2025-0052). This backend is for programs that run on
//! async-std. New programs should use `websocket-heartbeat-smol`, which works under any executor,
//! also under that of async-std.
//!
//! ```no_run
//! use websocket_heartbeat_async_std::{Event, connect};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut supervisor = connect("ws://example.org/feed")?.build()?;
//! let handle = supervisor.handle();
//! async_std::task::block_on(async {
//!     while let Some(event) = supervisor.next().await {
//!         match event {
//!             Event::Open(_) => drop(handle.try_queue("hello")),
//!             Event::Message(message) => println!("{:?}", message.as_text()),
//!             other => eprintln!("{other}"),
//!         }
//!     }
//! });
//! # Ok(())
//! # }
//! ```
//!
//! `wss://` needs the feature `rustls`, see `Tls`. The features `native-roots` and
//! `platform-verifier` add the root certificates and the verifier of the operating system.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod connect;
mod network;
mod stream;

pub use websocket_heartbeat::*;
pub use websocket_heartbeat_tungstenite::{
    Dialer, OpenError, RedirectError, Request, RequestError, Socket, SocketOptions, Step, Tuning,
    proxy, upgrade,
};
#[cfg(feature = "rustls")]
pub use websocket_heartbeat_tungstenite::{Tls, tls};

pub use self::{
    connect::{AsyncStdConnection, AsyncStdTransport, Session, connect, dial},
    network::{AsyncStd, AsyncStdTimer},
    stream::AsyncStdStream,
};

/// The code in the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
