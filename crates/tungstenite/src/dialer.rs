//! [`Dialer`]: from a request to a connection over a [`Network`].

use std::{error::Error, fmt, io, net::SocketAddr, sync::Arc, time::Duration};

use websocket_heartbeat::{ErrorKind, Established, Timer, TransportError};

#[cfg(feature = "rustls")]
use crate::Tls;
use crate::{
    NativeStream, Network, Request, Socket, SocketOptions, Target, Tuning,
    address_order::{AddressMemory, Addresses},
    error::{from_resolver, io_kind},
    tcp, upgrade_waiting,
};

/// Makes connections for [`Request`]s. It holds the tuning, the TLS configuration and the options
/// of sockets.
///
/// A dialer remembers which address of a host worked, for the last 16 hosts. A clone shares all
/// data with the original, also these addresses, and costs little. So make one dialer, and clone it
/// for each attempt.
#[derive(Clone, Debug, Default)]
pub struct Dialer {
    settings: Arc<Settings>,
    memory: AddressMemory,
}

#[derive(Clone, Debug, Default)]
struct Settings {
    tuning: Tuning,
    socket_options: SocketOptions,
    #[cfg(feature = "rustls")]
    tls: Tls,
}

impl Dialer {
    /// The longest wait for the body of a refusal, 500 ms. A body follows the head at once or one
    /// round trip later. A body that never ends must not hide the status.
    pub const BODY_WAIT: Duration = Duration::from_millis(500);

    /// A dialer with the default [`Tuning`], [`SocketOptions`] and, with the feature `rustls`,
    /// `Tls`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the sizes of buffers and the limits on received data.
    #[must_use]
    pub fn tuning(mut self, tuning: Tuning) -> Self {
        Arc::make_mut(&mut self.settings).tuning = tuning;
        self
    }

    /// Sets the options of sockets.
    #[must_use]
    pub fn socket_options(mut self, options: SocketOptions) -> Self {
        Arc::make_mut(&mut self.settings).socket_options = options;
        self
    }

    /// Sets the TLS configuration for `wss://`.
    #[cfg(feature = "rustls")]
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        Arc::make_mut(&mut self.settings).tls = tls;
        self
    }

    /// Makes one attempt: it resolves the host, opens a socket, performs the TLS handshake for
    /// `wss://`, and performs the upgrade.
    ///
    /// The host is resolved again for each attempt. The addresses are tried one after the other
    /// until one accepts: first the address that worked last, then IPv6 and IPv4 alternately.
    /// After a failed attempt, the next attempt begins with another address: with the second one if
    /// all failed, otherwise with the one after the address at which the attempt ended. So an
    /// address that drops all packets costs one attempt, and the other addresses are still tried.
    ///
    /// The timer limits the wait for the body of a refusal to [`BODY_WAIT`](Self::BODY_WAIT). There
    /// is no other time limit: the caller sets one.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Dns`] if there is no address.
    /// - The error of the last address if none accepts.
    /// - [`ErrorKind::Tls`], [`ErrorKind::Certificate`] or [`ErrorKind::CertificateTime`] if the
    ///   TLS handshake fails.
    /// - The errors of [`upgrade`](crate::upgrade).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future abandons the attempt at once.
    pub async fn dial<N: Network, T: Timer>(
        &self,
        request: &Request,
        network: &N,
        timer: &T,
    ) -> Result<Established<Socket<NativeStream<N::Stream>>>, TransportError> {
        #[cfg(not(feature = "rustls"))]
        if request.is_tls() {
            return Err(crate::RequestError::TlsMissing.into());
        }
        let resolved = network.resolve(request.host(), request.port()).await;
        let resolved = resolved.map_err(from_resolver)?;
        let mut addresses = self.memory.addresses(request.host(), request.port(), resolved);
        let socket = self.open_first(network, &mut addresses).await?;
        let stream = match request.is_tls() {
            #[cfg(feature = "rustls")]
            true => NativeStream::tls(self.settings.tls.connect(request.host(), socket).await?),
            _ => NativeStream::plain(socket),
        };
        let body_wait = async {
            if let Some(deadline) = timer.now().checked_add(Self::BODY_WAIT) {
                timer.sleep_until(deadline).await;
            }
        };
        let tuning = self.settings.tuning;
        let established = upgrade_waiting(stream, request, tuning, body_wait).await?;
        addresses.worked();
        self.settings.socket_options.apply_linger(established.connection.stream().socket());
        Ok(established.map(|connection| {
            connection
                .with_bytes_written(NativeStream::bytes_below_tls)
                .with_unacknowledged(|stream| tcp::unacknowledged(stream.socket()))
        }))
    }

    /// Opens a socket to the first address that accepts.
    async fn open_first<N: Network>(
        &self,
        network: &N,
        addresses: &mut Addresses<'_>,
    ) -> Result<N::Stream, TransportError> {
        let options = &self.settings.socket_options;
        let mut last = TransportError::new(ErrorKind::Dns, "the host has no address");
        while let Some(address) = addresses.next() {
            match network.open(Target::Tcp(address), options).await {
                Ok(stream) => return Ok(stream),
                Err(error) => {
                    let kind = io_kind(&error);
                    last = TransportError::from_source(kind, OpenError { address, error });
                }
            }
        }
        Err(last)
    }
}

/// The error of one address.
#[derive(Debug)]
struct OpenError {
    address: SocketAddr,
    error: io::Error,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.address, self.error)
    }
}

impl Error for OpenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures::executor::block_on;
    use websocket_heartbeat::FuturesTimer;

    use super::*;

    /// Refuses all connections.
    struct Refusing {
        addresses: Vec<SocketAddr>,
        opened: Mutex<Vec<u16>>,
    }

    impl Network for Refusing {
        type Stream = async_net::TcpStream;

        async fn resolve(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
            Ok(self.addresses.clone())
        }

        async fn open(&self, target: Target, _: &SocketOptions) -> io::Result<Self::Stream> {
            self.opened.lock().unwrap().push(target.tcp()?.port());
            Err(io::ErrorKind::ConnectionRefused.into())
        }
    }

    /// The ports that a dialer tries, and the error.
    fn refused(dialer: &Dialer, url: &str, ports: &[u16]) -> (Vec<u16>, TransportError) {
        let addresses = ports.iter().map(|&port| ([127, 0, 0, 1], port).into()).collect();
        let network = Refusing { addresses, opened: Mutex::default() };
        let request = Request::for_stream(url).unwrap();
        let error = block_on(dialer.dial(&request, &network, &FuturesTimer::new())).unwrap_err();
        (network.opened.into_inner().unwrap(), error)
    }

    const URL: &str = "ws://example.org";

    #[test]
    fn all_addresses_are_tried_and_the_next_attempt_begins_elsewhere() {
        let dialer = Dialer::new();
        let (ports, error) = refused(&dialer, URL, &[1, 2]);
        assert_eq!(ports, [1, 2]);
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert_eq!(error.to_string(), "127.0.0.1:2: connection refused");
        // A clone shares the memory, even with other settings.
        let clone = dialer.clone().tuning(Tuning::low_memory());
        assert_eq!(refused(&clone, URL, &[1, 2]).0, [2, 1]);
        assert_eq!(refused(&Dialer::new(), URL, &[1, 2]).0, [1, 2]);
    }

    #[cfg(not(feature = "rustls"))]
    #[test]
    fn a_wss_url_opens_no_socket_without_tls() {
        let (ports, error) = refused(&Dialer::new(), "wss://example.org", &[1]);
        assert_eq!((ports.len(), error.kind()), (0, ErrorKind::Url));
    }

    #[test]
    fn a_host_without_addresses_is_a_dns_error() {
        assert_eq!(refused(&Dialer::new(), URL, &[]).1.kind(), ErrorKind::Dns);
    }
}
