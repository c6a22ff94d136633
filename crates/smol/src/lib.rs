//! The WebSocket client that never silently dies, on [smol](https://docs.rs/smol).
//!
//! [`connect`] starts a session. [`SmolTransport`] connects, [`SmolTimer`] keeps the time.
//! Everything else is [`websocket_heartbeat`], which this crate re-exports. The transport and the
//! timer use the reactor of smol (`async-io`), which has its own thread. So they work under any
//! executor.
//!
//! ```no_run
//! use websocket_heartbeat_smol::{Event, connect};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut supervisor = connect("ws://example.org/feed")?.build()?;
//! let handle = supervisor.handle();
//! async_io::block_on(async {
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
    connect::{Session, SmolConnection, SmolTransport, connect, dial},
    network::{Smol, SmolTimer},
    stream::SmolStream,
};

/// The code in the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
