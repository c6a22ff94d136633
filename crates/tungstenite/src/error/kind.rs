//! The [`ErrorKind`] of errors of a stream and of TLS.

use std::io;

use websocket_heartbeat::ErrorKind;

/// The kind of an error of a stream. An error of our rustls is recognized by its type, and others,
/// from a TLS stream of the caller, by their words.
pub(crate) fn io_kind(error: &io::Error) -> ErrorKind {
    #[cfg(feature = "rustls")]
    if let Some(kind) = rustls_kind_within(error) {
        return kind;
    }
    error.into()
}

/// The kind of an error of rustls inside an I/O error. An EOF without close_notify is not one.
#[cfg(feature = "rustls")]
fn rustls_kind_within(error: &io::Error) -> Option<ErrorKind> {
    let ended = error.kind() == io::ErrorKind::UnexpectedEof;
    let mut next: Option<&(dyn std::error::Error + 'static)> = match error.get_ref() {
        Some(inner) if !ended => Some(inner),
        _ => None,
    };
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref() {
            return Some(rustls_kind(error));
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
