//! A budget of attempts that many supervisors share: [`DialBudget`].

mod grants;
mod source;

use std::{collections::VecDeque, sync::Arc, task::Waker, time::Duration};

pub use self::grants::DialGrants;
use self::source::{Grants, Source, Window};
use crate::{
    error::{ConfigError, ensure, not_zero},
    sync::{Deferred, Guarded, WaitQueue},
    time::Timestamp,
};

/// A limit on the attempts of all supervisors that hold a clone of it: in any window of time
/// ([`new`](Self::new)), or as many as are granted from outside ([`granted`](Self::granted)).
///
/// It prevents that many supervisors of one process all connect at the same time when their server
/// is back. An attempt that is due by its backoff asks the budget. If no attempt is free, it waits
/// in the order of the requests. Only attempts that begin count.
///
/// A supervisor that is paused, closed or dropped while it waits leaves the queue, and the others
/// move up. If a supervisor has its turn and does not begin within a second, since nothing polls
/// it, it loses its place. If it is polled later, it asks again.
///
/// The supervisors must use clones of one timer, since the timestamps of different timers cannot be
/// compared.
///
/// ```
/// use std::time::Duration;
/// use websocket_heartbeat::{DialBudget, Supervisor};
///
/// # let clock = websocket_heartbeat_mock::Clock::new();
/// # let transport = || websocket_heartbeat_mock::mock(&clock).0;
/// # let timer = clock.timer();
/// // At most 100 attempts per second, over all sessions of this process.
/// let budget = DialBudget::new(100, Duration::from_secs(1))?;
/// let sessions: Vec<_> = (0..1_000)
///     .map(|_| {
///         Supervisor::builder(transport(), timer.clone()).dial_budget(budget.clone()).build()
///     })
///     .collect::<Result<_, _>>()?;
/// # drop(sessions);
/// # Ok::<_, websocket_heartbeat::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct DialBudget {
    /// One pointer, since every session may hold a clone.
    state: Arc<Guarded<State>>,
}

struct State {
    source: Source,
    /// The latest reading of the clock.
    now: Timestamp,
    /// Waiting attempts, in the order in which they asked, each with the time at which it was first
    /// found to have its turn. The places are the tickets.
    waiters: WaitQueue<Option<Timestamp>>,
    last_ticket: u64,
    /// The task that waits for attempts without a grant.
    feeder: Option<Waker>,
}

/// How long a turn lasts: much longer than a live task waits for a poll, and short in comparison
/// with an outage.
const TURN_TIMEOUT: Duration = Duration::from_secs(1);

/// The place of a session in a shared budget. Dropping it gives an unused turn or grant back.
///
/// It is an optional part, see ARCHITECTURE: only `Builder::dial_budget` makes one.
pub(crate) trait DialPlace: Send {
    /// Whether the attempt waits for its turn.
    fn is_queued(&self) -> bool;

    /// When to ask again if nothing else happens before, while the attempt waits for its turn.
    fn look(&self) -> Option<Timestamp>;

    /// When an attempt that is due now is expected to begin: now if that is not known. `None` is
    /// never.
    fn earliest(&self, now: Timestamp) -> Option<Timestamp>;

    /// Asks for an attempt that is due. The waker is called when it should ask again.
    fn ask(&mut self, now: Timestamp, waker: &Waker) -> Turn;

    /// The attempt that was granted has begun.
    fn use_up(&mut self);

    /// Gives an unused turn or grant back. The attempts behind it move up.
    fn leave(&mut self);
}

#[derive(Debug)]
pub(crate) struct Place {
    budget: DialBudget,
    state: PlaceState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PlaceState {
    Outside,
    Queued {
        ticket: u64,
        /// When to check whether the attempts before it use their turns.
        look: Option<Timestamp>,
    },
    /// The attempt may begin. `taken`: see [`Source::take`].
    Granted {
        taken: Timestamp,
    },
}

/// Whether an attempt may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It may begin.
    Now,
    /// It waits, probably until this time; `None` is not known, or never.
    Later(Option<Timestamp>),
}

impl DialBudget {
    /// At most `count` attempts in any window of this length.
    ///
    /// # Errors
    ///
    /// If `count` or `window` is zero.
    pub fn new(count: u32, window: Duration) -> Result<Self, ConfigError> {
        not_zero("dial budget window", window)?;
        ensure(count > 0, "dial budget", count, "must be at least 1")?;
        let begun = VecDeque::new();
        Ok(Self::of(Source::Window(Window { count: count as usize, length: window, begun })))
    }

    /// As many attempts as [`DialGrants`] grants; none before the first grant.
    ///
    /// An attempt that waits for a grant has no known time. So [`Retry::delay`](crate::Retry::delay)
    /// does not include this wait, and [`Status::next_attempt_at`](crate::Status::next_attempt_at) is
    /// `None` during it. If the [outage limit](crate::Builder::outage_limit) is over meanwhile, the
    /// session ends.
    #[must_use]
    pub fn granted() -> (Self, DialGrants) {
        let budget = Self::of(Source::Grants(Grants::default()));
        let grants = DialGrants::new(&budget);
        (budget, grants)
    }

    fn of(source: Source) -> Self {
        let state = State {
            source,
            now: Timestamp::EPOCH,
            waiters: WaitQueue::default(),
            last_ticket: 0,
            feeder: None,
        };
        Self { state: Arc::new(Guarded::new(state)) }
    }
}

impl Place {
    pub(crate) fn new(budget: DialBudget) -> Self {
        Self { budget, state: PlaceState::Outside }
    }
}

impl DialPlace for Place {
    fn is_queued(&self) -> bool {
        matches!(self.state, PlaceState::Queued { .. })
    }

    fn look(&self) -> Option<Timestamp> {
        match self.state {
            PlaceState::Queued { look, .. } => look,
            PlaceState::Outside | PlaceState::Granted { .. } => None,
        }
    }

    fn earliest(&self, now: Timestamp) -> Option<Timestamp> {
        self.budget.state.with(|state, _| {
            state.observe(now);
            match &state.source {
                Source::Window(_) => state.planned(state.waiters.len()),
                Source::Grants(_) | Source::Unlimited => Some(state.now),
            }
        })
    }

    fn ask(&mut self, now: Timestamp, waker: &Waker) -> Turn {
        let known = match self.state {
            PlaceState::Granted { .. } => return Turn::Now,
            PlaceState::Queued { ticket, .. } => Some(ticket),
            PlaceState::Outside => None,
        };
        let waker = waker.clone(); // outside of the lock
        let (turn, state) =
            self.budget.state.with(|state, deferred| state.ask(now, known, waker, deferred));
        self.state = state;
        turn
    }

    fn use_up(&mut self) {
        if matches!(self.state, PlaceState::Granted { .. }) {
            self.state = PlaceState::Outside;
        }
    }

    fn leave(&mut self) {
        let place = std::mem::replace(&mut self.state, PlaceState::Outside);
        self.budget.state.with(|state, deferred| match place {
            PlaceState::Outside => {}
            PlaceState::Queued { ticket, .. } => state.remove(ticket, deferred),
            PlaceState::Granted { taken } => state.give_back(taken, deferred),
        });
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.leave();
    }
}

impl State {
    /// Advances the clock.
    fn observe(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        self.source.observe(self.now);
    }

    /// How many attempts wait and have no grant.
    fn wanted(&self) -> usize {
        self.waiters.len().saturating_sub(self.source.free())
    }

    fn ask(
        &mut self,
        now: Timestamp,
        ticket: Option<u64>,
        waker: Waker,
        deferred: &mut Deferred<'_>,
    ) -> (Turn, PlaceState) {
        self.observe(now);
        let rank = ticket.and_then(|ticket| self.waiters.find(ticket).ok());
        if rank.is_none_or(|rank| rank >= self.source.free()) {
            self.expire_turns(deferred);
        }
        // An attempt whose turn has expired asks as a new one.
        let ticket = ticket.filter(|_| rank.is_some()).unwrap_or_else(|| {
            self.last_ticket += 1;
            self.last_ticket
        });
        let rank = self.waiters.find(ticket).unwrap_or_else(|end| end);
        if rank < self.source.free() {
            self.waiters.remove(ticket, deferred);
            deferred.drop_later(waker);
            return (Turn::Now, PlaceState::Granted { taken: self.source.take(self.now) });
        }
        deferred.drop_waker(self.waiters.set(ticket, None).replace(waker));
        if let Some(feeder) = self.feeder.take() {
            deferred.wake(feeder);
        }
        let look = self.look(rank);
        (Turn::Later(self.planned(rank)), PlaceState::Queued { ticket, look })
    }

    /// Records which attempts have their turn, and removes attempts that did not use their turn. If
    /// the task of such an attempt still lives, it asks again.
    fn expire_turns(&mut self, deferred: &mut Deferred<'_>) {
        let free = self.source.free();
        let mut rank = 0;
        while let Some((_, turn)) = self.waiters.at(rank) {
            let end = turn.map(|turn| turn.checked_add(TURN_TIMEOUT));
            if end.flatten().is_some_and(|end| end <= self.now) {
                self.waiters.wake_and_remove(rank, deferred);
                continue;
            }
            match (turn, rank < free) {
                (None, true) => {
                    self.waiters.set_wants(rank, Some(self.now));
                    self.waiters.wake(rank, deferred);
                }
                (Some(_), true) => {}
                // Its grant has expired.
                (Some(_), false) => self.waiters.set_wants(rank, None),
                // Those with a turn are the first.
                (None, false) => break,
            }
            rank += 1;
        }
    }

    /// When the attempt with this rank begins, see [`Source::planned`].
    fn planned(&self, rank: usize) -> Option<Timestamp> {
        self.source.planned(rank, self.now)
    }

    /// When to check whether the earlier attempts use their turns: at the end of the turn of the
    /// first attempt, or otherwise when the turn of the previous attempt begins.
    fn look(&self, rank: usize) -> Option<Timestamp> {
        let before = rank.checked_sub(1)?;
        match self.waiters.first()? {
            (_, Some(turn)) => turn.checked_add(TURN_TIMEOUT),
            (_, None) => self.planned(before),
        }
    }

    fn remove(&mut self, ticket: u64, deferred: &mut Deferred<'_>) {
        let Ok(rank) = self.waiters.find(ticket) else { return }; // its turn has expired
        self.waiters.remove(ticket, deferred);
        self.wake_from(rank, deferred);
    }

    /// An attempt that was granted did not begin.
    fn give_back(&mut self, taken: Timestamp, deferred: &mut Deferred<'_>) {
        if self.source.give_back(taken, self.now) {
            self.wake_from(0, deferred);
        }
    }

    /// Wakes all attempts from this rank on, since their turns come earlier now.
    fn wake_from(&mut self, rank: usize, deferred: &mut Deferred<'_>) {
        (rank..self.waiters.len()).for_each(|rank| self.waiters.wake(rank, deferred));
    }
}

#[cfg(test)]
mod tests;
