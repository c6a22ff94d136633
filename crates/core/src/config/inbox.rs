//! The bounds of the inbox of a driven session: [`InboxSettings`].

use crate::error::ConfigError;

/// How much an [`Inbox`](crate::Inbox) holds, and what happens when it is full.
///
/// A number of messages converts into settings with all defaults, so `into_driver(256)` is
/// `into_driver(InboxSettings::new(256))`.
///
/// ```
/// use websocket_heartbeat::InboxSettings;
///
/// // The latest 100 prices, at most 1 MiB of them: a slow reader misses old ones.
/// let prices = InboxSettings::new(100).bytes(1024 * 1024).drop_oldest();
/// # assert_ne!(prices, InboxSettings::from(100));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InboxSettings {
    pub(crate) messages: usize,
    pub(crate) bytes: usize,
    pub(crate) overflow: Overflow,
}

/// What happens when an inbox is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overflow {
    /// The driver stops reading from the connection.
    Wait,
    /// The oldest message is dropped and counted.
    DropOldest,
}

impl InboxSettings {
    /// Room for this many unread messages and 64 MiB of their payload. When either is used up, the
    /// driver stops reading until there is room again.
    ///
    /// There is no default for the number: it depends on how far the application may fall behind.
    pub const fn new(messages: usize) -> Self {
        Self { messages, bytes: 64 << 20, overflow: Overflow::Wait }
    }

    /// How many bytes of unread payload the inbox holds. A message is admitted while there is any
    /// room, so the inbox exceeds this by at most one message.
    ///
    /// 64 MiB by default: as much as the largest message that the backends accept, and little
    /// enough that a burst of large messages does not use up the memory of a small machine.
    #[must_use]
    pub const fn bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// Drops the oldest unread message when the inbox is full, instead of no longer reading from
    /// the connection. [`Event::Lagged`](crate::Event::Lagged) stands in the place of dropped
    /// messages and counts them.
    #[must_use]
    pub const fn drop_oldest(mut self) -> Self {
        self.overflow = Overflow::DropOldest;
        self
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if self.messages == 0 {
            return Err(ConfigError::new("inbox messages", 0, "must be at least 1"));
        }
        if self.bytes == 0 {
            return Err(ConfigError::new("inbox bytes", 0, "must be at least 1"));
        }
        Ok(())
    }
}

/// [`InboxSettings::new`] with this many messages.
impl From<usize> for InboxSettings {
    fn from(messages: usize) -> Self {
        Self::new(messages)
    }
}
