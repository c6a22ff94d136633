//! [`Tls`]: the TLS configuration of a client.

use std::{
    fmt,
    sync::{Arc, LazyLock},
};

use futures_io::{AsyncRead, AsyncWrite};
use futures_rustls::{
    TlsConnector,
    rustls::{ClientConfig, pki_types::ServerName},
};
use websocket_heartbeat::{ErrorKind, TransportError};

use super::{
    config,
    error::{SkippedRoot, TlsError},
    roots::mozilla,
    stream::{CountedStream, TlsStream},
    verifier,
};
use crate::error;

/// The TLS configuration for `wss://`.
///
/// The default is rustls with TLS 1.2 and 1.3, ring as the provider of cryptography, and Mozilla's
/// root certificates. [`builder`](Self::builder) makes one with other authorities or with a client
/// certificate, and [`from_rustls`](Self::from_rustls) takes your own configuration of rustls. The
/// process-wide default provider of rustls is neither used nor installed.
///
/// The server's certificate must be valid for the host of the URL, which may be an IP address, or for
/// [`server_name`](Self::server_name). The protocol `http/1.1` is offered by ALPN (RFC 7301), because
/// the upgrade is a request of HTTP/1.1.
///
/// A clone shares the configuration and its TLS sessions, and so do all attempts of a transport: a
/// reconnection resumes the session of the connection before, if the server permits it. A server's
/// certificate is not verified again when a session is resumed.
///
/// # Examples
///
/// A server with a certificate of a private authority, which requires a client certificate:
///
/// ```no_run
/// use std::fs;
///
/// use websocket_heartbeat_tungstenite::{
///     Dialer,
///     tls::{Roots, Tls},
/// };
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let tls = Tls::builder()
///     .roots(Roots::None) // trust only the private authority
///     .authorities_pem(fs::read("authority.pem")?)?
///     .client_certificate_pem(fs::read("client.pem")?, fs::read("client.key")?)?
///     .build()?;
/// let dialer = Dialer::new().tls(tls);
/// # drop(dialer);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Tls {
    own: Option<Own>,
    name: Option<ServerName<'static>>,
}

/// A configuration other than the default.
#[derive(Clone)]
struct Own {
    config: Arc<ClientConfig>,
    skipped: Arc<[SkippedRoot]>,
}

impl Tls {
    /// The default configuration. It is built once and shared by the whole process.
    pub fn new() -> Self {
        Self::default()
    }

    /// Uses your rustls configuration unchanged: other versions, a list of revoked certificates, a
    /// key in hardware, another provider of cryptography.
    ///
    /// The type is that of rustls 0.23, which the module [`tls`](crate::tls) re-exports. This is the
    /// only function of this crate whose signature depends on the version of rustls. Offer `http/1.1`
    /// or nothing by ALPN.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use websocket_heartbeat_tungstenite::tls::{
    ///     Tls,
    ///     rustls::{self, ClientConfig, RootCertStore, pki_types::CertificateDer, version::TLS13},
    /// };
    ///
    /// /// Trusts one authority and speaks only TLS 1.3.
    /// fn only_tls13(authority: CertificateDer<'static>) -> Result<Tls, rustls::Error> {
    ///     let mut roots = RootCertStore::empty();
    ///     roots.add(authority)?;
    ///     let provider = Arc::new(rustls::crypto::ring::default_provider());
    ///     let config = ClientConfig::builder_with_provider(provider)
    ///         .with_protocol_versions(&[&TLS13])?
    ///         .with_root_certificates(roots)
    ///         .with_no_client_auth();
    ///     Ok(Tls::from_rustls(Arc::new(config)))
    /// }
    /// ```
    pub fn from_rustls(config: Arc<ClientConfig>) -> Self {
        Self::with_config(config, Vec::new())
    }

    pub(super) fn with_config(config: Arc<ClientConfig>, skipped: Vec<SkippedRoot>) -> Self {
        Self { own: Some(Own { config, skipped: skipped.into() }), name: None }
    }

    /// Sets the name that the server's certificate must be for, in place of the host of the URL: a
    /// domain name, or an IP address. A domain name is also sent to the server (SNI, RFC 6066 section
    /// 3). This is for a URL with an address or an internal host, such as a tunnel.
    ///
    /// The `Host` of the request stays that of the URL.
    ///
    /// # Errors
    ///
    /// [`TlsError::ServerName`] if it is neither a domain name in ASCII nor an IP address.
    pub fn server_name(mut self, name: &str) -> Result<Self, TlsError> {
        let name = ServerName::try_from(name.to_owned()).map_err(|_| TlsError::ServerName)?;
        self.name = Some(name);
        Ok(self)
    }

    /// Returns the root certificates of the operating system that could not be read, for a log. It is
    /// empty without `Roots::System`.
    ///
    /// A server whose authority was skipped is not trusted. The others are not affected.
    pub fn skipped_roots(&self) -> &[SkippedRoot] {
        self.own.as_ref().map_or(&[], |own| &own.skipped)
    }

    /// Performs the TLS handshake with a server over a stream.
    pub(crate) async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        host: &str,
        stream: S,
    ) -> Result<TlsStream<S>, TransportError> {
        let name = self.name.clone().map_or_else(|| name(host), Ok)?;
        self.handshake(name, stream).await
    }

    /// The same with a proxy, whose certificate must be for its own host.
    pub(crate) async fn connect_to_proxy<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        host: &str,
        stream: S,
    ) -> Result<TlsStream<S>, TransportError> {
        self.handshake(name(host)?, stream).await
    }

    async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        name: ServerName<'static>,
        stream: S,
    ) -> Result<TlsStream<S>, TransportError> {
        let config = self.own.as_ref().map_or_else(shared, |own| own.config.clone());
        let expected = name.to_str().into_owned();
        let below = CountedStream::new(stream);
        let connected = TlsConnector::from(config).connect(name, below).await;
        let mut stream = connected.map_err(|error| error::tls::handshake(&expected, error))?;
        stream.get_mut().0.report_write_errors();
        Ok(stream)
    }
}

/// The name of a host in a certificate.
fn name(host: &str) -> Result<ServerName<'static>, TransportError> {
    // The zone of an IPv6 address has a meaning on this machine only.
    let host = host.split('%').next().unwrap_or_default();
    ServerName::try_from(host.to_owned())
        .map_err(|error| TransportError::from_source(ErrorKind::Url, error))
}

/// The default configuration.
fn shared() -> Arc<ClientConfig> {
    static CONFIG: LazyLock<Arc<ClientConfig>> =
        LazyLock::new(|| Arc::new(config::config(verifier::for_roots(mozilla()), None)));
    CONFIG.clone()
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("own_config", &self.own.is_some())
            .field("server_name", &self.name.as_ref().map(ServerName::to_str))
            .field("skipped_roots", &self.skipped_roots().len())
            .finish()
    }
}
