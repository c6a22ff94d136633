//! What happens to messages that cannot be written at once: [`OutboxSettings`].

use std::time::Duration;

use crate::error::{ConfigError, not_zero};

/// The rules of the outbox, where accepted messages wait until they have their
/// [`Fate`](crate::Fate).
///
/// Defaults: 1 024 messages; 64 MiB, which is the largest message that the native backends carry, so
/// that size alone never refuses one; senders wait when it is full, messages are kept while offline
/// for as long as it takes, what becomes unknown comes back and is not sent again. The `Original`
/// preset keeps nothing while offline and gives nothing back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboxSettings {
    pub(crate) count: usize,
    pub(crate) bytes: usize,
    pub(crate) when_full: WhenFull,
    pub(crate) offline: Offline,
    pub(crate) max_age: Option<Duration>,
    pub(crate) resend: u32,
    pub(crate) give_back: bool,
}

/// What a full outbox does with one more message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WhenFull {
    /// The sender waits, in order of arrival. [`try_queue`](crate::Handle::try_queue) refuses.
    #[default]
    Wait,
    /// The message is refused and comes back. A `Sink` cannot give a message back, so it waits.
    Refuse,
    /// The oldest messages that were not handed to a connection yet are dropped to make room. If
    /// that would not make enough, none is dropped, and the sender waits.
    DropOldest,
}

/// What becomes of messages while no connection is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Offline {
    /// They wait for the next connection.
    #[default]
    Keep,
    /// They are refused, and those that wait when a connection is lost are dropped. A `Sink`
    /// cannot give a message back, so it waits for the next connection.
    Refuse,
}

impl OutboxSettings {
    /// The defaults, see above.
    pub const fn new() -> Self {
        Self {
            count: 1_024,
            bytes: 64 << 20,
            when_full: WhenFull::Wait,
            offline: Offline::Keep,
            max_age: None,
            resend: 0,
            give_back: true,
        }
    }

    /// How many messages it holds at most, those handed to the connection and not flushed
    /// included.
    #[must_use]
    pub const fn count(mut self, count: usize) -> Self {
        self.count = count;
        self
    }

    /// How many bytes of payload it holds at most. One message more may wait in each `Sink`, see
    /// [`Handle`](crate::Handle).
    #[must_use]
    pub const fn bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// What happens when it is full.
    #[must_use]
    pub const fn when_full(mut self, when_full: WhenFull) -> Self {
        self.when_full = when_full;
        self
    }

    /// What happens while no connection is open.
    #[must_use]
    pub const fn offline(mut self, offline: Offline) -> Self {
        self.offline = offline;
        self
    }

    /// How old a message may become before it is dropped instead of being handed over. The age
    /// counts from when the supervisor took the message over, at its next poll.
    #[must_use]
    pub const fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age);
        self
    }

    /// Hands messages that would become unknown to the next connection instead, ahead of all
    /// others and in their order, up to `times` times each; then they are dropped. 0, the default:
    /// never.
    ///
    /// This is at-least-once: a server may see such a message twice, so it must be able to tell.
    /// The limit is for the message that kills the connection each time. Implies
    /// [`give_back`](Self::give_back).
    #[must_use]
    pub const fn resend(mut self, times: u32) -> Self {
        self.resend = times;
        self
    }

    /// Whether messages whose fate is unknown come back. It costs one clone of the shared payload
    /// for each message.
    #[must_use]
    pub const fn give_back(mut self, give_back: bool) -> Self {
        self.give_back = give_back;
        self
    }

    pub(crate) fn keeps_clones(&self) -> bool {
        self.give_back || self.resend > 0
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if self.count == 0 {
            return Err(ConfigError::new("outbox count", self.count, "must be at least 1"));
        }
        if self.bytes == 0 {
            return Err(ConfigError::new("outbox bytes", self.bytes, "must be at least 1"));
        }
        self.max_age.map_or(Ok(()), |age| not_zero("outbox maximum age", age))
    }
}

impl Default for OutboxSettings {
    fn default() -> Self {
        Self::new()
    }
}
