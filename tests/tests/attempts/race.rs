//! The addresses of a host: those that race, and the one in use.

use std::{
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use websocket_heartbeat_tests::{Backend, expect, serve_one};
use websocket_heartbeat_tungstenite::{Dialer, Network, Request, SocketOptions, Target};

/// The sockets of a backend, and a host with these addresses.
pub(crate) struct Resolving<N> {
    pub(crate) network: N,
    pub(crate) addresses: Vec<SocketAddr>,
}

impl<N: Network + Sync> Network for Resolving<N> {
    type Stream = N::Stream;

    async fn resolve(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(self.addresses.clone())
    }

    async fn open(&self, target: Target, options: &SocketOptions) -> io::Result<N::Stream> {
        self.network.open(target, options).await
    }
}

/// Accepts one WebSocket, and returns the client's address when the client has ended.
fn serve() -> (SocketAddr, std::thread::JoinHandle<SocketAddr>) {
    serve_one(|stream| {
        let client = stream.peer_addr().unwrap();
        let mut socket = tungstenite::accept(stream).unwrap();
        while socket.read().is_ok() {}
        client
    })
}

pub(crate) async fn a_silent_address_costs_the_delay<B: Backend>() {
    #[cfg(target_os = "linux")]
    {
        use crate::phase::{Hanging, Phase};

        let silent = Hanging::start(Phase::Connect, 1);
        let silent_address = silent.url["ws://".len()..].trim_end_matches('/').parse().unwrap();
        let (address, server) = serve();
        let addresses = vec![silent_address, address];
        let network = Resolving { network: B::Network::default(), addresses };
        let delay = Duration::from_millis(300);
        let dialer = Dialer::new().address_delay(delay);
        let request = Request::new("ws://example.org/").unwrap();
        let begun = Instant::now();
        let established = dialer.dial(&request, &network, &B::timer()).await.unwrap();
        assert!(begun.elapsed() >= delay - Duration::from_millis(5), "{:?}", begun.elapsed());
        assert_eq!(established.peer_address, Some(address));
        drop(established);
        server.join().unwrap();
        silent.finish();
    }
}

pub(crate) async fn a_session_reports_the_addresses_of_its_socket<B: Backend>() {
    let (address, server) = serve();
    let request = Request::new(&format!("ws://{address}/")).unwrap();
    let mut supervisor = B::connect(request).build().unwrap();
    let open = expect::connected(&mut supervisor).await;
    drop(supervisor);
    assert_eq!(open.peer_address, Some(address));
    assert_eq!(open.local_address, Some(server.join().unwrap()));
}
