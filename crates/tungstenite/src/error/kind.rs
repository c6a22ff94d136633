//! The [`ErrorKind`] of errors of a stream and of TLS.

use std::{error::Error, io};

use websocket_heartbeat::ErrorKind;

/// The kind of an error of a stream.
pub(crate) fn io_kind(error: &io::Error) -> ErrorKind {
    use io::ErrorKind as Io;
    // TLS libraries wrap permanent errors in I/O errors. An EOF without close_notify is not one.
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

/// The kind of an error, for example inside an I/O error, if it, or one of its sources, comes from TLS.
///
/// An error of our rustls is recognized by its type. Other errors are recognized by their text,
/// because the caller can provide any TLS stream. All of them contain "certificate": rustls has
/// "invalid peer certificate", OpenSSL "certificate verify failed", and SChannel and Secure
/// Transport have similar texts. An alert is different: with it the peer refuses this client.
pub(super) fn tls_kind(error: &(dyn Error + 'static)) -> Option<ErrorKind> {
    let mut next = Some(error);
    while let Some(error) = next {
        #[cfg(feature = "rustls")]
        if let Some(error) = error.downcast_ref::<futures_rustls::rustls::Error>() {
            return Some(rustls_kind(error));
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

/// The kind of an error of rustls.
#[cfg(feature = "rustls")]
pub(crate) fn rustls_kind(error: &futures_rustls::rustls::Error) -> ErrorKind {
    use futures_rustls::rustls::{CertificateError, Error as Tls};

    match error {
        Tls::InvalidCertificate(
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. },
        ) => ErrorKind::CertificateTime,
        Tls::InvalidCertificate(_)
        | Tls::NoCertificatesPresented
        | Tls::UnsupportedNameType
        | Tls::InvalidCertRevocationList(_) => ErrorKind::Certificate,
        _ => ErrorKind::Tls,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificate_errors_are_found_inside_io_errors() {
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
