//! [`Remote`]: the test's control over a mock transport.

use std::{
    collections::VecDeque,
    fmt,
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
};

use websocket_heartbeat::{Attempt, Timestamp};

use super::{
    dial::Dial,
    peer::Peer,
    script::{Answer, Script},
};
use crate::{
    network::{Gauge, Waiters},
    time::Clock,
    trace::Trace,
};

/// The test's control over a [`MockTransport`](crate::MockTransport), from [`mock`](crate::mock).
/// Clones control the same transport.
///
/// The next [queued](Self::push_script) script answers a dial. If no script is queued, the
/// [scripting function](Self::script) answers. If there is no function, the test answers, with
/// [`next_dial`](Self::next_dial). Every connection that opens has a [`Peer`].
#[derive(Clone)]
pub struct Remote {
    shared: Arc<Shared>,
}

impl Remote {
    pub(crate) fn new(clock: &Clock) -> Self {
        let shared = Shared {
            clock: clock.clone(),
            trace: Trace::new(clock),
            gauge: Gauge::default(),
            state: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Answers dials with this function of the dial's number, which counts from 1. Replaces the
    /// previous function.
    pub fn script(&self, answer: impl FnMut(u64) -> Script + Send + 'static) {
        let old = self.lock().answer.replace(Box::new(answer));
        drop(old);
    }

    /// Queues a script for the next dial that has none.
    pub fn push_script(&self, script: Script) {
        self.lock().queue.push_back(script);
    }

    /// Takes the next dial that no script answers, if there is one.
    pub fn try_next_dial(&self) -> Option<Dial> {
        self.lock().waiting.pop_front()
    }

    /// Waits for the next dial that no script answers.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future loses no dial and no peer.
    pub async fn next_dial(&self) -> Dial {
        poll_fn(|cx| {
            let mut state = self.lock();
            match state.waiting.pop_front() {
                Some(dial) => Poll::Ready(dial),
                None => {
                    state.waiters.register(cx.waker());
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// The peers of all connections opened so far.
    pub fn peers(&self) -> Vec<Peer> {
        self.lock().peers.clone()
    }

    /// The peer of the last opened connection.
    pub fn last_peer(&self) -> Option<Peer> {
        self.lock().peers.last().cloned()
    }

    /// Waits for the next opened connection that this method has not returned yet, and returns its
    /// peer.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future loses no dial and no peer.
    pub async fn next_peer(&self) -> Peer {
        poll_fn(|cx| {
            let mut state = self.lock();
            match state.peers.get(state.taken).cloned() {
                Some(peer) => {
                    state.taken += 1;
                    Poll::Ready(peer)
                }
                None => {
                    state.waiters.register(cx.waker());
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// The times of all dials so far.
    pub fn dials(&self) -> Vec<Timestamp> {
        self.lock().dials.clone()
    }

    /// The number of connections that the client holds now.
    pub fn live(&self) -> usize {
        self.shared.gauge.counts().live
    }

    /// The number of unfinished attempts of the client.
    pub fn dialing(&self) -> usize {
        self.shared.gauge.counts().dialing
    }

    /// The highest number of connections and attempts together at one time.
    pub fn most_at_once(&self) -> usize {
        self.shared.gauge.counts().most
    }

    /// The trace of this transport.
    pub fn trace(&self) -> &Trace {
        &self.shared.trace
    }

    /// The clock of this transport.
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    pub(crate) fn gauge(&self) -> &Gauge {
        &self.shared.gauge
    }

    /// The client dials.
    pub(crate) fn dial(&self, attempt: Attempt) -> Dial {
        self.shared.gauge.change(|counts| counts.dialing += 1);
        let dial = Dial::new(attempt, &self.shared.clock, &self.shared.trace);
        let script = self.next_script(dial.at());
        if script.as_ref().is_some_and(|script| !matches!(script.answer, Answer::Manual)) {
            script.map(|script| dial.answer(script));
        } else {
            let waiters = {
                let mut state = self.lock();
                state.waiting.push_back(dial.clone());
                state.waiters.take()
            };
            waiters.into_iter().for_each(Waker::wake);
        }
        dial
    }

    /// A connection has been opened.
    pub(crate) fn opened(&self, peer: Peer) {
        let waiters = {
            let mut state = self.lock();
            state.peers.push(peer);
            state.waiters.take()
        };
        waiters.into_iter().for_each(Waker::wake);
    }

    fn next_script(&self, at: Timestamp) -> Option<Script> {
        let mut state = self.lock();
        state.dials.push(at);
        let number = state.dials.len() as u64;
        if let Some(script) = state.queue.pop_front() {
            return Some(script);
        }
        // Called without the lock, since it is code of the test.
        let mut answer = state.answer.take()?;
        drop(state);
        let script = answer(number);
        self.lock().answer.get_or_insert(answer);
        Some(script)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("Remote")
            .field("dials", &state.dials.len())
            .field("peers", &state.peers)
            .finish_non_exhaustive()
    }
}

struct Shared {
    clock: Clock,
    trace: Trace,
    gauge: Gauge,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    dials: Vec<Timestamp>,
    queue: VecDeque<Script>,
    answer: Option<Box<dyn FnMut(u64) -> Script + Send>>,
    waiting: VecDeque<Dial>,
    peers: Vec<Peer>,
    /// How many peers `next_peer` has returned.
    taken: usize,
    waiters: Waiters,
}
