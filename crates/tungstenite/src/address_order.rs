//! The order in which the addresses of a host are tried, from the results of earlier attempts.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

/// The number of hosts that are remembered. A client that fails over between hosts has a few; the
/// bound protects clients that generate host names.
const HOSTS: usize = 16;

/// The results of attempts at hosts. A clone shares them.
#[derive(Clone, Debug, Default)]
pub(crate) struct AddressMemory {
    /// The most recently used host first.
    hosts: Arc<Mutex<Vec<Host>>>,
}

#[derive(Debug)]
struct Host {
    name: String,
    port: u16,
    first: First,
}

/// The address that the next attempt begins with.
#[derive(Clone, Copy, Debug)]
enum First {
    /// The address that worked last. The others follow in their order.
    Worked(SocketAddr),
    /// An address after one that failed. The addresses before it move to the end.
    AfterFailed(SocketAddr),
}

impl AddressMemory {
    /// The addresses of a host for one attempt, in the order in which they are to be tried.
    pub(crate) fn addresses<'a>(
        &'a self,
        name: &'a str,
        port: u16,
        resolved: Vec<SocketAddr>,
    ) -> Addresses<'a> {
        let first = self.with(|hosts| {
            let host = hosts.iter().find(|host| host.is(name, port));
            host.map(|host| host.first)
        });
        let order = order(resolved, first);
        Addresses { memory: self, name, port, order, position: Position::Racing(0) }
    }

    fn remember(&self, name: &str, port: u16, first: First) {
        self.with(|hosts| {
            match hosts.iter().position(|host| host.is(name, port)) {
                Some(at) => {
                    hosts[at].first = first;
                    hosts[..=at].rotate_right(1);
                }
                None => hosts.insert(0, Host { name: name.to_owned(), port, first }),
            }
            hosts.truncate(HOSTS);
        });
    }

    fn with<T>(&self, run: impl FnOnce(&mut Vec<Host>) -> T) -> T {
        run(&mut self.hosts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Host {
    fn is(&self, name: &str, port: u16) -> bool {
        self.name == name && self.port == port
    }
}

/// The addresses of one attempt. When this is dropped, the memory keeps the result of the attempt.
pub(crate) struct Addresses<'a> {
    memory: &'a AddressMemory,
    name: &'a str,
    port: u16,
    order: Vec<SocketAddr>,
    position: Position,
}

/// The progress of an attempt.
#[derive(Clone, Copy)]
enum Position {
    /// This many addresses were tried. None has led to a connection yet.
    Racing(usize),
    /// The address with this index has a connection.
    Connected(usize),
    /// The attempt has succeeded at this index.
    Worked(usize),
}

impl Addresses<'_> {
    /// The address to try next, or `None` if all were tried.
    pub(crate) fn next(&mut self) -> Option<SocketAddr> {
        let Position::Racing(tried) = self.position else { return None };
        let address = self.order.get(tried).copied()?;
        self.position = Position::Racing(tried + 1);
        Some(address)
    }

    /// Whether there is an address that was not tried.
    pub(crate) fn has_next(&self) -> bool {
        matches!(self.position, Position::Racing(tried) if tried < self.order.len())
    }

    /// The attempt continues with a connection to this address.
    pub(crate) fn connected(&mut self, address: SocketAddr) {
        if let Some(at) = self.order.iter().position(|tried| *tried == address) {
            self.position = Position::Connected(at);
        }
    }

    /// The attempt has succeeded at the connected address.
    pub(crate) fn worked(mut self) {
        if let Position::Connected(at) = self.position {
            self.position = Position::Worked(at);
        }
    }
}

impl Drop for Addresses<'_> {
    fn drop(&mut self) {
        let count = self.order.len();
        let first = match self.position {
            Position::Racing(0) => return,
            Position::Racing(tried) if tried == count => First::AfterFailed(self.order[1 % count]),
            Position::Racing(tried) => First::AfterFailed(self.order[tried]),
            // The TLS handshake or the upgrade failed, or the attempt was abandoned there.
            Position::Connected(at) => First::AfterFailed(self.order[(at + 1) % count]),
            Position::Worked(at) => First::Worked(self.order[at]),
        };
        self.memory.remember(self.name, self.port, first);
    }
}

/// The address that worked last, then the others: IPv6 and IPv4 alternately, IPv6 first (RFC 8305
/// section 4). After a failed attempt, the same order rotated to another beginning.
fn order(resolved: Vec<SocketAddr>, first: Option<First>) -> Vec<SocketAddr> {
    let (six, four): (Vec<_>, Vec<_>) = resolved.into_iter().partition(SocketAddr::is_ipv6);
    let (mut six, mut four) = (six.into_iter(), four.into_iter());
    let mut order: Vec<SocketAddr> = Vec::new();
    loop {
        let pair = [six.next(), four.next()];
        if pair == [None, None] {
            break;
        }
        order.extend(pair.into_iter().flatten());
    }
    let position = |wanted: SocketAddr| order.iter().position(|address| *address == wanted);
    match first {
        Some(First::Worked(address)) => {
            if let Some(at) = position(address) {
                order[..=at].rotate_right(1);
            }
        }
        Some(First::AfterFailed(address)) => {
            if let Some(at) = position(address) {
                order.rotate_left(at);
            }
        }
        None => {}
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A positive number makes an IPv4 address, a negative one an IPv6 address.
    fn addresses(numbers: &[i8]) -> Vec<SocketAddr> {
        let address = |&number: &i8| match u8::try_from(number) {
            Ok(number) => SocketAddr::from(([192, 0, 2, number], 80)),
            Err(_) => {
                let last = number.unsigned_abs().into();
                SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, last], 80))
            }
        };
        numbers.iter().map(address).collect()
    }

    struct Resolved {
        memory: AddressMemory,
        addresses: Vec<SocketAddr>,
    }

    impl Resolved {
        fn new(numbers: &[i8]) -> Self {
            Self { memory: AddressMemory::default(), addresses: addresses(numbers) }
        }

        /// Tries addresses until one works or the limit is reached. Returns the tried addresses.
        fn dial(&self, works: Option<i8>, give_up_after: usize) -> Vec<i8> {
            let mut attempt = self.memory.addresses("example.org", 80, self.addresses.clone());
            let works = works.map(|number| addresses(&[number])[0]);
            let mut tried = Vec::new();
            while tried.len() < give_up_after {
                let Some(address) = attempt.next() else { break };
                let number = (-9..9).find(|&number| addresses(&[number])[0] == address);
                tried.push(number.unwrap());
                if works == Some(address) {
                    attempt.connected(address);
                    attempt.worked();
                    return tried;
                }
            }
            tried
        }
    }

    const ALL: usize = usize::MAX;

    #[test]
    fn address_families_alternate_and_ipv6_is_first() {
        assert_eq!(Resolved::new(&[1, 2, 3, -1, -2]).dial(None, ALL), [-1, 1, -2, 2, 3]);
        assert_eq!(Resolved::new(&[1, 2]).dial(None, ALL), [1, 2]);
        assert_eq!(Resolved::new(&[1, 1, -1]).dial(None, ALL), [-1, 1, 1]);
        assert_eq!(Resolved::new(&[]).dial(None, ALL), [0; 0]);
    }

    #[test]
    fn the_address_that_worked_last_comes_first() {
        let host = Resolved::new(&[1, 2, -1, -2]);
        assert_eq!(host.dial(Some(2), ALL), [-1, 1, -2, 2]);
        for _ in 0..3 {
            assert_eq!(host.dial(Some(2), ALL), [2]);
        }
        assert_eq!(host.dial(Some(1), ALL), [2, -1, 1]);
        assert_eq!(host.dial(Some(-1), ALL), [1, -1]);
    }

    #[test]
    fn an_attempt_in_which_all_fail_rotates_the_order_by_one() {
        let host = Resolved::new(&[1, 2, 3]);
        assert_eq!(host.dial(None, ALL), [1, 2, 3]);
        assert_eq!(host.dial(None, ALL), [2, 3, 1]);
        assert_eq!(host.dial(None, ALL), [3, 1, 2]);
        assert_eq!(host.dial(Some(2), ALL), [1, 2]);
        assert_eq!(host.dial(None, ALL), [2, 1, 3]);
        assert_eq!(host.dial(None, ALL), [1, 2, 3]);
        let alone = Resolved::new(&[1]);
        assert_eq!([alone.dial(None, ALL), alone.dial(None, ALL)], [[1], [1]]);
    }

    #[test]
    fn the_next_attempt_begins_with_an_address_that_was_not_tried() {
        let host = Resolved::new(&[1, 2, 3]);
        assert_eq!(host.dial(Some(1), ALL), [1]);
        assert_eq!(host.dial(None, 1), [1]);
        assert_eq!(host.dial(None, 2), [2, 3]);
        assert_eq!(host.dial(None, 3), [1, 2, 3]);
        assert_eq!(host.dial(Some(2), ALL), [2]);
    }

    #[test]
    fn a_connected_address_that_does_not_work_is_not_first_again() {
        let host = Resolved::new(&[1, 2, 3]);
        for (first, connects) in [(1, 2), (3, 1), (2, 2), (3, 3), (1, 1), (2, 3)] {
            let mut attempt = host.memory.addresses("example.org", 80, host.addresses.clone());
            assert_eq!(attempt.next(), Some(addresses(&[first])[0]));
            while attempt.next().is_some() {}
            attempt.connected(addresses(&[connects])[0]);
        }
    }

    #[test]
    fn addresses_that_no_longer_resolve_are_forgotten() {
        let mut host = Resolved::new(&[1, 2, 3]);
        assert_eq!(host.dial(Some(3), ALL), [1, 2, 3]);
        host.addresses = addresses(&[4, 5]);
        assert_eq!(host.dial(None, 1), [4]);
        host.addresses = addresses(&[6, 7]);
        assert_eq!(host.dial(None, 0), [0; 0]);
        assert_eq!(host.dial(None, ALL), [6, 7]);
    }

    #[test]
    fn several_hosts_are_remembered_and_the_oldest_is_forgotten() {
        let memory = AddressMemory::default();
        let first = |host: &str, port| {
            let shared = memory.clone();
            let mut attempt = shared.addresses(host, port, addresses(&[1, 2]));
            let first = attempt.next().unwrap();
            let second = attempt.next().unwrap();
            attempt.connected(second);
            attempt.worked();
            first
        };
        let [one, two] = addresses(&[1, 2])[..] else { unreachable!() };
        assert_eq!([first("a", 1), first("a", 2), first("b", 1)], [one; 3]);
        assert_eq!([first("a", 1), first("a", 2), first("b", 1)], [two; 3]);
        for number in 0..HOSTS {
            first(&number.to_string(), 1);
        }
        assert_eq!(first("a", 1), one);
        assert!(memory.with(|hosts| hosts.len()) <= HOSTS);
    }
}
