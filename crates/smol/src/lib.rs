//! The WebSocket client that never silently dies, on [smol](https://docs.rs/smol).
//!
//! [`SmolTransport`] connects, [`SmolTimer`] keeps time; everything else is
//! [`websocket_heartbeat`], which this crate re-exports. They use smol's reactor and sockets
//! (`async-io`, `async-net`), whose own thread does the waiting, and so work on any executor.
//!
//! `wss://` needs the feature `rustls`.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod timer;
mod transport;

pub use websocket_heartbeat::*;
#[cfg(feature = "rustls")]
pub use websocket_heartbeat_tungstenite::Tls;
pub use websocket_heartbeat_tungstenite::{Dialer, Request, RequestError, Tuning};

pub use self::{
    timer::{SmolSleep, SmolTimer},
    transport::{SmolConnection, SmolTransport, dial},
};
