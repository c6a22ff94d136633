//! What tungstenite and the stream below it report, as kinds of [`TransportError`].

#[cfg(feature = "rustls")]
pub(crate) mod tls;

use std::{error::Error, fmt, io};

use tungstenite::{Error as WsError, error::ProtocolError};
use websocket_heartbeat::{ErrorKind, TransportError};

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

/// An error in our own words.
#[derive(Debug)]
pub(crate) struct Explained<E> {
    pub(crate) words: String,
    pub(crate) source: E,
}

impl<E> fmt::Display for Explained<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl<E: Error + 'static> Error for Explained<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}

pub(crate) fn io_kind(error: &io::Error) -> ErrorKind {
    use io::ErrorKind as Io;
    // TLS libraries hide permanent faults in I/O errors. A line cut without TLS' farewell is none.
    let ended = error.kind() == Io::UnexpectedEof;
    if let Some(kind) = error.get_ref().filter(|_| !ended).and_then(|inner| tls_kind(inner)) {
        return kind;
    }
    match error.kind() {
        Io::ConnectionRefused => ErrorKind::Refused,
        Io::HostUnreachable | Io::NetworkUnreachable | Io::NetworkDown | Io::AddrNotAvailable => {
            ErrorKind::Unreachable
        }
        Io::ConnectionReset | Io::ConnectionAborted | Io::BrokenPipe | Io::NotConnected => {
            ErrorKind::Reset
        }
        Io::UnexpectedEof | Io::WriteZero => ErrorKind::Ended,
        Io::TimedOut => ErrorKind::Timeout,
        _ => ErrorKind::Other,
    }
}

/// Whether an error within an I/O error, or one below it, comes from TLS.
///
/// By type where rustls is ours; else by words, since the stream can be anybody's: rustls says
/// "invalid peer certificate", OpenSSL "certificate verify failed", SChannel and Secure Transport
/// "certificate" as well. An alert is what the peer says about *us*.
fn tls_kind(error: &(dyn Error + 'static)) -> Option<ErrorKind> {
    let mut next = Some(error);
    while let Some(error) = next {
        #[cfg(feature = "rustls")]
        if let Some(error) = error.downcast_ref::<futures_rustls::rustls::Error>() {
            return Some(tls::kind(error));
        }
        let words = error.to_string().to_ascii_lowercase();
        let alert = words.contains("alert");
        if words.contains("certificate") && !alert {
            let by_time = ["expired", "not yet valid", "not valid yet"];
            let heals = by_time.iter().any(|time| words.contains(time));
            return Some(if heals { ErrorKind::CertificateTime } else { ErrorKind::Certificate });
        }
        let mut words = words.split(|c: char| !c.is_ascii_alphanumeric());
        if alert || words.any(|word| matches!(word, "tls" | "ssl" | "openssl" | "handshake")) {
            return Some(ErrorKind::Tls);
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificate_faults_are_found_within_io_errors() {
        let hidden = |words: &str| io_kind(&io::Error::new(io::ErrorKind::InvalidData, words));
        assert_eq!(hidden("invalid peer certificate: UnknownIssuer"), ErrorKind::Certificate);
        let expired = "error:0A000086: certificate verify failed: certificate has expired";
        assert_eq!(hidden(expired), ErrorKind::CertificateTime);
        assert_eq!(hidden("certificate is not yet valid"), ErrorKind::CertificateTime);
        assert_eq!(hidden("received fatal alert: CertificateRequired"), ErrorKind::Tls);
        assert_eq!(hidden("received fatal alert: CertificateExpired"), ErrorKind::Tls);
        assert_eq!(hidden("something else"), ErrorKind::Other);
        assert_eq!(hidden("endlessly lossless"), ErrorKind::Other);
        let cut = io::Error::new(io::ErrorKind::UnexpectedEof, "no TLS close_notify");
        assert_eq!(io_kind(&cut), ErrorKind::Ended);
        let deep = io::Error::other(io::Error::other("certificate verify failed"));
        assert_eq!(io_kind(&deep), ErrorKind::Certificate);
    }

    #[test]
    fn plain_io_errors_keep_their_kind() {
        let kind = |kind: io::ErrorKind| io_kind(&kind.into());
        assert_eq!(kind(io::ErrorKind::ConnectionRefused), ErrorKind::Refused);
        assert_eq!(kind(io::ErrorKind::NetworkUnreachable), ErrorKind::Unreachable);
        assert_eq!(kind(io::ErrorKind::BrokenPipe), ErrorKind::Reset);
        assert_eq!(kind(io::ErrorKind::UnexpectedEof), ErrorKind::Ended);
        assert_eq!(kind(io::ErrorKind::TimedOut), ErrorKind::Timeout);
    }
}
