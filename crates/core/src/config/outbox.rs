//! The rules for messages that cannot be written at once: [`OutboxSettings`].

use std::time::Duration;

use super::unproven::KeepUnproven;
use crate::error::{ConfigError, ensure, not_zero};

/// The rules of the outbox, in which accepted messages wait until they have their
/// [`Fate`](crate::Fate).
///
/// | setting | default | why |
/// |---|---|---|
/// | [`count`](Self::count) | 1,024 messages | enough for the bursts of most programs |
/// | [`bytes`](Self::bytes) | 64 MiB | the largest message that the native backends carry, so that no message is refused for its size alone |
/// | [`when_full`](Self::when_full) | senders wait | back-pressure loses nothing |
/// | [`offline`](Self::offline) | messages are kept | an accepted message should survive an outage |
/// | [`max_age`](Self::max_age) | no limit | only the application knows when a message is too old |
/// | [`resend`](Self::resend) | never | a server may see a message twice |
/// | [`give_back`](Self::give_back) | messages of unknown fate come back | the application may queue them again |
/// | [`keep_unproven`](Self::keep_unproven) | none are kept | most servers cannot recognise duplicates |
///
/// [`Preset::Original`](crate::Preset::Original) refuses messages while offline and gives none
/// back.
///
/// ```
/// use std::time::Duration;
/// use websocket_heartbeat::{OutboxSettings, Supervisor, WhenFull};
///
/// # let clock = websocket_heartbeat_mock::Clock::new();
/// # let (transport, _) = websocket_heartbeat_mock::mock(&clock);
/// # let timer = clock.timer();
/// // Prices: only the newest are useful.
/// let outbox = OutboxSettings::new()
///     .count(16)
///     .when_full(WhenFull::DropOldest)
///     .max_age(Duration::from_secs(2));
/// let supervisor = Supervisor::builder(transport, timer).outbox(outbox).build()?;
/// # drop(supervisor);
/// # Ok::<_, websocket_heartbeat::ConfigError>(())
/// ```
///
/// [`Builder::build`](crate::Builder::build) refuses a count, a size or an age of zero, and
/// [`give_back(false)`](Self::give_back) together with [`resend`](Self::resend).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboxSettings {
    pub(crate) rules: OutboxRules,
    pub(crate) unproven: Option<KeepUnproven>,
}

/// The settings that every outbox keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutboxRules {
    pub(crate) count: usize,
    pub(crate) bytes: usize,
    pub(crate) when_full: WhenFull,
    pub(crate) offline: Offline,
    pub(crate) max_age: Option<Duration>,
    pub(crate) resend: u32,
    pub(crate) give_back: bool,
}

/// The behaviour of a full outbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WhenFull {
    /// The sender waits, in order of arrival. [`try_queue`](crate::Handle::try_queue) refuses.
    #[default]
    Wait,
    /// The message is refused and returned. A `Sink` cannot return a message, so it waits.
    Refuse,
    /// The oldest messages that were not yet handed to a connection are dropped to make room. If
    /// this does not make enough room, no message is dropped and the sender waits.
    DropOldest,
}

impl WhenFull {
    /// Returns the name of the variant in lower case, for logs. These names are stable.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wait => "wait",
            Self::Refuse => "refuse",
            Self::DropOldest => "drop_oldest",
        }
    }
}

/// The treatment of messages while no connection is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Offline {
    /// The messages wait for the next connection.
    #[default]
    Keep,
    /// New messages are refused, and messages that wait when a connection is lost are dropped. A
    /// `Sink` cannot return a message, so it waits for the next connection.
    ///
    /// While a connection is replaced on request or for its age, messages are accepted and kept.
    Refuse,
}

impl Offline {
    /// Returns the name of the variant in lower case, for logs. These names are stable.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Refuse => "refuse",
        }
    }
}

impl OutboxSettings {
    /// The defaults, see the table above.
    pub const fn new() -> Self {
        Self {
            rules: OutboxRules {
                count: 1_024,
                bytes: 64 << 20,
                when_full: WhenFull::Wait,
                offline: Offline::Keep,
                max_age: None,
                resend: 0,
                give_back: true,
            },
            unproven: None,
        }
    }

    /// How many messages the outbox holds at most. Messages that were handed to the connection and
    /// are not flushed also count.
    #[must_use]
    pub const fn count(mut self, count: usize) -> Self {
        self.rules.count = count;
        self
    }

    /// How many bytes of payload the outbox holds at most. One more message may wait in each
    /// `Sink`, see [`Handle`](crate::Handle).
    #[must_use]
    pub const fn bytes(mut self, bytes: usize) -> Self {
        self.rules.bytes = bytes;
        self
    }

    /// The behaviour of a full outbox.
    #[must_use]
    pub const fn when_full(mut self, when_full: WhenFull) -> Self {
        self.rules.when_full = when_full;
        self
    }

    /// The treatment of messages while no connection is open.
    #[must_use]
    pub const fn offline(mut self, offline: Offline) -> Self {
        self.rules.offline = offline;
        self
    }

    /// How old a message may become. An older message is dropped and not handed to a connection.
    /// The age counts from the first poll of the supervisor after the message was accepted.
    #[must_use]
    pub const fn max_age(mut self, max_age: Duration) -> Self {
        self.rules.max_age = Some(max_age);
        self
    }

    /// Sends messages of unknown fate again on the next connection, before all others and in order.
    /// Each message is sent again at most `times` times, and is then dropped. The default is 0,
    /// which means never.
    ///
    /// This is at-least-once delivery: a server may receive such a message twice, so it must
    /// recognise duplicates. The limit is for a message that causes the loss of each connection.
    ///
    /// With [`Offline::Refuse`] it has an effect only if a connection is replaced on request or for
    /// its age.
    #[must_use]
    pub const fn resend(mut self, times: u32) -> Self {
        self.rules.resend = times;
        self
    }

    /// Returns messages of unknown fate to the application, in [`Fate::Unknown`](crate::Fate). It
    /// costs one clone of the shared payload for each message.
    ///
    /// `false` has no effect with [`resend`](Self::resend), which keeps the messages. So
    /// [`Builder::build`](crate::Builder::build) refuses this combination.
    #[must_use]
    pub const fn give_back(mut self, give_back: bool) -> Self {
        self.rules.give_back = give_back;
        self
    }

    /// Keeps written messages until the peer has proven that it read them, and returns those
    /// without a proof when their connection is lost, in
    /// [`Lost::unproven_messages`](crate::Lost::unproven_messages). By default none are kept.
    ///
    /// *Written* means that the operating system has the bytes, and a lost connection may not have
    /// delivered them. The proof is the answer to a ping that was written later, so it needs a
    /// [heartbeat that pings](crate::Heartbeat::ping). At most `count` messages and `bytes` bytes
    /// of payload are kept, and the newest message in any case. The oldest fall out, and
    /// [`Lost::unproven_discarded`](crate::Lost::unproven_discarded) counts them. With a ping
    /// heartbeat, the messages of its interval and of one round trip are unproven at most; choose
    /// the bounds for them. Without pings no message is ever proven, and the last messages of the
    /// connection are returned.
    ///
    /// The application can queue these messages again if the server recognises duplicates: many
    /// of them did arrive, since only the proof is missing. A message that is missing here was
    /// read by the nearest peer that answers pings. That may be a proxy which lost it. For a
    /// delivery that the server confirms, see [`acks`](crate::acks).
    ///
    /// [Replays](crate::Handle::replay) and messages of `acks` are not kept, since they are sent
    /// again without the application. If the supervisor is dropped, the messages are dropped.
    ///
    /// It costs one clone of the shared payload for each message, and the memory of the kept
    /// messages. A session without this setting pays nothing.
    ///
    /// ```
    /// use websocket_heartbeat::{Event, Handle, Lost, OutboxSettings};
    ///
    /// let outbox = OutboxSettings::new().keep_unproven(1_000, 1 << 20);
    ///
    /// fn send_again(lost: Lost, handle: &Handle) {
    ///     for message in lost.unproven_messages {
    ///         if let Err(refused) = handle.try_queue(message) {
    ///             eprintln!("not sent again: {refused}");
    ///         }
    ///     }
    /// }
    /// # let _ = (outbox, send_again);
    /// ```
    #[must_use]
    pub const fn keep_unproven(mut self, count: usize, bytes: usize) -> Self {
        self.unproven = Some(KeepUnproven::new(count, bytes));
        self
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        self.unproven.map_or(Ok(()), KeepUnproven::check)?;
        self.rules.check()
    }
}

impl OutboxRules {
    /// Returns whether a message of unknown fate is kept, to give it back or to send it again.
    pub(crate) fn keeps_clones(&self) -> bool {
        self.give_back || self.resend > 0
    }

    fn check(&self) -> Result<(), ConfigError> {
        ensure(self.count > 0, "outbox count", self.count, "must be at least 1")?;
        ensure(self.bytes > 0, "outbox bytes", self.bytes, "must be at least 1")?;
        let rule = "must be left out with OutboxSettings::resend, which keeps the messages";
        let agrees = self.give_back || self.resend == 0;
        ensure(agrees, "outbox give_back", "false", rule)?;
        self.max_age.map_or(Ok(()), |age| not_zero("outbox maximum age", age))
    }
}

/// [`OutboxSettings::new`].
impl Default for OutboxSettings {
    fn default() -> Self {
        Self::new()
    }
}
