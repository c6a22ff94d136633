//! An accepted message: [`Entry`].

use crate::{message::Message, time::Timestamp};

pub(super) struct Entry {
    /// `None` while the connection has it and it need not be given back.
    pub(super) message: Option<Message>,
    pub(super) bytes: usize,
    /// When it expires. Before the driver has stamped it, this is the maximum age after the epoch.
    pub(super) expires: Option<Timestamp>,
    /// Distinguishes it from other messages of its origin.
    pub(super) number: u64,
    /// The last connection that was lost after the message was handed to it. 0 if there was none.
    pub(super) handed_to: u64,
    /// How many connections were lost after the message was handed to them.
    pub(super) losses: u32,
    /// It has a receipt.
    pub(super) receipt: bool,
    pub(super) origin: Origin,
}

/// The origin of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A sender. The number grows from message to message.
    Sender,
    /// The replays. The number is that of the replay.
    Replay,
    /// A layer above, which keeps a copy of the message. The number is its ticket.
    Layer,
    /// None: the message was removed.
    Removed,
}

impl Entry {
    pub(super) fn new(message: Message, origin: Origin, number: u64) -> Self {
        Self::with(Some(message), origin, number)
    }

    /// Returns the placeholder for an entry that was removed.
    pub(super) fn removed() -> Self {
        Self::with(None, Origin::Removed, 0)
    }

    fn with(message: Option<Message>, origin: Origin, number: u64) -> Self {
        Self {
            bytes: message.as_ref().map_or(0, Message::len),
            message,
            expires: None,
            number,
            handed_to: 0,
            losses: 0,
            receipt: false,
            origin,
        }
    }

    pub(super) fn is_removed(&self) -> bool {
        self.origin == Origin::Removed
    }

    /// Returns whether it is for the current connection only. Without a receipt it needs no
    /// fate, since its origin keeps the message and queues it again for the next connection.
    pub(super) fn is_per_connection(&self) -> bool {
        match self.origin {
            Origin::Sender | Origin::Removed => false,
            Origin::Replay | Origin::Layer => true,
        }
    }
}
