//! [`Dialer`]: from a request to a connection, given a way to resolve names and to open a stream.

use std::{
    error::Error, fmt, future::Future, io, net::SocketAddr, pin::Pin, sync::Arc, time::Duration,
};

use futures_io::{AsyncRead, AsyncWrite};
use websocket_heartbeat::{ErrorKind, Established, TransportError};

#[cfg(feature = "rustls")]
use crate::Tls;
use crate::{
    Line, Request, Socket, Tuning,
    address_order::{Attempt, Memory},
    error::io_kind,
    tcp, upgrade_waiting,
};

/// How to get from a [`Request`] to a connection: tuning and TLS.
///
/// This is what a backend's transport is made of. It remembers which address of a host worked, of the
/// last 16 hosts. A clone shares everything with the original, also what is remembered, and costs
/// next to nothing: make one dialer, and clone it for each attempt.
#[derive(Clone, Debug, Default)]
pub struct Dialer {
    /// `None` stands for the defaults.
    settings: Option<Arc<Settings>>,
    memory: Memory,
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

    /// Takes charge of the socket below a connection that was just opened: from now on a drop throws
    /// away what was written and has not been delivered, and resets the connection, unless the
    /// socket was [ended](crate::tcp::end) before. Sets [`Tuning::unsent_limit`] as well. For
    /// backends.
    ///
    /// It is done as far as the operating system can: what it refuses is left as it was.
    pub fn adopt(&self, socket: &impl tcp::Handle) {
        let _ = tcp::give_up_on_drop(socket);
        let tuning = self.settings.as_deref().map_or_else(Tuning::new, |settings| settings.tuning);
        if let Some(bytes) = tuning.unsent() {
            let _ = tcp::limit_unsent(socket, bytes);
        }
    }

    /// Makes one attempt: an address, a stream, TLS for `wss://`, the upgrade.
    ///
    /// `addresses` resolves the request's host afresh. They are tried in turn with `open` until one
    /// of them accepts: the one that worked last comes first, then the others, IPv6 and IPv4 in turn.
    /// An attempt after one that failed begins with another address: with the second, where all
    /// failed, else with the one behind the address at which the attempt ended. So an address that
    /// swallows packets costs one attempt its time and does not keep the others from being tried.
    /// The order does not depend on the number of the attempt.
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
        _attempt: u32,
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
        let addresses =
            addresses.await.map_err(|e| TransportError::from_source(ErrorKind::Dns, e))?;
        let mut attempt = self.memory.attempt(request.host(), request.port(), addresses);
        let stream = first_open(&mut attempt, open).await?;
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
        attempt.worked();
        Ok(established.map(|socket| socket.counting(Line::passed_on)))
    }
}

async fn first_open<S, F>(
    attempt: &mut Attempt<'_>,
    open: impl Fn(SocketAddr) -> F,
) -> Result<S, TransportError>
where
    F: Future<Output = io::Result<S>>,
{
    let mut last = TransportError::new(ErrorKind::Dns, "the host has no address");
    while let Some(address) = attempt.next() {
        match open(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => {
                let kind = io_kind(&error);
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

    /// What a dialer tries, where nothing listens.
    fn tried(dialer: &Dialer, ports: &[u16]) -> (Vec<u16>, TransportError) {
        let addresses = ports.iter().map(|&port| ([127, 0, 0, 1], port).into()).collect();
        let seen = RefCell::new(Vec::new());
        let open = async |address: SocketAddr| -> io::Result<futures::io::Cursor<Vec<u8>>> {
            seen.borrow_mut().push(address.port());
            Err(io::ErrorKind::ConnectionRefused.into())
        };
        let request = Request::new("ws://example.org").unwrap();
        let dial = dialer.dial(&request, 7, async { Ok(addresses) }, open);
        let error = block_on(dial).unwrap_err();
        (seen.into_inner(), error)
    }

    #[test]
    fn every_address_is_tried_and_a_failed_attempt_begins_with_the_next() {
        let dialer = Dialer::new();
        let (first, error) = tried(&dialer, &[1, 2]);
        assert_eq!(first, [1, 2]);
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert_eq!(error.to_string(), "refused: 127.0.0.1:2: connection refused");
        // A clone has learned the same, also where its settings are others.
        assert_eq!(tried(&dialer.clone().tuning(Tuning::many()), &[1, 2]).0, [2, 1]);
        assert_eq!(tried(&Dialer::new(), &[1, 2]).0, [1, 2]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_adopted_socket_holds_as_much_unsent_as_was_set() {
        use socket2::SockRef;
        use std::net::{TcpListener, TcpStream};

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        for (dialer, limit) in [
            (Dialer::new(), None),
            (Dialer::new().tuning(Tuning::many().unsent_limit(Some(5_000))), Some(5_000)),
            (Dialer::new().tuning(Tuning::new().unsent_limit(Some(0))), Some(1)),
            (Dialer::new().tuning(Tuning::new().unsent_limit(Some(usize::MAX))), Some(u32::MAX)),
            (Dialer::new().tuning(Tuning::new().unsent_limit(None)), None),
        ] {
            let stream = TcpStream::connect(address).unwrap();
            let before = SockRef::from(&stream).tcp_notsent_lowat().unwrap();
            dialer.adopt(&stream);
            let after = SockRef::from(&stream).tcp_notsent_lowat().unwrap();
            assert_eq!(after, limit.unwrap_or(before));
        }
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
        assert_eq!(tried(&Dialer::new(), &[]).1.kind(), ErrorKind::Dns);
    }
}
