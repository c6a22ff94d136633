//! Explanations of the alerts with which a server refuses a handshake (RFC 8446 section 6).

use futures_rustls::rustls::AlertDescription as Alert;

use super::spaced;

/// The explanation of an alert from the server with this name.
pub(super) fn words(host: &str, alert: Alert) -> String {
    let name = spaced(&alert);
    let set = "(TlsBuilder::client_certificate_pem)";
    match alert {
        Alert::CertificateRequired => {
            format!("the server requires a certificate from this client: set one {set}")
        }
        // Some servers send this if there is no certificate.
        Alert::BadCertificate => format!(
            "the server does not accept the certificate of this client, or requires one ({name}): \
             set the right one {set}"
        ),
        Alert::UnknownCA
        | Alert::UnsupportedCertificate
        | Alert::CertificateRevoked
        | Alert::CertificateExpired
        | Alert::CertificateUnknown
        | Alert::AccessDenied => format!(
            "the server does not accept the certificate of this client ({name}): set one of an \
             authority that the server trusts {set}"
        ),
        // With TLS 1.2, this is also the answer to a client without a certificate.
        Alert::HandshakeFailure | Alert::InsufficientSecurity => format!(
            "the server refused the TLS handshake ({name}): it requires a certificate from this \
             client {set}, or has no cipher suite in common with it"
        ),
        Alert::ProtocolVersion => format!(
            "the server and this client have no TLS version in common ({name}): this client \
             supports TLS 1.2 and 1.3"
        ),
        Alert::UnrecognisedName => format!(
            "the server does not know the host {host} ({name}): check the host, or set another \
             name (Tls::server_name)"
        ),
        Alert::NoApplicationProtocol => format!(
            "the server does not offer HTTP/1.1 over TLS ({name}): WebSocket needs it on this port"
        ),
        _ => format!("the server refused the TLS handshake ({name}): check the host and the port"),
    }
}
