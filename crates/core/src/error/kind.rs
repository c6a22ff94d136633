//! The kinds of errors of a transport, [`ErrorKind`], and those of I/O errors.

use std::{error::Error, fmt, io};

use super::TransportError;

/// The kinds of [`TransportError`], on which a [`Verdict`](crate::Verdict) can be based.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The URL is not valid. A retry does not help.
    Url,
    /// The host name could not be resolved.
    Dns,
    /// The connection was refused: no program listens on that port.
    Refused,
    /// The host or network cannot be reached.
    Unreachable,
    /// The TLS handshake failed for a reason other than the certificate.
    Tls,
    /// The certificate of the server is not acceptable, and a retry does not help. For example, its
    /// issuer is not known, or it is for another host name.
    Certificate,
    /// The certificate of the server has expired or is not valid yet. It can become valid by a
    /// renewal, or when the clock of this machine is set.
    CertificateTime,
    /// The server answered the upgrade request with a status other than 101.
    Http,
    /// A proxy could not or would not connect to the server, or its answer is malformed. An error of
    /// the connection to the proxy has its own kind, for example [`Refused`](Self::Refused).
    Proxy,
    /// A proxy needs credentials, or refused them. The error has no HTTP status, because the server
    /// sent none.
    ProxyAuth,
    /// The peer violated the WebSocket protocol.
    Protocol,
    /// A message, a frame or the head of a response exceeds the configured limit.
    TooLarge,
    /// The connection was reset.
    Reset,
    /// The peer ended the connection without a close frame.
    Ended,
    /// A deadline passed.
    Timeout,
    /// The application's exchange before a connection counts as open failed, see
    /// [`before_open`](crate::before_open).
    Handshake,
    /// The function that provides the URL, the headers or the credentials failed.
    Provider,
    /// The transport panicked: in `connect`, in the future that it returned, or in the connection.
    /// The panic is caught, unless panics abort the process; the error has the message of the panic.
    Panicked,
    /// The task that polls the session does not run in the runtime that the sockets need, or a part
    /// of that runtime is not enabled. A retry does not help.
    Runtime,
    /// Anything else.
    Other,
}

impl ErrorKind {
    /// Returns the name of the kind in lower case, for logs. `wsbeat --json` prints the same. These
    /// names are stable.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Url => "url",
            Self::Dns => "dns",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Tls => "tls",
            Self::Certificate => "certificate",
            Self::CertificateTime => "certificate_time",
            Self::Http => "http",
            Self::Proxy => "proxy",
            Self::ProxyAuth => "proxy_auth",
            Self::Protocol => "protocol",
            Self::TooLarge => "too_large",
            Self::Reset => "reset",
            Self::Ended => "ended",
            Self::Timeout => "timeout",
            Self::Handshake => "handshake",
            Self::Provider => "provider",
            Self::Panicked => "panicked",
            Self::Runtime => "runtime",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The kind of an error of a socket or of a stream with TLS.
///
/// An error that contains a [`TransportError`] has the kind of the latter. The errors of TLS
/// libraries have no common type, and arrive inside of I/O errors. They are recognized by their
/// words: all libraries write "certificate" about a certificate that they do not accept.
impl From<&io::Error> for ErrorKind {
    fn from(error: &io::Error) -> Self {
        use io::ErrorKind as Io;
        // An EOF without close_notify is no error of TLS.
        let ended = error.kind() == Io::UnexpectedEof;
        if let Some(kind) = error.get_ref().filter(|_| !ended).and_then(|inner| kind_within(inner))
        {
            return kind;
        }
        match error.kind() {
            Io::ConnectionRefused => Self::Refused,
            Io::HostUnreachable
            | Io::NetworkUnreachable
            | Io::NetworkDown
            | Io::AddrNotAvailable => Self::Unreachable,
            Io::ConnectionReset | Io::ConnectionAborted | Io::BrokenPipe | Io::NotConnected => {
                Self::Reset
            }
            Io::UnexpectedEof | Io::WriteZero => Self::Ended,
            Io::TimedOut => Self::Timeout,
            _ => Self::Other,
        }
    }
}

/// The kind of an error inside of an I/O error, or of one of its sources.
///
/// rustls writes "invalid peer certificate", OpenSSL "certificate verify failed", and SChannel and
/// Secure Transport have similar texts. An alert is different: with it the peer refuses this client.
fn kind_within(error: &(dyn Error + 'static)) -> Option<ErrorKind> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<TransportError>() {
            return Some(error.kind());
        }
        let words = error.to_string().to_ascii_lowercase();
        let alert = words.contains("alert");
        if words.contains("certificate") && !alert {
            let time_errors = ["expired", "not yet valid", "not valid yet"];
            let is_temporary = time_errors.iter().any(|time| words.contains(time));
            return Some(if is_temporary {
                ErrorKind::CertificateTime
            } else {
                ErrorKind::Certificate
            });
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
    fn certificate_errors_are_found_inside_io_errors() {
        let hidden =
            |words: &str| ErrorKind::from(&io::Error::new(io::ErrorKind::InvalidData, words));
        assert_eq!(hidden("invalid peer certificate: UnknownIssuer"), ErrorKind::Certificate);
        let expired = "error:0A000086: certificate verify failed: certificate has expired";
        assert_eq!(hidden(expired), ErrorKind::CertificateTime);
        assert_eq!(hidden("certificate is not yet valid"), ErrorKind::CertificateTime);
        assert_eq!(hidden("received fatal alert: CertificateRequired"), ErrorKind::Tls);
        assert_eq!(hidden("received fatal alert: CertificateExpired"), ErrorKind::Tls);
        assert_eq!(hidden("something else"), ErrorKind::Other);
        assert_eq!(hidden("endlessly lossless"), ErrorKind::Other);
        let cut = io::Error::new(io::ErrorKind::UnexpectedEof, "no TLS close_notify");
        assert_eq!(ErrorKind::from(&cut), ErrorKind::Ended);
        let deep = io::Error::other(io::Error::other("certificate verify failed"));
        assert_eq!(ErrorKind::from(&deep), ErrorKind::Certificate);
    }

    #[test]
    fn plain_io_errors_keep_their_kind() {
        let kind = |kind: io::ErrorKind| ErrorKind::from(&io::Error::from(kind));
        assert_eq!(kind(io::ErrorKind::ConnectionRefused), ErrorKind::Refused);
        assert_eq!(kind(io::ErrorKind::NetworkUnreachable), ErrorKind::Unreachable);
        assert_eq!(kind(io::ErrorKind::BrokenPipe), ErrorKind::Reset);
        assert_eq!(kind(io::ErrorKind::UnexpectedEof), ErrorKind::Ended);
        assert_eq!(kind(io::ErrorKind::TimedOut), ErrorKind::Timeout);
    }
}
