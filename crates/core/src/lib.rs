//! The WebSocket client that never silently dies.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod error;
mod event;
mod headers;
mod message;
mod text;
mod time;
mod transport;

pub use bytes::Bytes;

#[cfg(feature = "futures-timer")]
pub use self::time::FuturesTimer;
pub use self::{
    error::{ConfigError, ErrorKind, HttpAnswer, QueueError, TransportError},
    event::{
        Closed, CloseReason, Connecting, DropReason, Event, Fate, Lost, LostCause, Open, Retry,
    },
    headers::Headers,
    message::{CloseFrame, Frame, Message},
    text::Text,
    time::{Timer, Timestamp},
    transport::{Attempt, Connection, Established, Transport, TransportFn, transport_fn},
};
