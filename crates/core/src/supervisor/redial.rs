//! Whether and when to reconnect: [`Redial`] knows the verdict, the backoff, the shared budget, the
//! credentials and the maximum age. The machine has the plain numbers, in `machine/pacing.rs`.

use std::{task::Waker, time::Duration};

use crate::{
    config::{
        Delays, Failure, MakeDelays, Random, Verdict, VerdictFn,
        dial_budget::{DialPlace, Turn},
    },
    machine::Decision,
    panics::{UserFunction, UserPanic, contain_in, drop_contained},
    time::Timestamp,
};

pub(crate) struct Redial {
    verdict: VerdictFn,
    make_delays: MakeDelays,
    /// The delays of this outage. `None` before the first one is needed.
    delays: Option<Delays>,
    /// The place in the shared budget.
    place: Option<Box<dyn DialPlace>>,
    /// The next or current attempt uses fresh credentials.
    pub(super) refresh: bool,
    max_age: Option<Duration>,
    random: Random,
}

impl Redial {
    pub(crate) fn new(
        verdict: VerdictFn,
        make_delays: MakeDelays,
        place: Option<Box<dyn DialPlace>>,
        max_age: Option<Duration>,
        entropy: u64,
    ) -> Self {
        Self {
            verdict,
            make_delays,
            delays: None,
            place,
            refresh: false,
            max_age,
            random: Random::from_seed(entropy),
        }
    }

    /// Judges a loss. Returns also the panic of the verdict or the backoff, if there was one. A
    /// verdict that panics counts as [`Verdict::Retry`]: the backoff keeps the
    /// attempts apart, and the panic is reported with the loss.
    pub(super) fn judge(
        &mut self,
        failure: &Failure<'_>,
        fresh: bool,
        now: Timestamp,
    ) -> (Decision, Option<UserPanic>) {
        if fresh {
            drop_contained(self.delays.take());
        }
        let verdict = &mut self.verdict;
        let (verdict, panic) = match contain_in(UserFunction::Verdict, || verdict(failure)) {
            Ok(verdict) => (verdict, None),
            Err(panic) => (Verdict::Retry, Some(panic)),
        };
        self.refresh = verdict == Verdict::RefreshThenRetry;
        let after = match verdict {
            Verdict::Stop => return (Decision::Stop, panic),
            Verdict::Retry | Verdict::RefreshThenRetry => Duration::ZERO,
            Verdict::RetryAfter(after) => after,
        };
        match self.next_delay() {
            // The sum and not the maximum: the backoff keeps clients apart to which the server gave
            // the same time.
            Ok(Some(delay)) => {
                let delay = delay.saturating_add(after).max(self.wait_for_budget(now));
                (Decision::Retry(delay), panic)
            }
            Ok(None) => (Decision::NoDelayLeft, panic),
            Err(panic) => (Decision::Panicked, Some(panic)),
        }
    }

    /// Decides when to replace a connection that is no longer wanted: as soon as the budget allows
    /// it.
    pub(super) fn replace(&self, now: Timestamp) -> Decision {
        Decision::Retry(self.wait_for_budget(now))
    }

    fn next_delay(&mut self) -> Result<Option<Duration>, UserPanic> {
        let Self { delays, make_delays, random, .. } = self;
        let next = contain_in(UserFunction::Backoff, || {
            delays.get_or_insert_with(|| make_delays(random.number())).next()
        });
        if next.is_err() {
            drop_contained(self.delays.take());
        }
        next
    }

    /// How long an attempt that is due now is expected to wait for the shared budget.
    fn wait_for_budget(&self, now: Timestamp) -> Duration {
        let Some(place) = &self.place else { return Duration::ZERO };
        place.earliest(now).map_or(Duration::MAX, |at| at.saturating_since(now))
    }

    /// Returns whether an attempt waits for its turn in the shared budget.
    pub(super) fn is_queued(&self) -> bool {
        self.place.as_ref().is_some_and(|place| place.is_queued())
    }

    /// When to ask the budget again if nothing else happens before, while waiting for a turn.
    pub(super) fn look(&self) -> Option<Timestamp> {
        self.place.as_ref().and_then(|place| place.look())
    }

    /// Asks the shared budget for an attempt that is due. Returns the expected time of its
    /// beginning.
    pub(super) fn ask(&mut self, now: Timestamp, waker: &Waker) -> Option<Timestamp> {
        let Some(place) = &mut self.place else { return Some(now) };
        match place.ask(now, waker) {
            Turn::Now => Some(now),
            Turn::Later(planned) => planned,
        }
    }

    /// An attempt begins. Returns whether it uses fresh credentials.
    pub(super) fn begin(&mut self) -> bool {
        if let Some(place) = &mut self.place {
            place.use_up();
        }
        self.refresh
    }

    /// No attempt is scheduled any more: gives the place in the budget back.
    pub(super) fn leave(&mut self) {
        if let Some(place) = &mut self.place {
            place.leave();
        }
    }

    /// A connection is open. Returns how old it may become.
    pub(super) fn open(&mut self) -> Option<Duration> {
        self.refresh = false;
        self.max_age.map(|age| self.random.shorten(age))
    }
}

/// The user's functions are dropped one by one, so that a panic of one `Drop` does not affect the
/// others.
impl Drop for Redial {
    fn drop(&mut self) {
        drop_contained(self.delays.take());
        let none = |_| Box::new(std::iter::empty()) as Delays;
        drop_contained(std::mem::replace(&mut self.make_delays, Box::new(none)));
        drop_contained(std::mem::replace(&mut self.verdict, Box::new(|_| Verdict::Stop)));
    }
}
