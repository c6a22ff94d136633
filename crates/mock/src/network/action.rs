//! [`Action`]: one thing that a server does on its own.

use websocket_heartbeat::{Message, Text, TransportError};

/// One thing that a server does on its own.
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
