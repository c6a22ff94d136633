//! The WebSocket client that never silently dies, on [async-std](https://docs.rs/async-std).
//!
//! [`AsyncStdTransport`] connects, [`AsyncStdTimer`] keeps time; everything else is
//! [`websocket_heartbeat`], which this crate re-exports.
//!
//! async-std itself is no longer maintained (RUSTSEC-2025-0052). This backend is for programs that
//! run on it; a new one is better off with `websocket-heartbeat-smol`, which works on any executor,
//! async-std's included.
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
    timer::AsyncStdTimer,
    transport::{AsyncStdConnection, AsyncStdTransport, dial},
};
