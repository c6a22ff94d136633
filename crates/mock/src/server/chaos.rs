//! [`Chaos`]: a server with seeded random faults.

use std::time::Duration;

use websocket_heartbeat::{ErrorKind, TransportError};

use super::script::Script;
use crate::rng::Rng;

/// A server that accepts, refuses, hangs, cuts and stalls at random. The same seed gives the same
/// scripts.
///
/// After a number of dials the faults stop, and the server accepts and echoes, so that every test
/// ends.
///
/// ```
/// use websocket_heartbeat_mock::{mock, Chaos, Clock};
///
/// let (_transport, remote) = mock(&Clock::new());
/// let mut chaos = Chaos::new(42).calm_after(20);
/// remote.script(move |_| chaos.script());
/// ```
#[derive(Clone, Debug)]
pub struct Chaos {
    rng: Rng,
    left: u64,
    longest: Duration,
}

impl Chaos {
    /// A server with this seed: 100 dials with faults, and connections of up to a minute.
    pub fn new(seed: u64) -> Self {
        Self { rng: Rng::new(seed), left: 100, longest: Duration::from_secs(60) }
    }

    /// Stops the faults after this many dials.
    #[must_use]
    pub fn calm_after(mut self, dials: u64) -> Self {
        self.left = dials;
        self
    }

    /// Sets the longest time before a fault of a connection.
    ///
    /// # Panics
    ///
    /// If it is shorter than two milliseconds.
    #[must_use]
    pub fn longest(mut self, longest: Duration) -> Self {
        assert!(
            longest >= Duration::from_millis(2),
            "the longest time is at least two milliseconds"
        );
        self.longest = longest;
        self
    }

    /// The script for the next dial.
    pub fn script(&mut self) -> Script {
        let Some(left) = self.left.checked_sub(1) else { return Script::accept().echo() };
        self.left = left;
        let rng = &mut self.rng;
        let life = rng.duration(Duration::from_millis(1)..self.longest);
        let answer = match rng.below(10) {
            0 => return Script::hang(),
            1 => Script::refuse_connection(),
            2 => Script::refuse(TransportError::new(ErrorKind::Dns, "name not found")),
            3 => Script::refuse_http([429, 500, 502, 503][rng.below(4) as usize], []),
            _ => Script::accept().echo(),
        };
        let script = match rng.below(9) {
            0 => answer.end_after(life),
            1 => answer.close_after(life, 1001, "going away"),
            2 => answer.close_after(life, 1012, "service restart").linger(),
            3 => answer.fail_after(life, TransportError::new(ErrorKind::Reset, "reset by peer")),
            4 => answer.garbage_after(life),
            5 => answer.half_open_after(life),
            6 => answer.stall_writes_after(life),
            7 => answer.silent().chatter(Duration::from_secs(5), "tick").end_after(life),
            _ => answer.silent(),
        };
        let script = if rng.once_in(2) {
            script.latency(rng.duration(Duration::ZERO..Duration::from_millis(300)))
        } else {
            script
        };
        let script = if rng.once_in(4) { script.ignore_close() } else { script };
        let script = if rng.once_in(4) { script.hesitant() } else { script };
        if rng.once_in(3) {
            script.after(rng.duration(Duration::ZERO..Duration::from_secs(12)))
        } else {
            script
        }
    }
}
