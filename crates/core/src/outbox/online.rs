//! What the outbox knows of the connection: [`Online`].

/// Whether there is a connection to write to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Online {
    /// None is open. [`Offline`](crate::Offline) says what becomes of messages.
    #[default]
    No,
    /// The connection ends by plan and the next one is on its way: messages are accepted and kept
    /// as if one were open. When the next one opens they are written on it. When it fails, what
    /// holds offline holds for them, too.
    Replacing,
    /// The connection with this number is open.
    Yes(u64),
}

impl Online {
    /// The number of the connection that is open.
    pub(crate) fn connection(self) -> Option<u64> {
        match self {
            Self::Yes(connection) => Some(connection),
            Self::No | Self::Replacing => None,
        }
    }
}
