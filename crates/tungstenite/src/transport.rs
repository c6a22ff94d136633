//! [`NetworkTransport`]: the transport of every native backend.

use std::{future::Future, net::IpAddr, path::PathBuf, pin::Pin, time::Duration};

use websocket_heartbeat::{
    Attempt, Builder, Established, Supervisor, Timer, Transport, TransportError,
};

#[cfg(feature = "rustls")]
use crate::Tls;
use crate::{
    Dialer, NativeStream, Network, Request, RequestError, Socket, Tuning, proxy::Proxies,
    tcp::SocketOptions,
};

/// A [`Transport`] over the sockets of a [`Network`]. It makes the same [`Request`] at each
/// attempt.
///
/// Each attempt resolves the name again, and its addresses race, see [`Dialer::dial`]. Nagle's
/// algorithm is off by default, see [`SocketOptions`].
///
/// For a request that changes from attempt to attempt, see [`Dialer::dial`] and
/// [`transport_fn`](websocket_heartbeat::transport_fn).
///
/// # Drop behaviour
///
/// A dropped connection is reset at once, without blocking: bytes that were written and not
/// delivered are discarded. Bytes that have arrived at the server may still be read there. After a
/// flushed close handshake, a drop discards nothing. A Unix socket cannot be reset: what was
/// written is delivered.
#[derive(Clone, Debug)]
pub struct NetworkTransport<N, T> {
    request: Request,
    dialer: Dialer,
    network: N,
    timer: T,
}

impl<N: Default, T: Default> NetworkTransport<N, T> {
    /// A transport for this request, with the default [`Dialer`].
    pub fn new(request: Request) -> Self {
        Self::with_network(N::default(), T::default(), request)
    }
}

impl<N, T> NetworkTransport<N, T> {
    /// A transport for this request over the given network, with the default [`Dialer`].
    ///
    /// The timer measures short waits within an attempt, see [`Dialer::dial`].
    pub fn with_network(network: N, timer: T, request: Request) -> Self {
        Self { request, dialer: Dialer::new(), network, timer }
    }

    fn with(self, set: impl FnOnce(Dialer) -> Dialer) -> Self {
        Self { dialer: set(self.dialer), ..self }
    }

    /// Sets the sizes of buffers and the limits on received data.
    #[must_use]
    pub fn tuning(self, tuning: Tuning) -> Self {
        self.with(|dialer| dialer.tuning(tuning))
    }

    /// Sets the options of the socket.
    #[must_use]
    pub fn socket_options(self, options: SocketOptions) -> Self {
        self.with(|dialer| dialer.socket_options(options))
    }

    /// Sets the delay after which the next address of the host is tried too, see
    /// [`Dialer::address_delay`]. The default is 250 ms.
    #[must_use]
    pub fn address_delay(self, delay: Duration) -> Self {
        self.with(|dialer| dialer.address_delay(delay))
    }

    /// Uses only IPv4 addresses, see [`Dialer::ipv4_only`].
    #[must_use]
    pub fn ipv4_only(self) -> Self {
        self.with(|dialer| dialer.ipv4_only())
    }

    /// Uses only IPv6 addresses, see [`Dialer::ipv6_only`].
    #[must_use]
    pub fn ipv6_only(self) -> Self {
        self.with(|dialer| dialer.ipv6_only())
    }

    /// Sets the addresses of a host and port, see [`Dialer::resolve_to`].
    #[must_use]
    pub fn resolve_to(
        self,
        host: &str,
        port: u16,
        addresses: impl IntoIterator<Item = IpAddr>,
    ) -> Self {
        self.with(|dialer| dialer.resolve_to(host, port, addresses))
    }

    /// Sets how many redirects of the upgrade one attempt follows, see [`Dialer::redirects`]. The
    /// default is zero: a redirect is a refusal.
    #[must_use]
    pub fn redirects(self, limit: u8) -> Self {
        self.with(|dialer| dialer.redirects(limit))
    }

    /// Connects through the Unix domain socket at this path, see [`Dialer::unix_socket`]. The URL
    /// still gives the scheme, the `Host` and the path of the request.
    #[must_use]
    pub fn unix_socket(self, path: impl Into<PathBuf>) -> Self {
        self.with(|dialer| dialer.unix_socket(path))
    }

    /// Connects through a proxy, see [`Dialer::proxy`].
    #[must_use]
    pub fn proxy(self, proxies: impl Into<Proxies>) -> Self {
        self.with(|dialer| dialer.proxy(proxies))
    }

    /// Sets the TLS configuration for `wss://` and for `https://` proxies. [`Tls`] shows how
    /// to make one.
    ///
    /// ```
    /// use websocket_heartbeat_tungstenite::{NetworkTransport, Request, RequestError, Tls};
    ///
    /// /// `N` and `T` are those of a backend, for example of `SmolTransport` or `TokioTransport`.
    /// fn secure_transport<N, T>(tls: Tls) -> Result<NetworkTransport<N, T>, RequestError>
    /// where
    ///     N: Default,
    ///     T: Default,
    /// {
    ///     let request = Request::new("wss://internal.example.org/feed")?;
    ///     Ok(NetworkTransport::new(request).tls(tls))
    /// }
    /// ```
    #[cfg(feature = "rustls")]
    #[must_use]
    pub fn tls(self, tls: Tls) -> Self {
        self.with(|dialer| dialer.tls(tls))
    }
}

impl<N, T> Transport for NetworkTransport<N, T>
where
    N: Network<Stream: Send> + Clone + Send + Sync + 'static,
    T: Timer<Sleep: Send> + Clone + Send + Sync + 'static,
{
    type Connection = Socket<NativeStream<N::Stream>>;
    type Connect =
        Pin<Box<dyn Future<Output = Result<Established<Self::Connection>, TransportError>> + Send>>;

    fn connect(&mut self, _: Attempt) -> Self::Connect {
        let Self { request, dialer, network, timer } = self.clone();
        Box::pin(async move { dialer.dial(&request, &network, &timer).await })
    }
}

/// Starts the settings of a session over a [`Network`]. The `connect` functions of the backends
/// call this.
///
/// The request is a URL or a [`Request`]. Nothing is sent before the supervisor is polled.
///
/// # Errors
///
/// If the URL cannot work in any attempt.
pub fn connect<N, T, R>(
    network: N,
    timer: T,
    request: R,
) -> Result<Builder<NetworkTransport<N, T>, T>, RequestError>
where
    NetworkTransport<N, T>: Transport,
    T: Timer + Clone,
    R: TryInto<Request, Error: Into<RequestError>>,
{
    let request = request.try_into().map_err(Into::into)?;
    let transport = NetworkTransport::with_network(network, timer.clone(), request);
    Ok(Supervisor::builder(transport, timer))
}
