//! [`Dialer`]: from a request to a connection, given a way to resolve names and to open a stream.

use std::{
    error::Error, fmt, future::Future, io, net::SocketAddr, pin::Pin, sync::Arc, time::Duration,
};

use futures_io::{AsyncRead, AsyncWrite};
use websocket_heartbeat::{ErrorKind, Established, TransportError};

#[cfg(feature = "rustls")]
use crate::Tls;
use crate::{Line, Request, Socket, Tuning, fault, upgrade_waiting};

/// How to get from a [`Request`] to a connection: tuning and TLS.
///
/// This is what a backend's transport is made of. A clone shares everything with the original, and
/// costs next to nothing.
#[derive(Clone, Debug, Default)]
pub struct Dialer {
    /// `None` stands for the defaults.
    settings: Option<Arc<Settings>>,
}

#[derive(Clone, Debug, Default)]
struct Settings {
    tuning: Tuning,
    #[cfg(feature = "rustls")]
    tls: Tls,
    sleep: Option<Sleep>,
}

/// A sleep of a backend, which begins when it is called.
pub type Sleep = fn(Duration) -> Pin<Box<dyn Future<Output = ()> + Send>>;

impl Dialer {
    /// How long the body of a refusal is waited for, 500 ms: it comes right behind the head or one
    /// round trip later, and the status must not wait for one that never ends.
    pub const BODY_WAIT: Duration = Duration::from_millis(500);

    /// The default [`Tuning`], and with the feature `rustls` the default `Tls`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets buffers and limits.
    #[must_use]
    pub fn tuning(mut self, tuning: Tuning) -> Self {
        self.settings().tuning = tuning;
        self
    }

    /// Sets how `wss://` is secured.
    #[cfg(feature = "rustls")]
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.settings().tls = tls;
        self
    }

    /// Sets how to sleep: a refusal's body is then waited for, [`BODY_WAIT`](Self::BODY_WAIT) at
    /// most. Without it, only what has arrived together with the head is taken. Backends set their
    /// own.
    #[must_use]
    pub fn sleep(mut self, sleep: Sleep) -> Self {
        self.settings().sleep = Some(sleep);
        self
    }

    fn settings(&mut self) -> &mut Settings {
        Arc::make_mut(self.settings.get_or_insert_default())
    }

    /// Makes one attempt: an address, a stream, TLS for `wss://`, the upgrade.
    ///
    /// `addresses` resolves the request's host afresh. They are tried in turn with `open` until one
    /// of them accepts; attempt `n`, counted from 0, begins with the `n`-th. So an address that
    /// swallows packets costs one attempt its time and does not keep the others from being tried.
    ///
    /// There is no time limit: whoever calls has one. Dropping the future abandons the attempt.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Dns`] if there is no address, that of the last address if none accepts,
    /// [`ErrorKind::Tls`], [`ErrorKind::Certificate`] or [`ErrorKind::CertificateTime`] if TLS
    /// fails, then those of [`upgrade`](crate::upgrade).
    pub async fn dial<S, F>(
        &self,
        request: &Request,
        attempt: u32,
        addresses: impl Future<Output = io::Result<Vec<SocketAddr>>>,
        open: impl Fn(SocketAddr) -> F,
    ) -> Result<Established<Socket<Line<S>>>, TransportError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
        F: Future<Output = io::Result<S>>,
    {
        #[cfg(not(feature = "rustls"))]
        if request.is_tls() {
            return Err(crate::RequestError::TlsMissing.into());
        }
        let settings = self.settings.as_deref().cloned().unwrap_or_default();
        let mut addresses =
            addresses.await.map_err(|e| TransportError::from_source(ErrorKind::Dns, e))?;
        let begin = attempt as usize % addresses.len().max(1);
        addresses.rotate_left(begin);
        let stream = first_open(&addresses, open).await?;
        let line = match request.is_tls() {
            #[cfg(feature = "rustls")]
            true => Line::tls(settings.tls.secure(request.host(), stream).await?),
            _ => Line::plain(stream),
        };
        let enough = async {
            if let Some(sleep) = settings.sleep {
                sleep(Self::BODY_WAIT).await;
            }
        };
        let established = upgrade_waiting(line, request, settings.tuning, enough).await?;
        Ok(established.map(|socket| socket.counting(Line::passed_on)))
    }
}

async fn first_open<S, F>(
    addresses: &[SocketAddr],
    open: impl Fn(SocketAddr) -> F,
) -> Result<S, TransportError>
where
    F: Future<Output = io::Result<S>>,
{
    let mut last = TransportError::new(ErrorKind::Dns, "the host has no address");
    for &address in addresses {
        match open(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => {
                let kind = fault::io_kind(&error);
                last = TransportError::from_source(kind, NotOpened { address, error });
            }
        }
    }
    Err(last)
}

/// Which address it was that did not accept.
#[derive(Debug)]
struct NotOpened {
    address: SocketAddr,
    error: io::Error,
}

impl fmt::Display for NotOpened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.address, self.error)
    }
}

impl Error for NotOpened {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use futures::executor::block_on;

    use super::*;

    fn tried(attempt: u32, ports: &[u16]) -> (Vec<u16>, TransportError) {
        let addresses = ports.iter().map(|&port| ([127, 0, 0, 1], port).into()).collect();
        let seen = RefCell::new(Vec::new());
        let open = async |address: SocketAddr| -> io::Result<futures::io::Cursor<Vec<u8>>> {
            seen.borrow_mut().push(address.port());
            Err(io::ErrorKind::ConnectionRefused.into())
        };
        let request = Request::new("ws://example.org").unwrap();
        let dialer = Dialer::new();
        let dial = dialer.dial(&request, attempt, async { Ok(addresses) }, open);
        let error = block_on(dial).unwrap_err();
        (seen.into_inner(), error)
    }

    #[test]
    fn every_address_is_tried_and_each_attempt_begins_with_the_next() {
        assert_eq!(tried(0, &[1, 2, 3]).0, [1, 2, 3]);
        assert_eq!(tried(4, &[1, 2, 3]).0, [2, 3, 1]);
        let (_, error) = tried(0, &[1, 2]);
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert_eq!(error.to_string(), "refused: 127.0.0.1:2: connection refused");
    }

    #[cfg(not(feature = "rustls"))]
    #[test]
    fn without_tls_nothing_is_opened_for_a_wss_url() {
        let request = Request::for_stream("wss://example.org").unwrap();
        let dialer = Dialer::new();
        let open = async |_| -> io::Result<futures::io::Cursor<Vec<u8>>> { unreachable!() };
        let dial = dialer.dial(&request, 0, async { unreachable!() }, open);
        assert_eq!(block_on(dial).unwrap_err().kind(), ErrorKind::Url);
    }

    #[test]
    fn a_host_without_addresses_is_a_fault_of_dns() {
        assert_eq!(tried(1, &[]).1.kind(), ErrorKind::Dns);
    }
}
