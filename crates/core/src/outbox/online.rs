//! The state of the connection, as the outbox sees it: [`Online`].

/// The state of the connection, as far as the outbox needs it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Online {
    /// No connection is open. The policy for messages is [`Offline`](crate::Offline).
    #[default]
    No,
    /// The connection is being replaced by plan. Messages are accepted and kept as if a connection
    /// was open, and written on the next connection. If its attempt fails, the offline policy applies
    /// to them, too.
    Replacing,
    /// The connection with this number is open.
    Yes(u64),
}

impl Online {
    /// Returns the number of the open connection.
    pub(crate) fn connection(self) -> Option<u64> {
        match self {
            Self::Yes(connection) => Some(connection),
            Self::No | Self::Replacing => None,
        }
    }
}
