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

/// An error of tungstenite.
pub(crate) fn from_tungstenite(error: WsError) -> TransportError {
    let kind = match error {
        WsError::Io(error) => return from_io(error),
        // tungstenite names this error "reset", but it is an end of the stream.
        WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
            let words = "the server ended the connection without a close frame";
            return TransportError::new(ErrorKind::Ended, words);
        }
        // These errors contain a message, or a part of one or of a header field.
        WsError::WriteBufferFull(_) => {
            return TransportError::new(ErrorKind::TooLarge, "the write buffer is full");
        }
        WsError::Utf8(_) => {
            return TransportError::new(ErrorKind::Protocol, "a text is not valid UTF-8");
        }
        WsError::ConnectionClosed | WsError::AlreadyClosed => ErrorKind::Ended,
        WsError::Capacity(_) => ErrorKind::TooLarge,
        WsError::Protocol(_) | WsError::AttackAttempt => ErrorKind::Protocol,
        WsError::Url(_) => ErrorKind::Url,
        // A certificate is recognized by the words of the error.
        WsError::Tls(ref error) => match io_kind(&io::Error::other(error.to_string())) {
            ErrorKind::Other => ErrorKind::Tls,
            kind => kind,
        },
        // Other errors come only from tungstenite's own handshake, see `adapter`.
        _ => ErrorKind::Other,
    };
    TransportError::from_source(kind, error)
}

/// An error of a resolver. It may contain the error that the runtime is missing.
pub(crate) fn from_resolver(error: io::Error) -> TransportError {
    error.downcast().unwrap_or_else(|error| TransportError::from_source(ErrorKind::Dns, error))
}

/// An error of the stream.
pub(crate) fn from_io(error: io::Error) -> TransportError {
    #[cfg(feature = "rustls")]
    let error = match tls::late(error) {
        Ok(explained) => return explained,
        Err(error) => error,
    };
    TransportError::from_source(io_kind(&error), error)
}

/// The error if the stream ends or breaks before the answer to the upgrade is complete.
pub(crate) fn handshake_ended(
    progress: AnswerProgress,
    error: Option<io::Error>,
) -> TransportError {
    let kind = error.as_ref().map_or(ErrorKind::Ended, io_kind);
    let did = match kind {
        ErrorKind::Reset => "reset",
        ErrorKind::Ended => "ended",
        _ => return error.map_or_else(|| TransportError::new(kind, ""), from_io),
    };
    let when = match progress {
        AnswerProgress::Nothing => {
            "before it answered the request: check the port, and whether it needs TLS (wss://)"
        }
        AnswerProgress::NothingOverTls => {
            "before it answered the request: check the host and the port, and whether it demands a \
             certificate from this client"
        }
        AnswerProgress::Partial => {
            "in the middle of its answer: the server or a proxy has failed, or is being restarted"
        }
    };
    let words = format!("the server {did} the connection {when}");
    match error {
        Some(source) => TransportError::from_source(kind, Explained { words, source }),
        None => TransportError::new(kind, words),
    }
}

/// The part of the answer that had arrived when the stream ended.
#[derive(Clone, Copy)]
pub(crate) enum AnswerProgress {
    Nothing,
    NothingOverTls,
    Partial,
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
        let words = "the server requires a certificate from this client: set one";
        assert_eq!(error.to_string(), words);
    }
}
