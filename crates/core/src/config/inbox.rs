//! The bounds of the inbox of a driven session: [`InboxSettings`].

use crate::error::{ConfigError, ensure};

/// The bounds of an [`Inbox`](crate::Inbox), and its behaviour when it is full.
///
/// A number of messages converts into settings with all defaults, so `into_driver(256)` means
/// `into_driver(InboxSettings::new(256))`.
///
/// ```
/// use websocket_heartbeat::InboxSettings;
///
/// // The latest 100 prices, at most 1 MiB: a slow reader misses old prices.
/// let prices = InboxSettings::new(100).bytes(1024 * 1024).drop_oldest();
/// # assert_ne!(prices, InboxSettings::from(100));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InboxSettings {
    pub(crate) messages: usize,
    pub(crate) bytes: usize,
    pub(crate) overflow: Overflow,
}

/// The behaviour of a full inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overflow {
    /// The driver stops reading from the connection.
    Wait,
    /// The oldest message is dropped and counted.
    DropOldest,
}

impl InboxSettings {
    /// Room for this many unread messages and 64 MiB of payload. When one of the bounds is reached,
    /// the driver stops reading until there is room again.
    ///
    /// There is no default for the number, since it depends on the application.
    pub const fn new(messages: usize) -> Self {
        Self { messages, bytes: 64 << 20, overflow: Overflow::Wait }
    }

    /// How many bytes of unread payload the inbox holds. A message is accepted while there is any
    /// room, so the inbox exceeds this bound by at most one message.
    ///
    /// The default is 64 MiB. This is the size of the largest message that the backends accept, and
    /// small enough that a burst of large messages does not use up the memory of a small machine.
    #[must_use]
    pub const fn bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// Drops the oldest unread message when the inbox is full, so that the driver does not stop
    /// reading. [`Event::Lagged`](crate::Event::Lagged) replaces the dropped messages and counts
    /// them.
    #[must_use]
    pub const fn drop_oldest(mut self) -> Self {
        self.overflow = Overflow::DropOldest;
        self
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        ensure(self.messages > 0, "inbox messages", self.messages, "must be at least 1")?;
        ensure(self.bytes > 0, "inbox bytes", self.bytes, "must be at least 1")
    }
}

/// [`InboxSettings::new`] with this many messages.
impl From<usize> for InboxSettings {
    fn from(messages: usize) -> Self {
        Self::new(messages)
    }
}
