//! The settings of acknowledged delivery: [`AckSettings`], and an acknowledgement: [`Ack`].

use std::{fmt, time::Duration};

use super::ledger::RetryLimits;
use crate::{
    error::{ConfigError, not_zero},
    message::Message,
};

/// The messages that one message of the server acknowledges.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ack<Id> {
    /// The message with this id.
    One(Id),
    /// The messages with these ids.
    Each(Vec<Id>),
    /// The message with this id and all messages that were queued before it. The message itself may
    /// have been acknowledged or given up before: the ids of such messages are kept while older
    /// ones are unacknowledged, as many as the [window](AckSettings::window) has places.
    UpTo(Id),
}

/// The settings of [`Acknowledged`](super::Acknowledged).
///
/// [`Acknowledged::new`](super::Acknowledged::new) checks the values.
///
/// ```
/// use std::time::Duration;
/// use websocket_heartbeat::acks::{Ack, AckSettings};
///
/// // The server answers "upto 7" when it has all messages up to number 7.
/// let settings = AckSettings::new(|message| {
///     let id = message.as_text()?.strip_prefix("upto ")?.parse::<u64>().ok()?;
///     Some(Ack::UpTo(id))
/// })
/// .window(32)
/// .timeout(Duration::from_secs(5));
/// ```
pub struct AckSettings<Id> {
    pub(super) find: Find<Id>,
    pub(super) window: usize,
    pub(super) bytes: usize,
    pub(super) retries: RetryLimits,
    pub(super) show_acknowledgements: bool,
}

pub(super) type Find<Id> = Box<dyn FnMut(&Message) -> Option<Ack<Id>> + Send>;

impl<Id> AckSettings<Id> {
    /// The default settings, with a function that is called for each message of the server and
    /// returns the acknowledgement in it, or `None` for other messages.
    pub fn new(find: impl FnMut(&Message) -> Option<Ack<Id>> + Send + 'static) -> Self {
        Self {
            find: Box::new(find),
            window: 256,
            bytes: 64 << 20,
            retries: RetryLimits { timeout: Duration::from_secs(10), resends: 3, losses: None },
            show_acknowledgements: false,
        }
    }

    /// How many messages may be accepted and unacknowledged. Further senders wait. It is also the
    /// largest number of messages that are sent again after a reconnect.
    ///
    /// The default is 256: a supervisor hands the same number of messages to a connection between
    /// two flushes.
    #[must_use]
    pub fn window(mut self, messages: usize) -> Self {
        self.window = messages;
        self
    }

    /// How many bytes of payload may be accepted and unacknowledged. 64 MiB by default, as in the
    /// outbox.
    #[must_use]
    pub fn bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// How long to wait for an acknowledgement on an open connection, before the message is sent
    /// again. The default is 10 s, like the timeout of the default heartbeat. `Duration::MAX` means
    /// never.
    ///
    /// The time begins when the message is handed to the session. If the message is still in the
    /// outbox at the end of the time, the time begins again.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.retries.timeout = timeout;
        self
    }

    /// How often a message is sent again after a timeout, on all connections together. At the next
    /// timeout it is given up.
    ///
    /// The default is 3: if the server acknowledges nothing for 40 s on a healthy connection,
    /// further copies will not help. Copies after a reconnect do not count, because the message is
    /// not the cause of an outage.
    #[must_use]
    pub fn resends(mut self, times: u32) -> Self {
        self.retries.resends = times;
        self
    }

    /// How many connections may be lost while a message is the oldest one sent on them and
    /// unacknowledged. At the next loss it is given up. No limit by default, so that no outage costs
    /// a message.
    ///
    /// A limit is for a message that makes the server close the connection. Without a limit the
    /// layer sends that message again on each connection, until the session ends, for example by
    /// [`Builder::flap_limit`](crate::Builder::flap_limit).
    #[must_use]
    pub fn max_connection_losses(mut self, limit: u32) -> Self {
        self.retries.losses = Some(limit);
        self
    }

    /// Passes acknowledgements on to the application, too. By default they are hidden.
    #[must_use]
    pub fn show_acknowledgements(mut self) -> Self {
        self.show_acknowledgements = true;
        self
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.window == 0 {
            return Err(ConfigError::new("ack window", self.window, "must be at least 1"));
        }
        if self.bytes == 0 {
            return Err(ConfigError::new("ack bytes", self.bytes, "must be at least 1"));
        }
        not_zero("ack timeout", self.retries.timeout)
    }
}

impl<Id> fmt::Debug for AckSettings<Id> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AckSettings")
            .field("window", &self.window)
            .field("bytes", &self.bytes)
            .field("retries", &self.retries)
            .field("show_acknowledgements", &self.show_acknowledgements)
            .finish_non_exhaustive()
    }
}
