//! The contenders: the clients that are measured.

use std::{fmt, str::FromStr};

/// A kind of client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// websocket-heartbeat on a runtime.
    OursSmol,
    OursAsyncStd,
    OursTokio,
    /// websocket-heartbeat on the mock's virtual time.
    OursMock,
    /// Its connection without a supervisor.
    ConnectionSmol,
    ConnectionAsyncStd,
    ConnectionTokio,
    /// async-tungstenite on a runtime.
    RawSmol,
    RawAsyncStd,
    RawTokio,
    TokioTungstenite,
    FastWebsockets,
    TokioWebsockets,
    EzSockets,
    StreamReconnect,
    /// websocket-heartbeat-js on Node's `ws`.
    Original,
}

impl Kind {
    pub(crate) const ALL: [Self; 16] = [
        Self::OursSmol,
        Self::OursAsyncStd,
        Self::OursTokio,
        Self::OursMock,
        Self::ConnectionSmol,
        Self::ConnectionAsyncStd,
        Self::ConnectionTokio,
        Self::RawSmol,
        Self::RawAsyncStd,
        Self::RawTokio,
        Self::TokioTungstenite,
        Self::FastWebsockets,
        Self::TokioWebsockets,
        Self::EzSockets,
        Self::StreamReconnect,
        Self::Original,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::OursSmol => "ours-smol",
            Self::OursAsyncStd => "ours-async-std",
            Self::OursTokio => "ours-tokio",
            Self::OursMock => "ours-mock",
            Self::ConnectionSmol => "connection-smol",
            Self::ConnectionAsyncStd => "connection-async-std",
            Self::ConnectionTokio => "connection-tokio",
            Self::RawSmol => "raw-smol",
            Self::RawAsyncStd => "raw-async-std",
            Self::RawTokio => "raw-tokio",
            Self::TokioTungstenite => "tokio-tungstenite",
            Self::FastWebsockets => "fastwebsockets",
            Self::TokioWebsockets => "tokio-websockets",
            Self::EzSockets => "ezsockets",
            Self::StreamReconnect => "stream-reconnect",
            Self::Original => "original-node",
        }
    }

    /// Whether it is built only with the feature `peers`.
    pub(crate) fn is_peer(self) -> bool {
        matches!(
            self,
            Self::TokioTungstenite
                | Self::FastWebsockets
                | Self::TokioWebsockets
                | Self::EzSockets
                | Self::StreamReconnect
        )
    }
}

/// A kind of client with a read buffer: `raw-smol` has the default, `raw-smol@16k` has 16 KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Contender {
    pub(crate) kind: Kind,
    /// The size of the read buffer, `None` for the client's default.
    pub(crate) buffer: Option<usize>,
}

impl Contender {
    /// With the default read buffer.
    pub(crate) const fn plain(kind: Kind) -> Self {
        Self { kind, buffer: None }
    }

    /// With a read buffer of this many KiB.
    pub(crate) const fn kib(kind: Kind, kib: usize) -> Self {
        Self { kind, buffer: Some(kib * 1024) }
    }
}

impl fmt::Display for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.buffer {
            None => f.pad(self.kind.name()),
            Some(bytes) => f.pad(&format!("{}@{}k", self.kind.name(), bytes / 1024)),
        }
    }
}

impl FromStr for Contender {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unknown = || format!("there is no contender {text}");
        let (name, buffer) = match text.split_once('@') {
            None => (text, None),
            Some((name, size)) => {
                let kib = size.strip_suffix('k').and_then(|kib| kib.parse::<usize>().ok());
                (name, Some(kib.ok_or_else(unknown)? * 1024))
            }
        };
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(unknown)?;
        Ok(Self { kind, buffer })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_parsed_from_their_display_form() {
        for contender in Kind::ALL.map(Contender::plain) {
            assert_eq!(contender.to_string().parse(), Ok(contender));
        }
        let tuned = Contender::kib(Kind::RawTokio, 16);
        assert_eq!(tuned.to_string(), "raw-tokio@16k");
        assert_eq!("raw-tokio@16k".parse(), Ok(tuned));
        assert!("raw-tokio@16".parse::<Contender>().is_err());
    }
}
