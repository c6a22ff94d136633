//! The WebSocket client that never silently dies, on [smol](https://docs.rs/smol).
//!
//! [`connect`] begins; [`SmolTransport`] connects, [`SmolTimer`] keeps time; everything else is
//! [`websocket_heartbeat`], which this crate re-exports. They use smol's reactor and sockets
//! (`async-io`, `async-net`), whose own thread does the waiting, and so work on any executor.
//!
//! ```no_run
//! use futures::StreamExt;
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
//!             other => eprintln!("{other:?}"),
//!         }
//!     }
//! });
//! # Ok(())
//! # }
//! ```
//!
//! `wss://` needs the feature `rustls`.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod connect;
mod stream;
mod timer;
mod transport;

pub use websocket_heartbeat::*;
#[cfg(feature = "rustls")]
pub use websocket_heartbeat_tungstenite::Tls;
pub use websocket_heartbeat_tungstenite::{Dialer, Request, RequestError, Tuning};

pub use self::{
    connect::connect,
    stream::SmolStream,
    timer::{SmolSleep, SmolTimer},
    transport::{SmolConnection, SmolTransport, dial},
};
