//! The stream of an attempt: a socket to the server, or a tunnel through a proxy.

use websocket_heartbeat::{ErrorKind, Timer, TransportError};

use super::{Dialer, Step, route::Route};
use crate::{
    NativeStream, Network, Request,
    proxy::{Destination, Protocol, Proxy, ProxyFailure, ProxyProblem, open_tunnel},
};

/// The stream of an attempt through `N`, before the TLS and the upgrade of the server.
type Stream<N> = NativeStream<<N as Network>::Stream>;

impl Dialer {
    /// Opens a stream to the server of a request.
    pub(super) async fn stream<'a, N: Network, T: Timer>(
        &'a self,
        request: &'a Request,
        network: &N,
        timer: &T,
    ) -> Result<Route<'a, Stream<N>>, TransportError> {
        let proxy = self.settings.proxies.proxy_for(request);
        match proxy.filter(|_| self.settings.unix_socket.is_none()) {
            // Boxed, so that attempts without a proxy do not need its memory.
            Some(proxy) if proxy.protocol() == Protocol::Socks5 => {
                Box::pin(self.tunnel_by_address(proxy, request, network, timer)).await
            }
            Some(proxy) => {
                let destination = Destination::Host(request.host(), request.port());
                let tunnel = Box::pin(self.tunnel(proxy, destination, network, timer)).await;
                tunnel.map_err(|problem| ProxyFailure::error(proxy, problem))
            }
            None => {
                let route = self.route(request.host(), request.port(), network, timer).await?;
                Ok(Route { socket: NativeStream::plain(route.socket), addresses: route.addresses })
            }
        }
    }

    /// Resolves the host of the server and asks the proxy for a tunnel to one of its addresses, one
    /// after the other: a proxy ends its connection after a refusal.
    async fn tunnel_by_address<'a, N: Network, T: Timer>(
        &'a self,
        proxy: &'a Proxy,
        request: &'a Request,
        network: &N,
        timer: &T,
    ) -> Result<Route<'a, Stream<N>>, TransportError> {
        let (host, port) = (request.host(), request.port());
        let resolved = self.settings.resolution.addresses(host, port, network).await?;
        let mut addresses = self.memory.addresses(host, port, resolved);
        let mut last = TransportError::new(ErrorKind::Dns, "the host has no address");
        while let Some(address) = addresses.next() {
            let destination = Destination::Address(address);
            match self.tunnel(proxy, destination, network, timer).await {
                Ok(mut route) => {
                    addresses.connected(address);
                    route.addresses.push(addresses);
                    return Ok(route);
                }
                // Only a reply is about the server.
                Err(problem @ ProxyProblem::SocksReply(_)) => {
                    last = ProxyFailure::error(proxy, problem);
                }
                Err(problem) => return Err(ProxyFailure::error(proxy, problem)),
            }
        }
        Err(last)
    }

    /// Connects to the proxy, with TLS if its URL says so, and asks for a tunnel.
    async fn tunnel<'a, N: Network, T: Timer>(
        &'a self,
        proxy: &'a Proxy,
        destination: Destination<'_>,
        network: &N,
        timer: &T,
    ) -> Result<Route<'a, Stream<N>>, ProxyProblem> {
        let route = self.route(proxy.host(), proxy.port(), network, timer).await;
        let Route { socket, addresses } = route.map_err(ProxyProblem::Connect)?;
        let mut stream = NativeStream::plain(socket);
        #[cfg(feature = "rustls")]
        if proxy.protocol() == Protocol::Https {
            let tls = self.settings.tls.connect_to_proxy(proxy.host(), stream).await;
            stream = NativeStream::tls(tls.map_err(ProxyProblem::Tls)?);
        }
        open_tunnel(&mut stream, proxy, destination).await?;
        self.settings.observer.report(|| Step::Tunnel);
        Ok(Route { socket: stream, addresses })
    }
}
