//! [`Rule`] and [`Ability`]: the names of rules, and what they need.

/// A rule of the contract. [`RULES`](crate::RULES) has all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    pub(crate) name: &'static str,
    pub(crate) needs: &'static [Ability],
}

impl Rule {
    /// The rule as a plain sentence. Names are unique.
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// The abilities that a client needs. Without one of them, the rule is skipped.
    pub const fn needs(self) -> &'static [Ability] {
        self.needs
    }
}

/// An ability that most clients have, and some do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ability {
    /// It sends pings. A suite asks [`Transport::can_ping`](websocket_heartbeat::Transport::can_ping) for that.
    SendPings,
    /// It reports pings and pongs of the peer as frames.
    ReportPings,
    /// It distinguishes a violation of the protocol from another end.
    ReportViolations,
    /// It reports the peer's close frame before the peer ends the stream.
    ReportCloseAtOnce,
    /// It reads messages between its own close frame and that of the peer.
    ReadWhileClosing,
    /// Its writes fail after the peer has reset the connection.
    ReportFailedWrites,
    /// It reads what the peer has sent before a reset. Only Linux keeps these bytes, so a suite on
    /// another system does not have it.
    ReadAfterReset,
    /// It ends the stream of bytes itself after both close frames.
    EndStream,
    /// It ends a connection at once when it is dropped, and sends nothing more.
    Abort,
    /// It discards data that the system has not delivered when a connection is dropped.
    Discard,
    /// It reports why the server did not accept an attempt.
    ReportRefusals,
    /// It reads answers of the server as bytes.
    ReadAnswers,
    /// It waits some time for the body of a refusal.
    WaitForBody,
    /// It refuses to send a message above a limit. A suite has it by [`Suite::message_limit`](crate::Suite::message_limit).
    LimitMessages,
}
