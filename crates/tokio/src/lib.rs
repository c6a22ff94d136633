//! The WebSocket client that never silently dies, on [tokio](https://docs.rs/tokio).
//!
//! [`TokioTransport`] connects, [`TokioTimer`] keeps time; everything else is
//! [`websocket_heartbeat`], which this crate re-exports. Poll the supervisor within a runtime that
//! has I/O and time enabled.
//!
//! `wss://` needs the feature `rustls`.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod stream;
mod timer;
mod transport;

pub use websocket_heartbeat::*;
#[cfg(feature = "rustls")]
pub use websocket_heartbeat_tungstenite::Tls;
pub use websocket_heartbeat_tungstenite::{Dialer, Request, RequestError, Tuning};

pub use self::{
    stream::TokioStream,
    timer::TokioTimer,
    transport::{TokioConnection, TokioTransport, dial},
};
