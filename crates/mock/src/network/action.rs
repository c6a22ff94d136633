//! [`Action`]: one action that a server performs by itself.

use websocket_heartbeat::{Message, Text, TransportError};

/// One action that a server performs by itself.
#[derive(Debug)]
pub(crate) enum Action {
    Send(Message),
    Close(u16, Text),
    End,
    Fail(TransportError),
    Garbage,
    HalfOpen,
    StallWrites,
}
