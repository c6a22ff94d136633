//! [`TlsFailure`]: why a TLS handshake failed.

use std::{error::Error, fmt, io};

/// A failure of the TLS handshake with a server: the [`source`](Error::source) of the error of the
/// attempt.
///
/// `Display` gives the problem in words, and the remedy. A program that has options for the settings
/// of TLS can add their names by the [`problem`](Self::problem).
///
/// ```
/// use std::error::Error;
///
/// use websocket_heartbeat::TransportError;
/// use websocket_heartbeat_tungstenite::tls::{TlsFailure, TlsProblem};
///
/// /// Whether adding an authority would help.
/// fn needs_an_authority(error: &TransportError) -> bool {
///     let failure = error.source().and_then(|source| source.downcast_ref::<TlsFailure>());
///     matches!(
///         failure.map(TlsFailure::problem),
///         Some(TlsProblem::SelfSigned | TlsProblem::UnknownIssuer)
///     )
/// }
/// # let _ = needs_an_authority;
/// ```
///
/// The failure of a handshake with a proxy is inside of a
/// [`ProxyFailure`](crate::proxy::ProxyFailure).
#[derive(Debug)]
pub struct TlsFailure {
    pub(super) problem: TlsProblem,
    pub(super) words: String,
    pub(super) source: io::Error,
}

/// The problem of a TLS handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TlsProblem {
    /// The certificate of the server is self-signed and not trusted. It can be added by
    /// [`authorities_pem`](crate::tls::TlsBuilder::authorities_pem).
    SelfSigned,
    /// The issuer of the server's certificate is not trusted. It can be added by
    /// [`authorities_pem`](crate::tls::TlsBuilder::authorities_pem).
    UnknownIssuer,
    /// The certificate of the server is that of an authority (`CA:TRUE`), which rustls accepts for no
    /// server, even if it is trusted. `openssl req -x509` makes such certificates by default.
    Authority,
    /// The certificate of the server is for another name, or the server does not know the name that
    /// was sent. [`Tls::server_name`](crate::tls::Tls::server_name) sets another one.
    Name,
    /// The certificate of the server has expired.
    Expired,
    /// The certificate of the server is not valid yet.
    NotValidYet,
    /// The certificate of the server is not acceptable for another reason.
    Certificate,
    /// The server requires a certificate from this client, or does not accept that of this client.
    /// [`client_certificate_pem`](crate::tls::TlsBuilder::client_certificate_pem) sets one. Some
    /// servers answer in the same way if there is no common cipher suite.
    ClientCertificate,
    /// The server does not speak TLS on this port.
    NotTls,
    /// Any other problem.
    Other,
}

impl TlsFailure {
    /// The problem.
    pub fn problem(&self) -> TlsProblem {
        self.problem
    }
}

impl fmt::Display for TlsFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl Error for TlsFailure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}
