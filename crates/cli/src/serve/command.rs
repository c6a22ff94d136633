//! Commands to a running server.

use std::io;

use futures::channel::oneshot;

/// A command to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Neither reads nor writes on any connection, later ones included, and keeps TCP open.
    Silence,
    /// Ends a silence.
    Answer,
    /// Ends TCP of all connections, without close frames.
    Cut,
    /// Sends a close frame on all connections.
    Close,
    /// Cuts, and refuses connections.
    Stop,
    /// Listens again at the same port.
    Start,
}

impl Command {
    /// The name in the log.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Silence => "silence",
            Self::Answer => "answer",
            Self::Cut => "cut",
            Self::Close => "close",
            Self::Stop => "stop, connections are refused",
            Self::Start => "start, connections are accepted",
        }
    }
}

/// A command, and the sender that reports that it is applied.
pub(super) type Order = (Command, oneshot::Sender<io::Result<()>>);
