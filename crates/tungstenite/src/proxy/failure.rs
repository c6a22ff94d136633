//! [`ProxyFailure`]: why an attempt failed at a proxy.

use std::{error::Error, fmt, io};

use websocket_heartbeat::{ErrorKind, TransportError};

use super::Proxy;
use crate::error::io_kind;

/// A failure of an attempt at a proxy: the [`source`](Error::source) of the
/// [`TransportError`]. It contains no credentials.
///
/// ```
/// use std::error::Error;
///
/// use websocket_heartbeat::TransportError;
/// use websocket_heartbeat_tungstenite::proxy::{ProxyFailure, ProxyProblem};
///
/// /// Whether the proxy, and not the server, forbids the connection.
/// fn is_forbidden(error: &TransportError) -> bool {
///     let failure = error.source().and_then(|source| source.downcast_ref::<ProxyFailure>());
///     matches!(
///         failure.map(ProxyFailure::problem),
///         Some(ProxyProblem::Refused { status: 403, .. })
///     )
/// }
/// # let _ = is_forbidden;
/// ```
#[derive(Debug)]
pub struct ProxyFailure {
    proxy: String,
    problem: ProxyProblem,
}

/// The problem at a proxy.
#[derive(Debug)]
#[non_exhaustive]
pub enum ProxyProblem {
    /// The proxy cannot be reached. The error of the attempt has the kind of the inner error.
    Connect(TransportError),
    /// The TLS handshake with an `https` proxy failed. The error of the attempt has the kind of the
    /// inner error.
    Tls(TransportError),
    /// The connection to the proxy broke before its answer was complete.
    Broken(io::Error),
    /// The proxy ended the connection before its answer was complete.
    Ended,
    /// The answer is not that of a proxy of this protocol.
    Malformed,
    /// The answer is longer than 16 KiB.
    TooLong,
    /// An HTTP proxy refused the tunnel.
    Refused {
        /// The status of the proxy's answer.
        status: u16,
        /// The reason phrase of the proxy, at most 100 characters, without control characters and
        /// secrets. It may be empty.
        reason: Box<str>,
    },
    /// A SOCKS5 proxy refused the tunnel with this reply (RFC 1928 section 6).
    SocksReply(u8),
    /// The proxy needs credentials, and none are set.
    CredentialsMissing,
    /// The proxy refused the credentials.
    CredentialsRefused,
    /// The proxy accepts only authentication that this client does not have. These are the schemes
    /// of an HTTP proxy; there are none for SOCKS5.
    AuthenticationUnsupported(Vec<Box<str>>),
}

impl ProxyFailure {
    /// The problem.
    pub fn problem(&self) -> &ProxyProblem {
        &self.problem
    }

    /// The scheme, the host and the port of the proxy, as in its `Display`.
    pub fn proxy(&self) -> &str {
        &self.proxy
    }

    /// The error of an attempt through this proxy.
    pub(crate) fn error(proxy: &Proxy, problem: ProxyProblem) -> TransportError {
        let kind = problem.kind();
        TransportError::from_source(kind, Self { proxy: proxy.to_string(), problem })
    }
}

impl ProxyProblem {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Connect(error) | Self::Tls(error) => error.kind(),
            Self::Broken(error) => io_kind(error),
            Self::Ended => ErrorKind::Ended,
            Self::CredentialsMissing
            | Self::CredentialsRefused
            | Self::AuthenticationUnsupported(_) => ErrorKind::ProxyAuth,
            Self::Malformed | Self::TooLong | Self::Refused { .. } | Self::SocksReply(_) => {
                ErrorKind::Proxy
            }
        }
    }
}

impl fmt::Display for ProxyFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.proxy, self.problem)
    }
}

impl fmt::Display for ProxyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => write!(f, "cannot connect to the proxy: {}", message(error)),
            Self::Tls(error) => match error.kind() {
                ErrorKind::Certificate | ErrorKind::CertificateTime => {
                    write!(f, "the TLS handshake with the proxy failed: {}", message(error))
                }
                // The words of other errors are about the URL of the server.
                _ => f.write_str(
                    "the TLS handshake with the proxy failed: check that its port speaks TLS \
                     (https://), and not plain HTTP (http://)",
                ),
            },
            Self::Broken(error) => {
                write!(f, "the connection to the proxy broke before its answer: {error}")
            }
            Self::Ended => f.write_str(
                "the proxy ended the connection before its answer: check its port and scheme",
            ),
            Self::Malformed => f.write_str(
                "the answer is not that of such a proxy: check the port and the scheme of the proxy",
            ),
            Self::TooLong => f.write_str("the proxy's answer is longer than 16 KiB"),
            Self::Refused { status, reason } => {
                write!(f, "the proxy refused: {status}")?;
                if reason.is_empty() { Ok(()) } else { write!(f, " {reason}") }
            }
            Self::SocksReply(reply) => {
                write!(f, "the proxy {} (SOCKS5 reply {reply})", reply_meaning(*reply))
            }
            Self::CredentialsMissing => {
                f.write_str("the proxy needs credentials: set user and password in its URL")
            }
            Self::CredentialsRefused => {
                f.write_str("the proxy refused the credentials: check user and password")
            }
            Self::AuthenticationUnsupported(schemes) if schemes.is_empty() => {
                f.write_str("the proxy accepts neither a password nor a client without one")
            }
            Self::AuthenticationUnsupported(schemes) => write!(
                f,
                "the proxy accepts no password by Basic authentication, but only {}",
                schemes.join(", ")
            ),
        }
    }
}

/// The message without the kind, which the error of the attempt shows.
fn message(error: &TransportError) -> String {
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}

/// The meaning of a reply (RFC 1928 section 6).
fn reply_meaning(reply: u8) -> &'static str {
    match reply {
        1 => "failed",
        2 => "does not allow this connection",
        3 => "cannot reach the network of the server",
        4 => "cannot reach the server",
        5 => "was refused by the server",
        6 => "got no answer from the server: time to live expired",
        7 => "does not support connections (CONNECT)",
        8 => "does not support this type of address",
        _ => "failed for a reason that RFC 1928 does not define",
    }
}

impl Error for ProxyFailure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.problem {
            ProxyProblem::Connect(error) | ProxyProblem::Tls(error) => Some(error),
            ProxyProblem::Broken(error) => Some(error),
            _ => None,
        }
    }
}
