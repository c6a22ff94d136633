//! What the native backends of [`websocket_heartbeat`] share: a connection by tungstenite over any
//! futures-io stream, the upgrade to it, TLS, and the kinds of errors.
//!
//! Most programs depend on a backend (`websocket-heartbeat-smol`, `-async-std` or `-tokio`), which
//! re-exports what they need of this. This crate is for streams of one's own: [`upgrade`] over
//! anything that can be read and written makes a [`Connection`](websocket_heartbeat::Connection).
#![cfg_attr(docsrs, feature(doc_cfg))]

mod acceptance;
mod answer;
#[cfg(feature = "async-tungstenite")]
mod async_tungstenite;
mod close;
#[cfg(feature = "conformance")]
pub mod conformance;
mod dial;
mod fault;
mod frame;
mod io;
mod line;
mod order;
mod request;
mod retry_after;
mod socket;
pub mod tcp;
#[cfg(feature = "rustls")]
mod tls;
mod tuning;
mod turn;
mod upgrade;

#[cfg(feature = "async-tungstenite")]
pub use self::async_tungstenite::AsyncTungstenite;
#[cfg(feature = "rustls")]
pub use self::tls::Tls;
pub use self::{
    dial::{Dialer, Sleep},
    line::Line,
    request::{Request, RequestError},
    socket::Socket,
    tuning::Tuning,
    upgrade::{upgrade, upgrade_waiting},
};
