//! [`Tls`]: `wss://` by rustls, one way for all runtimes.

mod words;

use std::{
    fmt, io,
    pin::Pin,
    sync::{Arc, LazyLock},
    task::{Context, Poll},
};

use futures_io::{AsyncRead, AsyncWrite};
use futures_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{self, ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName},
};
use websocket_heartbeat::{ErrorKind, TransportError};

pub(crate) use self::words::{kind, words_within};

/// How `wss://` is secured.
///
/// The default is rustls with ring as the provider of cryptography and Mozilla's root certificates,
/// TLS 1.2 and 1.3. rustls' process-wide default provider is never asked for, since that panics
/// where none is installed.
#[derive(Clone, Default)]
pub struct Tls {
    config: Option<Arc<ClientConfig>>,
}

impl Tls {
    /// The default, see above. It is built once and shared by the whole process.
    pub fn new() -> Self {
        Self::default()
    }

    /// A configuration of one's own: other roots, a client certificate, another provider.
    ///
    /// This constructor follows rustls' versions (it takes 0.23's type): it is the one thing here
    /// whose signature may change when rustls' major version does.
    pub fn from_rustls(config: Arc<ClientConfig>) -> Self {
        Self { config: Some(config) }
    }

    pub(crate) async fn secure<S>(
        &self,
        host: &str,
        stream: S,
    ) -> Result<Secured<S>, TransportError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let config = match &self.config {
            Some(config) => config.clone(),
            None => mozilla()?,
        };
        // The zone of an IPv6 address means something to this machine only.
        let host = host.split('%').next().unwrap_or_default();
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| TransportError::from_source(ErrorKind::Url, error))?;
        let stream = Counted { stream, written: 0 };
        let connected = TlsConnector::from(config).connect(name, stream).await;
        connected.map_err(|error| words::explained(host, error))
    }
}

fn mozilla() -> Result<Arc<ClientConfig>, TransportError> {
    static CONFIG: LazyLock<Result<Arc<ClientConfig>, rustls::Error>> = LazyLock::new(|| {
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Arc::new(config))
    });
    CONFIG.clone().map_err(|error| TransportError::from_source(ErrorKind::Tls, error))
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("own_config", &self.config.is_some()).finish()
    }
}

/// A stream with TLS.
pub(crate) type Secured<S> = TlsStream<Counted<S>>;

/// A stream that counts what it accepts.
pub(crate) struct Counted<S> {
    stream: S,
    written: u64,
}

impl<S> Counted<S> {
    pub(crate) fn stream(&self) -> &S {
        &self.stream
    }

    pub(crate) fn written(&self) -> u64 {
        self.written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buffer);
        if let Poll::Ready(Ok(count)) = written {
            self.written += count as u64;
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(cx)
    }
}
