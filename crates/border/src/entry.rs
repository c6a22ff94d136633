//! The numbers that stand for a payload: [`Entry`].

use websocket_heartbeat::{Bytes, Message};

/// The number of a heartbeat, whose payload JavaScript makes when it is sent.
pub(crate) const HEARTBEAT: u32 = 0;

/// A message of the application: its number, and the size of its payload in bytes.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) number: u32,
    pub(crate) size: u32,
}

impl Entry {
    /// The message that represents the entry in the core.
    pub(crate) fn message(self) -> Message {
        let both = u64::from(self.number) << 32 | u64::from(self.size);
        Message::Binary(Bytes::copy_from_slice(&both.to_le_bytes()))
    }

    /// The entry that this message represents; `None` for a heartbeat.
    pub(crate) fn of(message: &Message) -> Option<Self> {
        let both = u64::from_le_bytes(message.as_bytes().try_into().ok()?);
        Some(Self { number: (both >> 32) as u32, size: both as u32 })
    }
}

/// The message that represents a heartbeat.
pub(crate) fn heartbeat() -> Message {
    received()
}

/// The message that represents an inbound message. It is empty, since inbound messages are
/// reported in order.
pub(crate) fn received() -> Message {
    Message::Binary(Bytes::new())
}
