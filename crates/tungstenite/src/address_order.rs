//! In which order the addresses of a host are tried, by what happened before.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

/// How many hosts are remembered. Who goes from host to host has a few; a bound is needed for those
/// who make up names.
const PLACES: usize = 16;

/// What attempts have learned about the addresses of hosts. A clone shares it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    /// The last used first.
    places: Arc<Mutex<Vec<Place>>>,
}

#[derive(Debug)]
struct Place {
    host: String,
    port: u16,
    lesson: Lesson,
}

#[derive(Clone, Copy, Debug)]
enum Lesson {
    /// A connection was made with this address.
    Worked(SocketAddr),
    /// None was made; the next attempt is to begin with this one.
    BeginWith(SocketAddr),
}

impl Memory {
    /// Begins an attempt at the addresses that the name of a host has.
    pub(crate) fn attempt<'a>(
        &'a self,
        host: &'a str,
        port: u16,
        resolved: Vec<SocketAddr>,
    ) -> Attempt<'a> {
        let lesson = self.with(|places| {
            let place = places.iter().find(|place| place.is(host, port));
            place.map(|place| place.lesson)
        });
        let order = order(resolved, lesson);
        Attempt { memory: self, host, port, order, at: At::Start }
    }

    fn learn(&self, host: &str, port: u16, lesson: Lesson) {
        self.with(|places| {
            match places.iter().position(|place| place.is(host, port)) {
                Some(at) => {
                    places[at].lesson = lesson;
                    places[..=at].rotate_right(1);
                }
                None => places.insert(0, Place { host: host.to_owned(), port, lesson }),
            }
            places.truncate(PLACES);
        });
    }

    fn with<T>(&self, look: impl FnOnce(&mut Vec<Place>) -> T) -> T {
        look(&mut self.places.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Place {
    fn is(&self, host: &str, port: u16) -> bool {
        self.host == host && self.port == port
    }
}

/// One attempt, from the first address to a connection. What comes of it is learned when it is
/// dropped, in whichever way it ends.
pub(crate) struct Attempt<'a> {
    memory: &'a Memory,
    host: &'a str,
    port: u16,
    order: Vec<SocketAddr>,
    at: At,
}

/// How far an attempt has come. The numbers are places in its order.
#[derive(Clone, Copy)]
enum At {
    Start,
    Trying(usize),
    Failed,
    Worked(usize),
}

impl Attempt<'_> {
    /// The address to be tried next. After the last one there is none: all have failed.
    pub(crate) fn next(&mut self) -> Option<SocketAddr> {
        let next = match self.at {
            At::Start => 0,
            At::Trying(at) => at + 1,
            At::Failed | At::Worked(_) => return None,
        };
        let address = self.order.get(next).copied();
        self.at = if address.is_some() { At::Trying(next) } else { At::Failed };
        address
    }

    /// The address that was tried last has led to a connection.
    pub(crate) fn worked(mut self) {
        if let At::Trying(at) = self.at {
            self.at = At::Worked(at);
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let count = self.order.len();
        let lesson = match self.at {
            At::Failed if count > 0 => Lesson::BeginWith(self.order[1 % count]),
            // It took all the time that there was, or what listens there is no use.
            At::Trying(at) => Lesson::BeginWith(self.order[(at + 1) % count]),
            At::Worked(at) => Lesson::Worked(self.order[at]),
            At::Start | At::Failed => return,
        };
        self.memory.learn(self.host, self.port, lesson);
    }
}

/// The address that worked last, then the others: of both families in turn, IPv6 first, as RFC 8305
/// section 4 has it. After an attempt that failed the same, from another one on.
fn order(resolved: Vec<SocketAddr>, lesson: Option<Lesson>) -> Vec<SocketAddr> {
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
    let place = |wanted: SocketAddr| order.iter().position(|address| *address == wanted);
    match lesson {
        Some(Lesson::Worked(address)) => {
            if let Some(at) = place(address) {
                order[..=at].rotate_right(1);
            }
        }
        Some(Lesson::BeginWith(address)) => {
            if let Some(at) = place(address) {
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

    /// IPv4 by a number, IPv6 by a negative one.
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

    struct Host {
        memory: Memory,
        addresses: Vec<SocketAddr>,
    }

    impl Host {
        fn new(numbers: &[i8]) -> Self {
            Self { memory: Memory::default(), addresses: addresses(numbers) }
        }

        /// Tries addresses until one works, or after so many drops the attempt; which were tried.
        fn dial(&self, works: Option<i8>, give_up_after: usize) -> Vec<i8> {
            let mut attempt = self.memory.attempt("example.org", 80, self.addresses.clone());
            let works = works.map(|number| addresses(&[number])[0]);
            let mut tried = Vec::new();
            while tried.len() < give_up_after {
                let Some(address) = attempt.next() else { break };
                let number = (-9..9).find(|&number| addresses(&[number])[0] == address);
                tried.push(number.unwrap());
                if works == Some(address) {
                    attempt.worked();
                    return tried;
                }
            }
            tried
        }
    }

    const ALL: usize = usize::MAX;

    #[test]
    fn families_take_turns_and_ipv6_is_first() {
        assert_eq!(Host::new(&[1, 2, 3, -1, -2]).dial(None, ALL), [-1, 1, -2, 2, 3]);
        assert_eq!(Host::new(&[1, 2]).dial(None, ALL), [1, 2]);
        assert_eq!(Host::new(&[1, 1, -1]).dial(None, ALL), [-1, 1, 1]);
        assert_eq!(Host::new(&[]).dial(None, ALL), [0; 0]);
    }

    #[test]
    fn the_address_that_worked_last_comes_first_again_and_again() {
        let host = Host::new(&[1, 2, -1, -2]);
        assert_eq!(host.dial(Some(2), ALL), [-1, 1, -2, 2]);
        for _ in 0..3 {
            assert_eq!(host.dial(Some(2), ALL), [2]);
        }
        assert_eq!(host.dial(Some(1), ALL), [2, -1, 1]);
        assert_eq!(host.dial(Some(-1), ALL), [1, -1]);
    }

    #[test]
    fn an_attempt_in_which_all_fail_moves_the_beginning_by_one() {
        let host = Host::new(&[1, 2, 3]);
        assert_eq!(host.dial(None, ALL), [1, 2, 3]);
        assert_eq!(host.dial(None, ALL), [2, 3, 1]);
        assert_eq!(host.dial(None, ALL), [3, 1, 2]);
        assert_eq!(host.dial(Some(2), ALL), [1, 2]);
        assert_eq!(host.dial(None, ALL), [2, 1, 3]);
        assert_eq!(host.dial(None, ALL), [1, 2, 3]);
        let alone = Host::new(&[1]);
        assert_eq!([alone.dial(None, ALL), alone.dial(None, ALL)], [[1], [1]]);
    }

    #[test]
    fn an_address_that_takes_all_the_time_does_not_keep_the_others_waiting() {
        let host = Host::new(&[1, 2, 3]);
        assert_eq!(host.dial(Some(1), ALL), [1]);
        assert_eq!(host.dial(None, 1), [1]);
        assert_eq!(host.dial(None, 1), [2]);
        assert_eq!(host.dial(None, 1), [3]);
        assert_eq!(host.dial(None, 2), [1, 2]);
        assert_eq!(host.dial(Some(3), ALL), [3]);
        // The last one swallows packets, while the first, which worked, is down for a moment.
        let host = Host::new(&[1, 2]);
        host.dial(Some(1), ALL);
        assert_eq!(host.dial(None, 2), [1, 2]);
        assert_eq!(host.dial(Some(1), ALL), [1]);
    }

    #[test]
    fn addresses_that_are_gone_are_forgotten() {
        let mut host = Host::new(&[1, 2, 3]);
        assert_eq!(host.dial(Some(3), ALL), [1, 2, 3]);
        host.addresses = addresses(&[4, 5]);
        assert_eq!(host.dial(None, 1), [4]);
        host.addresses = addresses(&[6, 7]);
        assert_eq!(host.dial(None, 0), [0; 0]);
        assert_eq!(host.dial(None, ALL), [6, 7]);
    }

    #[test]
    fn each_of_some_hosts_is_remembered_and_the_oldest_forgotten() {
        let memory = Memory::default();
        let first = |host: &str, port| {
            let shared = memory.clone();
            let mut attempt = shared.attempt(host, port, addresses(&[1, 2]));
            let first = attempt.next().unwrap();
            attempt.next();
            attempt.worked();
            first
        };
        let [one, two] = addresses(&[1, 2])[..] else { unreachable!() };
        assert_eq!([first("a", 1), first("a", 2), first("b", 1)], [one; 3]);
        assert_eq!([first("a", 1), first("a", 2), first("b", 1)], [two; 3]);
        for number in 0..PLACES {
            first(&number.to_string(), 1);
        }
        assert_eq!(first("a", 1), one);
        assert!(memory.with(|places| places.len()) <= PLACES);
    }
}
