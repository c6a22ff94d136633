//! [`Dialer`]: from a request to a connection over a [`Network`].

use std::{net::IpAddr, path::PathBuf, sync::Arc, time::Duration};

use socket2::SockRef;
use websocket_heartbeat::{Established, Timer, TransportError};

#[cfg(feature = "rustls")]
use crate::tls::{Tls, TlsInfo};
use crate::{
    NativeStream, Network, RedirectError, Request, Socket, SocketOptions, Tuning,
    address_order::{AddressMemory, Addresses},
    proxy::{Proxies, Proxy},
    tcp, upgrade_waiting,
};

mod open_error;
mod race;
mod resolution;
mod route;
mod step;
mod tunnel;

use self::{
    resolution::{Family, Resolution},
    step::Observer,
};

pub use self::{open_error::OpenError, step::Step};

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

#[derive(Clone, Debug)]
struct Settings {
    tuning: Tuning,
    socket_options: SocketOptions,
    address_delay: Duration,
    resolution: Resolution,
    unix_socket: Option<PathBuf>,
    proxies: Proxies,
    redirects: u8,
    observer: Observer,
    #[cfg(feature = "rustls")]
    tls: Tls,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            tuning: Tuning::default(),
            socket_options: SocketOptions::default(),
            address_delay: Duration::from_millis(250),
            resolution: Resolution::default(),
            unix_socket: None,
            proxies: Proxies::none(),
            redirects: 0,
            observer: Observer::default(),
            #[cfg(feature = "rustls")]
            tls: Tls::default(),
        }
    }
}

impl Dialer {
    /// The longest wait for the body of a refusal, 500 ms. A body follows the head at once or one
    /// round trip later. A body that never ends must not hide the status.
    pub const BODY_WAIT: Duration = Duration::from_millis(500);

    /// The largest limit on [`redirects`](Self::redirects), 10: more are almost certainly a loop, and
    /// each of them takes time from the attempt.
    pub const MAX_REDIRECTS: u8 = 10;

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

    /// Sets the delay after which the next address of the host is tried too, while the earlier ones
    /// continue: the Connection Attempt Delay of RFC 8305.
    ///
    /// The default is 250 ms, as sections 5 and 8 of the RFC recommend: a healthy path usually
    /// answers earlier, and then no second socket is opened. The limits are those of the RFC: a
    /// value below 10 ms is taken as 10 ms, a value above 2 s as 2 s. Values below 100 ms are not
    /// recommended.
    #[must_use]
    pub fn address_delay(mut self, delay: Duration) -> Self {
        let delay = delay.clamp(Duration::from_millis(10), Duration::from_secs(2));
        Arc::make_mut(&mut self.settings).address_delay = delay;
        self
    }

    /// Uses only IPv4 addresses, of servers and of proxies. The default is both versions of IP, which
    /// race, see [`dial`](Self::dial). The last call of this and [`ipv6_only`](Self::ipv6_only)
    /// counts.
    ///
    /// A host that a proxy resolves is not affected. If a host has no such address, the attempt fails
    /// with [`ErrorKind::Dns`].
    ///
    /// [`ErrorKind::Dns`]: websocket_heartbeat::ErrorKind::Dns
    #[must_use]
    pub fn ipv4_only(mut self) -> Self {
        Arc::make_mut(&mut self.settings).resolution.family = Family::Ipv4;
        self
    }

    /// Uses only IPv6 addresses, see [`ipv4_only`](Self::ipv4_only).
    #[must_use]
    pub fn ipv6_only(mut self) -> Self {
        Arc::make_mut(&mut self.settings).resolution.family = Family::Ipv6;
        self
    }

    /// Sets the addresses of a host and port, in place of those of the resolver: for a test of one
    /// server behind a name, or before its name is published. TLS and the `Host` of the request
    /// still use the name. The last call for a host and port counts. Addresses of other hosts and
    /// ports are resolved as by default.
    ///
    /// The host is that of [`Request::host`], without regard to case, or that of a proxy. A host that
    /// a proxy resolves is not affected.
    ///
    /// ```
    /// use websocket_heartbeat_tungstenite::Dialer;
    ///
    /// let dialer = Dialer::new().resolve_to("example.org", 443, ["192.0.2.7".parse()?]);
    /// # let _ = dialer;
    /// # Ok::<(), std::net::AddrParseError>(())
    /// ```
    #[must_use]
    pub fn resolve_to(
        mut self,
        host: &str,
        port: u16,
        addresses: impl IntoIterator<Item = IpAddr>,
    ) -> Self {
        let addresses = addresses.into_iter().collect();
        Arc::make_mut(&mut self.settings).resolution.set(host, port, addresses);
        self
    }

    /// Connects through the Unix domain socket at this path, for servers on this machine. The URL
    /// still gives the scheme, the `Host` and the path of the request, and its host is not
    /// resolved.
    ///
    /// ```
    /// use websocket_heartbeat_tungstenite::{Dialer, Request};
    ///
    /// let dialer = Dialer::new().unix_socket("/run/feed.sock");
    /// // With the `dial` of a backend: GET /prices, Host: localhost, without TLS.
    /// let request = Request::new("ws://localhost/prices")?;
    /// # let _ = dialer;
    /// # Ok::<(), websocket_heartbeat_tungstenite::RequestError>(())
    /// ```
    ///
    /// The default is TCP. The backends have Unix sockets on Unix systems. Elsewhere, each attempt
    /// fails with [`ErrorKind::Url`], because no later attempt can succeed. The same holds for a
    /// [`Network`] that supports only [`Target::Tcp`](crate::Target::Tcp). If no socket exists at
    /// the path, the attempt fails with [`ErrorKind::Refused`].
    ///
    /// [`ErrorKind::Url`]: websocket_heartbeat::ErrorKind::Url
    /// [`ErrorKind::Refused`]: websocket_heartbeat::ErrorKind::Refused
    #[must_use]
    pub fn unix_socket(mut self, path: impl Into<PathBuf>) -> Self {
        Arc::make_mut(&mut self.settings).unix_socket = Some(path.into());
        self
    }

    /// Connects through a [`Proxy`](crate::proxy::Proxy), or through the one that [`Proxies`] choose
    /// for a request.
    ///
    /// The default is none, and the environment is not read: see the module
    /// [`proxy`](crate::proxy). A Unix socket is never reached through a proxy.
    #[must_use]
    pub fn proxy(mut self, proxies: impl Into<Proxies>) -> Self {
        Arc::make_mut(&mut self.settings).proxies = proxies.into();
        self
    }

    /// Sets how many redirects of the upgrade one attempt follows: answers with status 301, 302,
    /// 303, 307 or 308 and a valid `Location` of at most 8,000 bytes. A number above
    /// [`MAX_REDIRECTS`](Self::MAX_REDIRECTS) is taken as that.
    ///
    /// The default is zero: a redirect is a refusal with its status. RFC 6455 section 4.1 allows
    /// both. A server that can redirect can send the client to any host, so follow redirects only
    /// of servers that you trust.
    ///
    /// - From `wss` it is never followed to `ws` or `http`. `http` and `https` in a `Location` mean
    ///   `ws` and `wss`.
    /// - Another origin (scheme, host or port) gets of the header fields only `Origin` and
    ///   `User-Agent`: any other field can be a credential. The same holds for credentials in the
    ///   URL. Subprotocols are sent, because the server must choose one. So do not follow redirects
    ///   if a subprotocol contains a token. A client certificate is shown to each server that demands
    ///   one. Path and query are those of the `Location`.
    /// - Each host is resolved and reached as that of the first request, within the same attempt,
    ///   through the [`proxy`](Self::proxy) for it. A [`unix_socket`](Self::unix_socket) is used for each of them.
    /// - Nothing is remembered: the next attempt begins with the URL of its request, also after 301
    ///   and 308. Cookies of the answers are not sent.
    ///
    /// If a redirect cannot be followed, the source of the error is a [`RedirectError`].
    #[must_use]
    pub fn redirects(mut self, limit: u8) -> Self {
        Arc::make_mut(&mut self.settings).redirects = limit.min(Self::MAX_REDIRECTS);
        self
    }

    /// Calls a function at each step of each attempt, for a program that shows them or measures their
    /// times. The function must return quickly, since the attempt waits for it.
    #[must_use]
    pub fn on_step(mut self, observe: impl Fn(Step) + Send + Sync + 'static) -> Self {
        Arc::make_mut(&mut self.settings).observer = Observer::new(observe);
        self
    }

    /// Sets the TLS configuration for `wss://` and for `https://` proxies.
    #[cfg(feature = "rustls")]
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        Arc::make_mut(&mut self.settings).tls = tls;
        self
    }

    /// Makes one attempt: it resolves the host, opens a socket, performs the TLS handshake for
    /// `wss://`, and performs the upgrade. With [`redirects`](Self::redirects), it then follows
    /// them.
    ///
    /// The host is resolved again for each attempt. Its addresses race (RFC 8305): the next one is
    /// tried after the [`address_delay`](Self::address_delay), or at once when another one has
    /// failed. The first connection is used, and the others are abandoned. The order is: the
    /// address that worked last, then IPv6 and IPv4 alternately. After a failed attempt, the next
    /// attempt begins with another address: with the first one that was not tried, or the second
    /// one if all were tried. If the TLS handshake or the upgrade failed, it begins with the
    /// address after the one that was used.
    ///
    /// With a [`proxy`](Self::proxy), these are the addresses of the proxy. It resolves the host
    /// itself, unless its scheme is `socks5`: then this machine resolves the host, and the proxy is
    /// asked for one address after the other.
    ///
    /// The timer measures the delay between addresses, and limits the wait for the body of a
    /// refusal to [`BODY_WAIT`](Self::BODY_WAIT). There is no other time limit: the caller sets one
    /// for all steps together.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Dns`] if there is no address.
    /// - The errors of the sockets, with an [`OpenError`] as the source. If all addresses fail, it
    ///   has the error that says most about the server.
    /// - [`ErrorKind::Tls`], [`ErrorKind::Certificate`] or [`ErrorKind::CertificateTime`] if the
    ///   TLS handshake fails.
    /// - [`ErrorKind::Proxy`] or [`ErrorKind::ProxyAuth`] if a proxy refuses. The source of each error
    ///   at a proxy is a [`ProxyFailure`](crate::proxy::ProxyFailure). If the proxy cannot be
    ///   reached, the kind is the same as for a server.
    /// - The errors of [`upgrade`](crate::upgrade).
    /// - The refusal with a [`RedirectError`] as its source if a redirect cannot be followed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future abandons the attempt at once, with all its sockets.
    ///
    /// [`ErrorKind::Dns`]: websocket_heartbeat::ErrorKind::Dns
    /// [`ErrorKind::Tls`]: websocket_heartbeat::ErrorKind::Tls
    /// [`ErrorKind::Certificate`]: websocket_heartbeat::ErrorKind::Certificate
    /// [`ErrorKind::CertificateTime`]: websocket_heartbeat::ErrorKind::CertificateTime
    /// [`ErrorKind::Proxy`]: websocket_heartbeat::ErrorKind::Proxy
    /// [`ErrorKind::ProxyAuth`]: websocket_heartbeat::ErrorKind::ProxyAuth
    pub async fn dial<N: Network, T: Timer>(
        &self,
        request: &Request,
        network: &N,
        timer: &T,
    ) -> Result<Established<Socket<NativeStream<N::Stream>>>, TransportError> {
        let mut request = request.clone();
        let mut left = self.settings.redirects;
        loop {
            // The proxy may answer in place of the server.
            let proxy = self.settings.proxies.proxy_for(&request);
            request.hide(proxy.map(Proxy::secrets).unwrap_or_default());
            let error = match self.dial_origin(&request, network, timer).await {
                Ok(established) => return Ok(established),
                Err(error) => error,
            };
            let Some(location) = self.location(&error) else { return Err(error) };
            let next = match left.checked_sub(1) {
                Some(rest) => {
                    left = rest;
                    request.redirected(location)
                }
                None => Err(RedirectError::TooMany(self.settings.redirects)),
            };
            request = next.map_err(|reason| error.explained_by(reason))?;
        }
    }

    /// Makes one request to its host.
    async fn dial_origin<N: Network, T: Timer>(
        &self,
        request: &Request,
        network: &N,
        timer: &T,
    ) -> Result<Established<Socket<NativeStream<N::Stream>>>, TransportError> {
        #[cfg(not(feature = "rustls"))]
        if request.is_tls() {
            return Err(crate::RequestError::TlsMissing.into());
        }
        let route = self.stream(request, network, timer).await?;
        let stream = match request.is_tls() {
            #[cfg(feature = "rustls")]
            true => {
                let tls = self.settings.tls.connect(request.host(), route.socket).await?;
                self.settings.observer.report(|| Step::Tls(TlsInfo::of(tls.get_ref().1)));
                NativeStream::tls(tls)
            }
            _ => route.socket,
        };
        let body_wait = async {
            if let Some(deadline) = timer.now().checked_add(Self::BODY_WAIT) {
                timer.sleep_until(deadline).await;
            }
        };
        let tuning = self.settings.tuning;
        let upgraded = upgrade_waiting(stream, request, tuning, body_wait).await;
        let has_worked = match &upgraded {
            Ok(_) => true,
            Err(error) => self.location(error).is_some(),
        };
        if has_worked {
            route.addresses.into_iter().for_each(Addresses::worked);
        }
        let established = upgraded?;
        self.settings.observer.report(|| Step::Upgraded);
        let socket = SockRef::from(established.connection.stream().socket());
        let peer = socket.peer_addr().ok().and_then(|address| address.as_socket());
        let local = socket.local_addr().ok().and_then(|address| address.as_socket());
        self.settings.socket_options.apply_linger(&*socket);
        let established = established.peer_address(peer).local_address(local);
        Ok(established.map(|connection| {
            connection
                .with_bytes_written(NativeStream::bytes_below_tls)
                .with_unacknowledged(|stream| tcp::unacknowledged(stream.socket()))
        }))
    }

    /// The target of a redirect, unless redirects are refusals.
    fn location<'a>(&self, error: &'a TransportError) -> Option<&'a str> {
        let answer = error.http_answer().filter(|_| self.settings.redirects > 0)?;
        let is_redirect = matches!(answer.status, 301 | 302 | 303 | 307 | 308);
        answer.headers.get("location").filter(|_| is_redirect)
    }
}

#[cfg(test)]
mod tests;
