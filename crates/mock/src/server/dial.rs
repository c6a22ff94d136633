//! [`Dial`]: an attempt, as the server sees it.

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

/// An attempt that waits for the server's answer. Clones mean the same attempt.
///
/// Dropping it leaves the attempt unanswered for ever.
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

    /// What the client told its transport about the attempt.
    pub fn attempt(&self) -> &Attempt {
        &self.shared.attempt
    }

    /// When it began.
    pub fn at(&self) -> Timestamp {
        self.shared.at
    }

    /// Accepts at once, as a server that answers pings and the close frame.
    ///
    /// # Panics
    ///
    /// If the dial was answered before.
    pub fn accept(&self) -> Peer {
        self.accept_as(Script::accept())
    }

    /// Accepts as this script says. The peer is there at once, also when the script takes its
    /// time to [answer](Script::after).
    ///
    /// # Panics
    ///
    /// If the dial was answered before, or the script does not accept.
    pub fn accept_as(&self, script: Script) -> Peer {
        self.answer(script).expect("accept_as needs a script that accepts")
    }

    /// Fails the attempt at once.
    ///
    /// # Panics
    ///
    /// If the dial was answered before.
    pub fn refuse(&self, error: TransportError) {
        self.answer(Script::refuse(error));
    }

    /// Answers the upgrade with this status at once; see [`Script::refuse_http`].
    ///
    /// # Panics
    ///
    /// If the dial was answered before.
    pub fn refuse_http<'a>(
        &self,
        status: u16,
        headers: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) {
        self.answer(Script::refuse_http(status, headers));
    }

    /// Answers as this script says; gives the peer if it accepts.
    ///
    /// # Panics
    ///
    /// If the dial was answered before.
    pub fn answer(&self, script: Script) -> Option<Peer> {
        let Script { answer, delay, link: options, acts, chatter } = script;
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
            assert!(!state.answered, "a dial that was answered before");
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

    /// Whether the client dropped the attempt unfinished.
    pub fn is_abandoned(&self) -> bool {
        self.abandoned_at().is_some()
    }

    /// When the client dropped the attempt unfinished.
    pub fn abandoned_at(&self) -> Option<Timestamp> {
        self.shared.lock().abandoned_at
    }

    /// Waits until the client drops the attempt unfinished.
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

    /// The outcome, once: for the connect future.
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

    /// The client has dropped the attempt unfinished.
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

    /// Decides later, if anybody still looks then: the clock keeps neither the dial nor its line
    /// alive, since both keep the clock.
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
            // The client is long gone.
            None => {
                if let Some(link) = link.and_then(|link| link.upgrade()) {
                    link.drop_client();
                }
            }
        });
    }

    /// Leaves the outcome for the client; whether it is still there to take it.
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
    /// What happens at the moment of the answer, if that is to come.
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
