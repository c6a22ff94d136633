//! [`Tls`]: `wss://` by rustls, for all runtimes.

use std::{
    fmt, io,
    pin::Pin,
    sync::{Arc, LazyLock},
    task::{Context, Poll},
};

use futures_io::{AsyncRead, AsyncWrite};
use futures_rustls::{
    TlsConnector,
    rustls::{self, ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName},
};
use websocket_heartbeat::{ErrorKind, TransportError};

use crate::{error, read_budget::ReadBudget};

/// The TLS configuration for `wss://`.
///
/// The default is rustls with TLS 1.2 and 1.3, ring as the provider of cryptography, and Mozilla's
/// root certificates. The process-wide default provider of rustls is not used, because rustls
/// panics if none is installed.
#[derive(Clone, Default)]
pub struct Tls {
    config: Option<Arc<ClientConfig>>,
}

impl Tls {
    /// The default configuration. It is built once and shared by the whole process.
    pub fn new() -> Self {
        Self::default()
    }

    /// Uses your rustls configuration: other roots, a client certificate, another provider.
    ///
    /// The type is that of rustls 0.23. This is the only function of this crate whose signature
    /// depends on the version of rustls.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use futures_rustls::rustls::{self, ClientConfig, RootCertStore, pki_types::CertificateDer};
    /// use websocket_heartbeat_tungstenite::{Dialer, Tls};
    ///
    /// /// Trusts one private authority and nothing else.
    /// fn trusting(authority: CertificateDer<'static>) -> Result<Tls, rustls::Error> {
    ///     let mut roots = RootCertStore::empty();
    ///     roots.add(authority)?;
    ///     let provider = Arc::new(rustls::crypto::ring::default_provider());
    ///     let config = ClientConfig::builder_with_provider(provider)
    ///         .with_safe_default_protocol_versions()?
    ///         .with_root_certificates(roots)
    ///         .with_no_client_auth();
    ///     Ok(Tls::from_rustls(Arc::new(config)))
    /// }
    ///
    /// # fn dialer(authority: CertificateDer<'static>) -> Result<Dialer, rustls::Error> {
    /// let dialer = Dialer::new().tls(trusting(authority)?);
    /// # Ok(dialer)
    /// # }
    /// ```
    pub fn from_rustls(config: Arc<ClientConfig>) -> Self {
        Self { config: Some(config) }
    }

    /// Performs the TLS handshake over a stream.
    pub(crate) async fn connect<S>(
        &self,
        host: &str,
        stream: S,
    ) -> Result<TlsStream<S>, TransportError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let config = match &self.config {
            Some(config) => config.clone(),
            None => mozilla()?,
        };
        // The zone of an IPv6 address has a meaning on this machine only.
        let host = host.split('%').next().unwrap_or_default();
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| TransportError::from_source(ErrorKind::Url, error))?;
        let counted = CountedStream::new(stream);
        let connected = TlsConnector::from(config).connect(name, counted).await;
        connected.map_err(|error| error::tls::handshake(host, error))
    }
}

/// The default configuration, with Mozilla's roots.
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

/// A stream with TLS over another one.
pub(crate) type TlsStream<S> = futures_rustls::client::TlsStream<CountedStream<S>>;

/// A stream below TLS. It counts the bytes that it accepts, and it pauses after each
/// [`ReadBudget`], because a peer can send endless records that contain no data, for example
/// session tickets.
pub(crate) struct CountedStream<S> {
    below: S,
    written: u64,
    budget: ReadBudget,
}

impl<S> CountedStream<S> {
    fn new(below: S) -> Self {
        Self { below, written: 0, budget: ReadBudget::new() }
    }

    pub(crate) fn below(&self) -> &S {
        &self.below
    }

    pub(crate) fn written(&self) -> u64 {
        self.written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for CountedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if self.budget.is_exhausted(cx.waker()) {
            return Poll::Pending;
        }
        let read = Pin::new(&mut self.below).poll_read(cx, buffer);
        match read {
            Poll::Ready(Ok(count)) => self.budget.spend(count),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.budget.renew(),
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for CountedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.below).poll_write(cx, buffer);
        if let Poll::Ready(Ok(count)) = written {
            self.written += count as u64;
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.below).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.below).poll_close(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        task::{Wake, Waker},
    };

    use super::*;

    #[derive(Default)]
    struct Calls(AtomicUsize);

    impl Wake for Calls {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_read_pauses_after_its_budget_however_much_the_peer_sends() {
        let calls = Arc::new(Calls::default());
        let waker = Waker::from(calls.clone());
        let mut cx = Context::from_waker(&waker);
        let mut stream = CountedStream::new(futures::io::repeat(0x17));
        for turn in 1..4 {
            let mut reads = 0;
            while Pin::new(&mut stream).poll_read(&mut cx, &mut [0; 64]).is_ready() {
                reads += 1;
            }
            assert_eq!((reads, calls.0.load(Ordering::Relaxed)), (32, turn));
        }
    }
}
