//! [`Dial`]: a connection attempt at the server.

use std::{
    fmt,
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
    time::Duration,
};

use websocket_heartbeat::{Attempt, Timestamp, TransportError};

use super::{
    peer::Peer,
    script::{Answer, Script},
};
use crate::{
    network::{Link, Waiters},
    time::Clock,
    trace::{Step, Trace},
};

/// A connection attempt that waits for the server's answer. Clones refer to the same attempt.
///
/// If all clones are dropped, the attempt is never answered.
#[derive(Clone)]
pub struct Dial {
    shared: Arc<DialShared>,
}

impl Dial {
    pub(crate) fn new(attempt: Attempt, clock: &Clock, trace: &Trace) -> Self {
        trace.add(attempt.connection, Step::Dial);
        let shared = DialShared {
            attempt,
            at: clock.now(),
            clock: clock.clone(),
            trace: trace.clone(),
            state: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The attempt as the client described it to its transport.
    pub fn attempt(&self) -> &Attempt {
        &self.shared.attempt
    }

    /// The time at which it began.
    pub fn at(&self) -> Timestamp {
        self.shared.at
    }

    /// Accepts at once, as [`Script::accept`] does.
    ///
    /// # Panics
    ///
    /// If the dial has been answered already.
    pub fn accept(&self) -> Peer {
        self.accept_as(Script::accept())
    }

    /// Accepts with this script. The peer exists at once, even if the script [answers
    /// later](Script::after).
    ///
    /// # Panics
    ///
    /// If the dial has been answered already, or the script does not accept.
    pub fn accept_as(&self, script: Script) -> Peer {
        self.answer(script).expect("accept_as needs a script that accepts")
    }

    /// Fails the attempt at once.
    ///
    /// # Panics
    ///
    /// If the dial has been answered already.
    pub fn refuse(&self, error: TransportError) {
        self.answer(Script::refuse(error));
    }

    /// Answers the upgrade at once with this status; see [`Script::refuse_http`].
    ///
    /// # Panics
    ///
    /// If the dial has been answered already.
    pub fn refuse_http<'a>(
        &self,
        status: u16,
        headers: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) {
        self.answer(Script::refuse_http(status, headers));
    }

    /// Answers with this script. Returns the peer if the script accepts.
    ///
    /// # Panics
    ///
    /// If the dial has been answered already.
    pub fn answer(&self, script: Script) -> Option<Peer> {
        let Script { answer, delay, link: options, acts, chatter } = script;
        let silence_limit = options.silence_limit;
        let outcome = match answer {
            Answer::Hang | Answer::Manual => None,
            Answer::Refuse(error) => Some(Err(error)),
            Answer::Accept => {
                let number = self.shared.attempt.connection;
                let (clock, trace) = (&self.shared.clock, &self.shared.trace);
                Some(Ok(Link::new(number, clock, trace, options)))
            }
        };
        {
            let mut state = self.shared.lock();
            assert!(!state.answered, "the dial has been answered already");
            state.answered = true;
        }
        let outcome = outcome?;
        let link = outcome.as_ref().ok().cloned();
        let decide = move |dial: &Self| {
            if dial.decide(outcome.clone())
                && let Ok(link) = outcome
            {
                acts.into_iter().for_each(|(delay, act)| {
                    if delay.is_zero() {
                        link.act(act);
                    } else {
                        link.act_after(delay, act);
                    }
                });
                if let Some(limit) = silence_limit {
                    link.limit_silence(limit, link.clock.servers_now());
                }
                chatter.into_iter().for_each(|(period, words)| link.chatter(period, words));
            }
        };
        if delay.is_zero() {
            decide(self);
        } else {
            self.decide_after(delay, link.as_ref(), Box::new(decide));
        }
        link.map(|link| Peer::new(&link))
    }

    /// Whether the client has dropped the unfinished attempt.
    pub fn is_abandoned(&self) -> bool {
        self.abandoned_at().is_some()
    }

    /// The time at which the client dropped the unfinished attempt.
    pub fn abandoned_at(&self) -> Option<Timestamp> {
        self.shared.lock().abandoned_at
    }

    /// Waits until the client drops the unfinished attempt.
    pub async fn abandoned(&self) {
        poll_fn(|cx| {
            let mut state = self.shared.lock();
            if state.abandoned_at.is_some() {
                return Poll::Ready(());
            }
            state.waiters.register(cx.waker());
            Poll::Pending
        })
        .await;
    }

    /// Takes the outcome, for the connect future.
    pub(crate) fn poll_outcome(&self, waker: &Waker) -> Poll<Outcome> {
        let mut state = self.shared.lock();
        match state.outcome.take() {
            Some(outcome) => Poll::Ready(outcome),
            None => {
                match &mut state.waker {
                    Some(old) => old.clone_from(waker),
                    none => *none = Some(waker.clone()),
                }
                Poll::Pending
            }
        }
    }

    /// The client has dropped the unfinished attempt.
    pub(crate) fn abandon(&self) {
        let (outcome, waker, waiters) = {
            let mut state = self.shared.lock();
            state.abandoned_at = Some(self.shared.clock.now());
            (state.outcome.take(), state.waker.take(), state.waiters.take())
        };
        self.shared.trace.add(self.shared.attempt.connection, Step::Abandoned);
        drop(waker);
        if let Some(Ok(link)) = outcome {
            link.drop_client();
        }
        waiters.into_iter().for_each(Waker::wake);
    }

    /// Decides later, if the dial still exists then. The clock holds weak references to the dial and
    /// its link, since both hold the clock.
    fn decide_after(&self, delay: Duration, link: Option<&Arc<Link>>, decide: Decision) {
        self.shared.lock().decision = Some(decide);
        let (dial, link) = (Arc::downgrade(&self.shared), link.map(Arc::downgrade));
        self.shared.clock.schedule(delay, move || match dial.upgrade() {
            Some(shared) => {
                let decision = shared.lock().decision.take();
                if let Some(decide) = decision {
                    decide(&Self { shared });
                }
            }
            // The client has dropped the attempt.
            None => {
                if let Some(link) = link.and_then(|link| link.upgrade()) {
                    link.drop_client();
                }
            }
        });
    }

    /// Stores the outcome for the client. Returns whether the client still waits for it.
    fn decide(&self, outcome: Outcome) -> bool {
        let mut state = self.shared.lock();
        if state.abandoned_at.is_some() {
            drop(state);
            if let Ok(link) = outcome {
                link.drop_client();
            }
            return false;
        }
        state.outcome = Some(outcome);
        let waker = state.waker.take();
        drop(state);
        waker.into_iter().for_each(Waker::wake);
        true
    }
}

impl fmt::Debug for Dial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dial")
            .field("at", &self.shared.at)
            .field("attempt", &self.shared.attempt)
            .field("abandoned_at", &self.abandoned_at())
            .finish_non_exhaustive()
    }
}

pub(crate) type Outcome = Result<Arc<Link>, TransportError>;

type Decision = Box<dyn FnOnce(&Dial) + Send>;

struct DialShared {
    attempt: Attempt,
    at: Timestamp,
    clock: Clock,
    trace: Trace,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    answered: bool,
    /// The decision that is scheduled, if any.
    decision: Option<Decision>,
    outcome: Option<Outcome>,
    waker: Option<Waker>,
    abandoned_at: Option<Timestamp>,
    waiters: Waiters,
}

impl DialShared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
