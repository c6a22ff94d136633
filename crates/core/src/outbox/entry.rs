//! An accepted message: [`Entry`].

use crate::{message::Message, time::Timestamp};

pub(super) struct Entry {
    /// `None` while it is with the connection and nothing is to be given back.
    pub(super) message: Option<Message>,
    pub(super) bytes: usize,
    /// When it expires; until the driver has seen it, as if it had been accepted at the epoch.
    pub(super) expires: Option<Timestamp>,
    /// What it is known by to others of its origin.
    pub(super) number: u64,
    /// The last connection that died with it in hand, 0 if there was none.
    pub(super) handed_to: u64,
    /// How many connections did.
    pub(super) losses: u32,
    /// Its fate is told to a receipt.
    pub(super) receipt: bool,
    pub(super) origin: Origin,
}

/// Where a message comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A sender; the number grows from message to message.
    Sender,
    /// The replays, of which it is the one with this number.
    Replay,
    /// A layer above, which keeps the message itself; the number is its ticket.
    Layer,
    /// Nothing: the message that stood here was removed.
    Removed,
}

impl Entry {
    pub(super) fn new(message: Message, origin: Origin, number: u64) -> Self {
        let bytes = message.len();
        Self {
            message: Some(message),
            bytes,
            expires: None,
            number,
            handed_to: 0,
            losses: 0,
            receipt: false,
            origin,
        }
    }

    /// What stays in the place of an entry that was removed.
    pub(super) fn removed() -> Self {
        let (origin, number, bytes) = (Origin::Removed, 0, 0);
        Self {
            message: None,
            bytes,
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

    /// Whether it goes with the connection that is open. Its fate is nobody's, since whoever keeps
    /// the message brings it again for the next connection.
    pub(super) fn is_bound(&self) -> bool {
        match self.origin {
            Origin::Sender | Origin::Removed => false,
            Origin::Replay | Origin::Layer => true,
        }
    }
}
