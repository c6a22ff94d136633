//! Tests of the route of an attempt, over a network without sockets and in virtual time.

use std::{io, net::SocketAddr, sync::Mutex};

use socket2::{Domain, Type};
use websocket_heartbeat::ErrorKind;
use websocket_heartbeat_mock::{Clock, MockTimer, run};

use super::*;
use crate::Target;

/// The behaviour of an address, with its time in milliseconds.
#[derive(Clone, Copy)]
enum At {
    Accepts(u64),
    Fails(u64, io::ErrorKind),
    Silent,
}

use At::{Accepts, Fails, Silent};
use io::ErrorKind::{ConnectionRefused, NetworkUnreachable, TimedOut};

/// A host whose addresses have the ports 1, 2, 3 and so on.
struct Host {
    clock: Clock,
    timer: MockTimer,
    addresses: Vec<At>,
    resolves_after: u64,
    /// The time in milliseconds and the port of each socket.
    opened: Mutex<Vec<(u64, u16)>>,
    abandoned: Mutex<Vec<u16>>,
}

impl Host {
    fn new(addresses: &[At]) -> Self {
        let clock = Clock::new();
        Self {
            timer: clock.timer(),
            clock,
            addresses: addresses.into(),
            resolves_after: 0,
            opened: Mutex::default(),
            abandoned: Mutex::default(),
        }
    }

    fn now(&self) -> u64 {
        let now = self.clock.now().saturating_since(websocket_heartbeat::Timestamp::default());
        u64::try_from(now.as_millis()).unwrap()
    }

    async fn wait(&self, milliseconds: u64) {
        let wait = Duration::from_millis(milliseconds);
        self.timer.sleep_until(self.timer.now().checked_add(wait).unwrap()).await;
    }

    /// One attempt. The result is the port of the socket, or the error.
    fn attempt(&self, dialer: &Dialer) -> Result<u16, TransportError> {
        run(&self.clock, async {
            let route = dialer.route("example.org", 80, self, &self.timer).await?;
            let port = route.socket.port;
            route.addresses.into_iter().for_each(Addresses::worked);
            Ok(port)
        })
    }

    /// One attempt that is dropped after this time.
    fn dropped_attempt(&self, dialer: &Dialer, after: u64) {
        use futures::future::{Either, select};
        run(&self.clock, async {
            let route = std::pin::pin!(dialer.route("example.org", 80, self, &self.timer));
            let end = std::pin::pin!(self.wait(after));
            assert!(matches!(select(route, end).await, Either::Right(_)));
        });
    }

    fn take_opened(&self) -> Vec<(u64, u16)> {
        std::mem::take(&mut self.opened.lock().unwrap())
    }

    fn take_abandoned(&self) -> Vec<u16> {
        std::mem::take(&mut self.abandoned.lock().unwrap())
    }
}

impl Network for Host {
    type Stream = NoStream;

    async fn resolve(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        self.wait(self.resolves_after).await;
        let ports = (1..).zip(&self.addresses);
        Ok(ports.map(|(port, _)| ([192, 0, 2, 1], port).into()).collect())
    }

    async fn open(&self, target: Target, _: &SocketOptions) -> io::Result<NoStream> {
        struct Abandoned<'a>(&'a Host, Option<u16>);
        impl Drop for Abandoned<'_> {
            fn drop(&mut self) {
                self.0.abandoned.lock().unwrap().extend(self.1);
            }
        }
        let port = target.tcp()?.port();
        self.opened.lock().unwrap().push((self.now(), port));
        let mut abandoned = Abandoned(self, Some(port));
        let result = match self.addresses[usize::from(port) - 1] {
            Accepts(after) => {
                self.wait(after).await;
                Ok(NoStream::new(port))
            }
            Fails(after, kind) => {
                self.wait(after).await;
                Err(kind.into())
            }
            Silent => std::future::pending().await,
        };
        abandoned.1 = None;
        result
    }
}

/// A socket that is not connected.
struct NoStream {
    port: u16,
    socket: socket2::Socket,
}

impl NoStream {
    fn new(port: u16) -> Self {
        Self { port, socket: socket2::Socket::new(Domain::IPV4, Type::STREAM, None).unwrap() }
    }
}

mod no_stream {
    use std::{
        io,
        pin::Pin,
        task::{Context, Poll},
    };

    use futures_io::{AsyncRead, AsyncWrite};

    use super::NoStream;

    impl AsyncRead for NoStream {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &mut [u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for NoStream {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Pending
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }

        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    #[cfg(unix)]
    impl std::os::fd::AsFd for NoStream {
        fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
            self.socket.as_fd()
        }
    }

    #[cfg(windows)]
    impl std::os::windows::io::AsSocket for NoStream {
        fn as_socket(&self) -> std::os::windows::io::BorrowedSocket<'_> {
            self.socket.as_socket()
        }
    }
}

#[test]
fn a_silent_address_costs_the_delay_and_is_abandoned() {
    let host = Host::new(&[Silent, Accepts(20), Accepts(0)]);
    let dialer = Dialer::new();
    assert_eq!(host.attempt(&dialer).unwrap(), 2);
    assert_eq!((host.now(), host.take_opened()), (270, vec![(0, 1), (250, 2)]));
    assert_eq!(host.take_abandoned(), [1]);
    // The address that worked is first now.
    assert_eq!(host.attempt(&dialer).unwrap(), 2);
    assert_eq!((host.now(), host.take_opened()), (290, vec![(270, 2)]));
}

#[test]
fn an_address_that_fails_costs_no_delay() {
    let host = Host::new(&[Fails(0, ConnectionRefused), Fails(7, NetworkUnreachable), Accepts(1)]);
    assert_eq!(host.attempt(&Dialer::new()).unwrap(), 3);
    assert_eq!((host.now(), host.take_opened()), (8, vec![(0, 1), (0, 2), (7, 3)]));
}

#[test]
fn a_slow_address_still_wins_against_later_ones() {
    let host = Host::new(&[Accepts(400), Silent, Silent]);
    assert_eq!(host.attempt(&Dialer::new()).unwrap(), 1);
    assert_eq!((host.now(), host.take_opened()), (400, vec![(0, 1), (250, 2)]));
    assert_eq!(host.take_abandoned(), [2]);
    // A failure of the earlier one starts the third, and the delay begins again.
    let host = Host::new(&[Fails(300, TimedOut), Accepts(310), Silent, Silent]);
    assert_eq!(host.attempt(&Dialer::new()).unwrap(), 2);
    assert_eq!(host.take_opened(), [(0, 1), (250, 2), (300, 3), (550, 4)]);
}

#[test]
fn the_delay_is_a_setting_with_the_bounds_of_the_rfc() {
    for (set, kept) in [(0, 10), (10, 10), (100, 100), (2_000, 2_000), (9_999, 2_000)] {
        let host = Host::new(&[Silent, Accepts(0)]);
        let dialer = Dialer::new().address_delay(Duration::from_millis(set));
        host.attempt(&dialer).unwrap();
        assert_eq!(host.take_opened(), [(0, 1), (kept, 2)]);
    }
}

#[test]
fn one_address_sets_no_timer() {
    let host = Host::new(&[Accepts(0)]);
    let created = |host: &Host| host.clock.sleeps().created;
    host.attempt(&Dialer::new()).unwrap();
    let alone = created(&host);
    let host = Host::new(&[Accepts(0), Silent]);
    host.attempt(&Dialer::new()).unwrap();
    assert_eq!(created(&host), alone + 1);
}

#[test]
fn the_error_of_several_addresses_says_most_about_the_server() {
    let error = |addresses: &[At]| host_error(&Host::new(addresses));
    let refused = Fails(3, ConnectionRefused);
    let no_route = Fails(0, NetworkUnreachable);
    let (kind, port, words) = error(&[no_route, Fails(9, TimedOut), refused, refused]);
    assert_eq!((kind, port), (ErrorKind::Refused, 3));
    assert_eq!(words, "none of 4 addresses accepted a connection: 192.0.2.1:3: connection refused");
    assert_eq!(error(&[no_route, Fails(9, TimedOut)]).0, ErrorKind::Timeout);
    assert_eq!(error(&[refused, no_route]).0, ErrorKind::Refused);
    let permission = Fails(0, io::ErrorKind::PermissionDenied);
    assert_eq!(error(&[no_route, permission]).0, ErrorKind::Other);
    assert_eq!(error(&[no_route]).2, "192.0.2.1:1: network unreachable");
}

fn host_error(host: &Host) -> (ErrorKind, u16, String) {
    let error = host.attempt(&Dialer::new()).unwrap_err();
    let source = std::error::Error::source(&error).unwrap().downcast_ref::<OpenError>().unwrap();
    assert_eq!(source.tried(), host.addresses.len());
    (error.kind(), source.target().tcp().unwrap().port(), error.to_string())
}

#[test]
fn a_drop_abandons_all_addresses_and_the_next_attempt_begins_elsewhere() {
    let mut host = Host::new(&[Silent, Silent, Silent]);
    let dialer = Dialer::new();
    host.dropped_attempt(&dialer, 400);
    assert_eq!(host.take_opened(), [(0, 1), (250, 2)]);
    assert_eq!(host.take_abandoned(), [1, 2]);
    assert_eq!(host.clock.sleeps().alive, 0);
    // The third one was not tried. A clone shares the memory, even with other settings.
    let clone = dialer.clone().tuning(Tuning::low_memory());
    host.dropped_attempt(&clone, 1_000);
    assert_eq!(host.take_opened(), [(400, 3), (650, 1), (900, 2)]);
    assert_eq!(host.take_abandoned().len(), 3);
    // All were tried, so the second one of that order is first.
    host.addresses = vec![Accepts(0), Silent, Silent];
    assert_eq!(host.attempt(&clone).unwrap(), 1);
    assert_eq!(host.take_opened(), [(1_400, 1)]);
}

#[test]
fn all_addresses_fail_and_the_next_attempt_begins_with_the_second() {
    let refused = Fails(0, ConnectionRefused);
    let host = Host::new(&[refused, refused]);
    let dialer = Dialer::new();
    host.attempt(&dialer).unwrap_err();
    assert_eq!(host.take_opened(), [(0, 1), (0, 2)]);
    host.attempt(&dialer).unwrap_err();
    assert_eq!(host.take_opened(), [(0, 2), (0, 1)]);
    host.attempt(&Dialer::new()).unwrap_err();
    assert_eq!(host.take_opened(), [(0, 1), (0, 2)]);
}

#[test]
fn an_attempt_can_be_dropped_while_it_resolves() {
    let host = Host { resolves_after: 500, ..Host::new(&[Accepts(0)]) };
    let dialer = Dialer::new();
    host.dropped_attempt(&dialer, 499);
    assert_eq!(host.take_opened(), []);
    assert_eq!(host.attempt(&dialer).unwrap(), 1);
    assert_eq!(host.take_opened(), [(999, 1)]);
}

#[test]
fn a_host_without_addresses_is_a_dns_error() {
    for dialer in [Dialer::new(), Dialer::new().ipv6_only()] {
        let error = Host::new(&[]).attempt(&dialer).unwrap_err();
        let shown = (error.kind(), error.to_string());
        assert_eq!(shown, (ErrorKind::Dns, "the host has no address".to_owned()));
    }
}

/// The addresses of `example.org:80` and `example.org:81`, or the message of the error.
fn resolved(dialer: &Dialer, host: &Host) -> [Result<String, String>; 2] {
    [80, 81].map(|port| {
        let resolution = &dialer.settings.resolution;
        let found = run(&host.clock, resolution.addresses("example.org", port, host));
        let shown = |list: Vec<SocketAddr>| format!("{list:?}");
        found.map(shown).map_err(|error| format!("{}: {error}", error.kind()))
    })
}

#[test]
fn set_addresses_replace_those_of_the_resolver() {
    let host = Host::new(&[Accepts(0)]);
    let addresses = |list: [&str; 2]| list.map(|text| text.parse().unwrap());
    let dialer = Dialer::new().resolve_to("example.org", 81, addresses(["192.0.2.8", "::8"]));
    let dialer = dialer.resolve_to("EXAMPLE.org", 81, addresses(["192.0.2.9", "::9"]));
    let resolver = || Ok("[192.0.2.1:1]".to_owned());
    let set = Ok("[192.0.2.9:81, [::9]:81]".to_owned());
    assert_eq!(resolved(&dialer, &host), [resolver(), set]);
    let other = Dialer::new().resolve_to("example.com", 81, addresses(["::8", "::9"]));
    assert_eq!(resolved(&other, &host), [resolver(), resolver()]);
    let four = Ok("[192.0.2.9:81]".to_owned());
    assert_eq!(resolved(&dialer.clone().ipv4_only(), &host), [resolver(), four]);
    let none = Err("dns: the host has no IPv6 address, and IPv4 is not used".to_owned());
    let six = Ok("[[::9]:81]".to_owned());
    assert_eq!(resolved(&dialer.ipv4_only().ipv6_only(), &host), [none, six]);
}

#[test]
fn a_network_without_unix_sockets_fails_for_good() {
    let host = Host::new(&[Accepts(0)]);
    let dialer = Dialer::new().unix_socket("/run/feed.sock");
    let error = host.attempt(&dialer).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Url);
    let words = "/run/feed.sock: this network has no Unix domain sockets";
    assert_eq!((error.to_string().as_str(), host.take_opened()), (words, vec![]));
}

#[cfg(not(feature = "rustls"))]
#[test]
fn a_wss_url_opens_no_socket_without_tls() {
    let host = Host::new(&[Accepts(0)]);
    let request = Request::for_stream("wss://example.org").unwrap();
    let error = run(&host.clock, Dialer::new().dial(&request, &host, &host.timer)).err();
    assert_eq!(error.unwrap().kind(), ErrorKind::Url);
    assert_eq!(host.take_opened(), []);
}

#[test]
fn the_steps_of_an_attempt_are_reported_in_order() {
    let host = Host::new(&[Fails(5, ConnectionRefused), Accepts(10)]);
    let steps: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&steps);
    let dialer = Dialer::new().on_step(move |step| seen.lock().unwrap().push(step.to_string()));
    host.attempt(&dialer).unwrap();
    assert_eq!(
        *steps.lock().unwrap(),
        [
            "example.org has 192.0.2.1, 192.0.2.1",
            "opening 192.0.2.1:1",
            "192.0.2.1:1: connection refused",
            "opening 192.0.2.1:2",
            "opened 192.0.2.1:2",
        ]
    );
}
