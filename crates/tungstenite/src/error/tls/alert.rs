//! Explanations of the alerts with which a server refuses a handshake (RFC 8446 section 6).

use futures_rustls::rustls::AlertDescription as Alert;

use super::{Explanation, TlsProblem, spaced};

/// The explanation of an alert from the server with this name.
pub(super) fn explanation(host: &str, alert: Alert) -> Explanation {
    let name = spaced(&alert);
    match alert {
        Alert::CertificateRequired => (
            TlsProblem::ClientCertificate,
            "the server requires a certificate from this client: set one".to_owned(),
        ),
        // Some servers send this if there is no certificate.
        Alert::BadCertificate => (
            TlsProblem::ClientCertificate,
            format!(
                "the server does not accept the certificate of this client, or requires one \
                 ({name}): set the right one"
            ),
        ),
        Alert::UnknownCA
        | Alert::UnsupportedCertificate
        | Alert::CertificateRevoked
        | Alert::CertificateExpired
        | Alert::CertificateUnknown
        | Alert::AccessDenied => (
            TlsProblem::ClientCertificate,
            format!(
                "the server does not accept the certificate of this client ({name}): set one of an \
                 authority that the server trusts"
            ),
        ),
        // With TLS 1.2, this is also the answer to a client without a certificate.
        Alert::HandshakeFailure | Alert::InsufficientSecurity => (
            TlsProblem::ClientCertificate,
            format!(
                "the server refused the TLS handshake ({name}): it has no cipher suite in common \
                 with this client, or requires a certificate from this client"
            ),
        ),
        Alert::ProtocolVersion => (
            TlsProblem::Other,
            format!(
                "the server and this client have no TLS version in common ({name}): this client \
                 supports TLS 1.2 and 1.3"
            ),
        ),
        Alert::UnrecognisedName => (
            TlsProblem::Name,
            format!(
                "the server does not know the host {host} ({name}): check the host, or set another \
                 name"
            ),
        ),
        Alert::NoApplicationProtocol => (
            TlsProblem::Other,
            format!(
                "the server does not offer HTTP/1.1 over TLS ({name}): WebSocket needs it on this \
                 port"
            ),
        ),
        _ => (
            TlsProblem::Other,
            format!("the server refused the TLS handshake ({name}): check the host and the port"),
        ),
    }
}
