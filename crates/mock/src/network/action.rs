//! [`Action`]: one thing that a server does on its own.

use websocket_heartbeat::{Message, Text, TransportError};

/// What a server does of its own at some moment.
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
