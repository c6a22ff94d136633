//! [`Tls`]: `wss://` by rustls, one way for all runtimes.

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

use crate::{error, read_budget::Turn};

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
        let stream = Counted::new(stream);
        let connected = TlsConnector::from(config).connect(name, stream).await;
        connected.map_err(|error| error::tls::explained(host, error))
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

/// A stream that counts what it accepts, and pauses after each [`Turn`] of reading: a peer can send
/// without end what means something to TLS alone, such as session tickets.
pub(crate) struct Counted<S> {
    stream: S,
    written: u64,
    turn: Turn,
}

impl<S> Counted<S> {
    fn new(stream: S) -> Self {
        Self { stream, written: 0, turn: Turn::new() }
    }

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
        if self.turn.is_over(cx.waker()) {
            return Poll::Pending;
        }
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        match read {
            Poll::Ready(Ok(count)) => self.turn.note(count),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.turn.renew(),
        }
        read
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
    fn records_without_end_do_not_keep_a_poll_busy() {
        let calls = Arc::new(Calls::default());
        let waker = Waker::from(calls.clone());
        let mut cx = Context::from_waker(&waker);
        let mut stream = Counted::new(futures::io::repeat(0x17));
        for turn in 1..4 {
            let mut reads = 0;
            while Pin::new(&mut stream).poll_read(&mut cx, &mut [0; 64]).is_ready() {
                reads += 1;
            }
            assert_eq!((reads, calls.0.load(Ordering::Relaxed)), (32, turn));
        }
    }
}
