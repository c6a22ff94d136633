//! Whether and when to try again: the one place that knows verdict, backoff, budget, credentials
//! and age. What is plain numbers of it is the machine's, in `machine/pacing.rs`.

use std::{task::Waker, time::Duration};

use crate::{
    config::{
        Delays, DialBudget, Failure, Judge, MakeDelays, Random, Verdict,
        dial_budget::{Place, Turn},
    },
    machine::Ruling,
    panics::{UserFunction, UserPanic, contain_in, drop_contained},
    time::Timestamp,
};

pub(crate) struct Redial {
    verdict: Judge,
    make_delays: MakeDelays,
    /// Those of this outage, once one was asked for.
    delays: Option<Delays>,
    /// In the shared budget.
    place: Option<Box<Place>>,
    /// Who waits for its turn there asks again at this moment.
    look: Option<Timestamp>,
    /// The next attempt is to use fresh credentials.
    refresh: bool,
    max_age: Option<Duration>,
    random: Random,
}

/// What is to be done about a loss, and which function panicked over it.
pub(super) struct Judgement {
    pub(super) ruling: Ruling,
    pub(super) panic: Option<Box<UserPanic>>,
}

impl Redial {
    pub(crate) fn new(
        verdict: Judge,
        make_delays: MakeDelays,
        budget: Option<DialBudget>,
        max_age: Option<Duration>,
    ) -> Self {
        let place = budget.map(|budget| Box::new(Place::new(budget)));
        let random = Random::seeded();
        Self {
            verdict,
            make_delays,
            delays: None,
            place,
            look: None,
            refresh: false,
            max_age,
            random,
        }
    }

    /// Judges a loss. A verdict that panics counts as [`Verdict::Retry`]: the backoff keeps the
    /// attempts apart, and the panic is reported with the loss.
    pub(super) fn judge(
        &mut self,
        failure: &Failure<'_>,
        fresh: bool,
        now: Timestamp,
    ) -> Judgement {
        if fresh {
            drop_contained(self.delays.take());
        }
        self.refresh = false;
        let verdict = &mut self.verdict;
        let (verdict, panic) = match contain_in(UserFunction::Verdict, || verdict(failure)) {
            Ok(verdict) => (verdict, None),
            Err(panic) => (Verdict::Retry, Some(Box::new(panic))),
        };
        let after = match verdict {
            Verdict::Stop => return Judgement { ruling: Ruling::Stop, panic },
            Verdict::Retry => Duration::ZERO,
            Verdict::RetryAfter(after) => after,
            Verdict::RefreshThenRetry => {
                self.refresh = true;
                Duration::ZERO
            }
        };
        match self.next_delay() {
            // Added, not the larger of the two: clients that were told the same moment are kept
            // apart by their backoff.
            Ok(Some(delay)) => {
                let delay = delay.saturating_add(after).max(self.wait_for_budget(now));
                Judgement { ruling: Ruling::Retry(delay), panic }
            }
            Ok(None) => Judgement { ruling: Ruling::NoDelayLeft, panic },
            Err(panic) => Judgement { ruling: Ruling::Panicked, panic: Some(Box::new(panic)) },
        }
    }

    /// When a connection that is wanted no more is replaced: as soon as may be.
    pub(super) fn replace(&self, now: Timestamp) -> Ruling {
        Ruling::Retry(self.wait_for_budget(now))
    }

    fn next_delay(&mut self) -> Result<Option<Duration>, UserPanic> {
        let Self { delays, make_delays, .. } = self;
        let next =
            contain_in(UserFunction::Backoff, || delays.get_or_insert_with(make_delays).next());
        if next.is_err() {
            drop_contained(self.delays.take());
        }
        next
    }

    /// How long an attempt that is due now waits for the shared budget, by what is known now.
    fn wait_for_budget(&self, now: Timestamp) -> Duration {
        let Some(place) = &self.place else { return Duration::ZERO };
        place.earliest(now).map_or(Duration::MAX, |at| at.saturating_since(now))
    }

    /// Whether an attempt waits for its turn in the shared budget.
    pub(super) fn is_queued(&self) -> bool {
        self.place.as_ref().is_some_and(|place| place.is_queued())
    }

    /// Asks the shared budget for an attempt that is due: when it begins, as far as is known now.
    pub(super) fn ask(&mut self, now: Timestamp, waker: &Waker) -> Option<Timestamp> {
        self.look = None;
        let Some(place) = &mut self.place else { return Some(now) };
        match place.ask(now, waker) {
            Turn::Now => Some(now),
            Turn::Later { planned, look } => {
                self.look = look;
                planned
            }
        }
    }

    /// When the budget is to be asked again at the latest, should nothing else happen.
    pub(super) fn look(&self) -> Option<Timestamp> {
        self.look
    }

    /// An attempt begins. Gives whether it is to use fresh credentials.
    pub(super) fn begin(&mut self) -> bool {
        self.look = None;
        if let Some(place) = &mut self.place {
            place.use_up();
        }
        self.refresh
    }

    /// No attempt is scheduled any more: what the budget gave goes back.
    pub(super) fn leave(&mut self) {
        self.look = None;
        if let Some(place) = &mut self.place {
            place.leave();
        }
    }

    /// Whether the attempt under way was to use fresh credentials.
    pub(super) fn was_refreshed(&self) -> bool {
        self.refresh
    }

    /// There is a connection. Gives how old it may become.
    pub(super) fn open(&mut self) -> Option<Duration> {
        self.refresh = false;
        self.max_age.map(|age| self.random.shorten(age))
    }
}

/// The user's functions go one by one, so that a panic of the `Drop` of one harms nobody.
impl Drop for Redial {
    fn drop(&mut self) {
        drop_contained(self.delays.take());
        let none = || Box::new(std::iter::empty()) as Delays;
        drop_contained(std::mem::replace(&mut self.make_delays, Box::new(none)));
        drop_contained(std::mem::replace(&mut self.verdict, Box::new(|_| Verdict::Stop)));
    }
}
