//! The settings of acknowledged delivery: [`AckSettings`], and what it finds: [`Ack`].

use std::{fmt, time::Duration};

use super::ledger::Patience;
use crate::{
    error::{ConfigError, not_zero},
    message::Message,
};

/// What a server's message acknowledges, found by the function given to [`AckSettings::new`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ack<Id> {
    /// The message with this id.
    One(Id),
    /// The messages with these ids.
    Each(Vec<Id>),
    /// The message with this id and all that were queued before it; also if that message itself was
    /// acknowledged or given up before. The last of these are remembered, as many as the
    /// [window](AckSettings::window) has places.
    UpTo(Id),
}

/// The settings of [`Acknowledged`](crate::Acknowledged).
///
/// Values are checked by [`Acknowledged::new`](crate::Acknowledged::new).
pub struct AckSettings<Id> {
    pub(super) find: Find<Id>,
    pub(super) window: usize,
    pub(super) bytes: usize,
    pub(super) patience: Patience,
    pub(super) show: bool,
}

pub(super) type Find<Id> = Box<dyn FnMut(&Message) -> Option<Ack<Id>> + Send>;

impl<Id> AckSettings<Id> {
    /// Acknowledgements are found by this function, which is called for each message that the
    /// server sends; `None` if it is none.
    pub fn new(find: impl FnMut(&Message) -> Option<Ack<Id>> + Send + 'static) -> Self {
        Self {
            find: Box::new(find),
            window: 256,
            bytes: 64 << 20,
            patience: Patience { timeout: Duration::from_secs(10), resends: 3, losses: None },
            show: false,
        }
    }

    /// How many messages may be accepted and not acknowledged; senders wait beyond it. 256 by
    /// default, as many as a supervisor hands to a connection between two flushes. It is also the
    /// most that is sent twice after a reconnect.
    #[must_use]
    pub fn window(mut self, messages: usize) -> Self {
        self.window = messages;
        self
    }

    /// How many bytes of payload may be accepted and not acknowledged. 64 MiB by default, as in
    /// the outbox.
    #[must_use]
    pub fn bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// How long to wait for an acknowledgement on a connection that stays open, before the message
    /// is sent again on it. 10 s by default, the patience of the default heartbeat.
    ///
    /// It counts from when the message was given to the connection; where the outbox was slow to
    /// write it, from when that is noticed. `Duration::MAX` is never.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.patience.timeout = timeout;
        self
    }

    /// How often a message is sent again because of its timeout, over its whole life; one timeout
    /// more, and it is given up. 3 by default: a server that answers nothing for 40 s on a line
    /// whose heart beats has a problem that repetition does not mend.
    ///
    /// What is sent again after a reconnect does not count: an outage says nothing about the
    /// message.
    #[must_use]
    pub fn resends(mut self, times: u32) -> Self {
        self.patience.resends = times;
        self
    }

    /// How many connections may be lost while a message is the oldest that was sent on them and
    /// not acknowledged; one more, and it is given up. No limit by default, so that no outage,
    /// however long and patchy, costs a message.
    ///
    /// This is for the message that kills the connection each time, because the server cannot
    /// stand it: without a limit it, and what follows it, is sent again until the session ends, as
    /// by [`Builder::flap_limit`](crate::Builder::flap_limit).
    #[must_use]
    pub fn max_connection_losses(mut self, limit: u32) -> Self {
        self.patience.losses = Some(limit);
        self
    }

    /// Passes acknowledgements on to the application, too. They are hidden by default.
    #[must_use]
    pub fn show_acknowledgements(mut self) -> Self {
        self.show = true;
        self
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.window == 0 {
            return Err(ConfigError::new("ack window", self.window, "must be at least 1"));
        }
        if self.bytes == 0 {
            return Err(ConfigError::new("ack bytes", self.bytes, "must be at least 1"));
        }
        not_zero("ack timeout", self.patience.timeout)
    }
}

impl<Id> fmt::Debug for AckSettings<Id> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AckSettings")
            .field("window", &self.window)
            .field("bytes", &self.bytes)
            .field("patience", &self.patience)
            .field("show", &self.show)
            .finish_non_exhaustive()
    }
}
