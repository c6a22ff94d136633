//! [`TlsInfo`]: the result of a TLS handshake.

use std::fmt;

use futures_rustls::rustls::{ClientConnection, HandshakeKind, ProtocolVersion};

/// The result of a TLS handshake, for a program that shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsInfo {
    /// The version: `TLS 1.2` or `TLS 1.3`.
    pub version: &'static str,
    /// The name of the cipher suite, for example `TLS13_AES_256_GCM_SHA384`,
    /// as rustls writes it.
    pub cipher_suite: &'static str,
    /// The protocol that the server selected by ALPN (RFC 7301).
    pub protocol: Option<String>,
    /// A session of an earlier connection was resumed.
    pub resumed: bool,
    /// The certificates of the server in DER (X.509), that of the server first.
    pub certificates: Vec<Vec<u8>>,
}

impl TlsInfo {
    pub(crate) fn of(connection: &ClientConnection) -> Self {
        let version = match connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
            Some(ProtocolVersion::TLSv1_3) => "TLS 1.3",
            _ => "TLS",
        };
        let suite = connection.negotiated_cipher_suite();
        let name = suite.and_then(|suite| suite.suite().as_str()).unwrap_or("unknown");
        let protocol = connection.alpn_protocol();
        let certificates = connection.peer_certificates().unwrap_or_default();
        Self {
            version,
            cipher_suite: name,
            protocol: protocol.map(|name| String::from_utf8_lossy(name).into_owned()),
            resumed: connection.handshake_kind() == Some(HandshakeKind::Resumed),
            certificates: certificates.iter().map(|certificate| certificate.to_vec()).collect(),
        }
    }
}

/// For example `TLS 1.3, TLS13_AES_256_GCM_SHA384`.
impl fmt::Display for TlsInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let resumed = if self.resumed { ", resumed" } else { "" };
        write!(f, "{}, {}{resumed}", self.version, self.cipher_suite)
    }
}
