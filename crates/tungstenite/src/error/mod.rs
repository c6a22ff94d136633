//! Errors of tungstenite, of the stream below it and of TLS as [`TransportError`]s.

mod explained;
mod kind;
#[cfg(feature = "rustls")]
pub(crate) mod tls;

use std::io;

use tungstenite::{Error as WsError, error::ProtocolError};
use websocket_heartbeat::{ErrorKind, TransportError};

use self::explained::Explained;
pub(crate) use self::kind::io_kind;

/// The error of a connection or an upgrade.
pub(crate) fn from_tungstenite(error: WsError) -> TransportError {
    let kind = match error {
        WsError::Io(error) => return from_io(error),
        // Its own words say "reset", which this is not.
        WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
            let words = "the server ended the connection without a close frame";
            return TransportError::new(ErrorKind::Ended, words);
        }
        WsError::ConnectionClosed | WsError::AlreadyClosed => ErrorKind::Ended,
        WsError::Capacity(_) | WsError::WriteBufferFull(_) => ErrorKind::TooLarge,
        WsError::Protocol(_) | WsError::Utf8(_) => ErrorKind::Protocol,
        WsError::Url(_) => ErrorKind::Url,
        WsError::Tls(_) => ErrorKind::Tls,
        // Of tungstenite's own handshake, which is not used.
        _ => ErrorKind::Other,
    };
    TransportError::from_source(kind, error)
}

/// An error of the stream below.
pub(crate) fn from_io(error: io::Error) -> TransportError {
    let kind = io_kind(&error);
    #[cfg(feature = "rustls")]
    if let Some(words) = tls::words_within(&error) {
        return TransportError::from_source(kind, Explained { words, source: error });
    }
    TransportError::from_source(kind, error)
}

/// The stream ended before the answer to the upgrade was complete, by an error or without one.
pub(crate) fn hung_up(when: HungUp, error: Option<io::Error>) -> TransportError {
    let kind = error.as_ref().map_or(ErrorKind::Ended, io_kind);
    let did = match kind {
        ErrorKind::Reset => "reset",
        ErrorKind::Ended => "ended",
        _ => return error.map_or_else(|| TransportError::new(kind, ""), from_io),
    };
    let when = match when {
        HungUp::Silent => {
            "before it answered the request: check the port, and whether it wants TLS (wss://)"
        }
        HungUp::SilentOverTls => "before it answered the request: check the host and the port",
        HungUp::WithinAnswer => {
            "in the middle of its answer: it or a proxy before it has failed, or is being restarted"
        }
    };
    let words = format!("the server {did} the connection {when}");
    match error {
        Some(source) => TransportError::from_source(kind, Explained { words, source }),
        None => TransportError::new(kind, words),
    }
}

/// How far the answer had come when the server hung up.
#[derive(Clone, Copy)]
pub(crate) enum HungUp {
    Silent,
    SilentOverTls,
    WithinAnswer,
}

#[cfg(all(test, feature = "rustls"))]
mod tests {
    use futures_rustls::rustls::{AlertDescription, Error};

    use super::*;

    #[test]
    fn a_late_tls_alert_is_explained() {
        let alert = Error::AlertReceived(AlertDescription::CertificateRequired);
        let error = from_io(io::Error::new(io::ErrorKind::InvalidData, alert));
        assert_eq!(error.kind(), ErrorKind::Tls);
        let words = "tls: the server refused the TLS handshake (certificate required): ";
        assert!(error.to_string().starts_with(words), "{error}");
    }
}
