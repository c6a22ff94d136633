//! A budget of attempts that many supervisors share: [`DialBudget`].

use std::{collections::VecDeque, num::NonZeroU32, sync::Arc, task::Waker, time::Duration};

use crate::{
    error::{ConfigError, not_zero},
    sync::{Deferred, Guarded},
    time::Timestamp,
};

/// A limit on the attempts in any window of time, over all supervisors that hold a clone of it.
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
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Guarded<State>,
    count: NonZeroU32,
    window: Duration,
}

#[derive(Debug)]
struct State {
    /// The latest reading of the clock.
    now: Timestamp,
    /// The times of the attempts that began within the last window, oldest first. At most `count`.
    begun: VecDeque<Timestamp>,
    /// Waiting attempts, in the order in which they asked. This is also the order of their tickets.
    queue: VecDeque<Waiting>,
    next_ticket: u64,
}

#[derive(Debug)]
struct Waiting {
    ticket: u64,
    /// `None` after it was called, until the attempt asks again.
    waker: Option<Waker>,
    /// When the attempt was first found to have its turn.
    turn: Option<Timestamp>,
}

/// How long a turn lasts: much longer than a live task waits for a poll, and short in comparison
/// with an outage.
const TURN_TIMEOUT: Duration = Duration::from_secs(1);

/// The place of a session in a budget. Dropping it gives an unused turn or grant back.
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
    },
    /// The attempt may begin. It counts as begun at this time.
    Granted {
        at: Timestamp,
    },
}

/// Whether an attempt may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It may begin.
    Now,
    /// It waits, probably until `planned` (`None` is never). It asks again at `look` at the latest,
    /// since an attempt before it may not use its turn.
    Later { planned: Option<Timestamp>, look: Option<Timestamp> },
}

impl DialBudget {
    /// At most `count` attempts in any window of this length.
    ///
    /// # Errors
    ///
    /// If `count` or `window` is zero.
    pub fn new(count: u32, window: Duration) -> Result<Self, ConfigError> {
        not_zero("dial budget window", window)?;
        let rule = "must be at least 1";
        let count =
            NonZeroU32::new(count).ok_or_else(|| ConfigError::new("dial budget", count, rule))?;
        let state = State {
            now: Timestamp::EPOCH,
            begun: VecDeque::new(),
            queue: VecDeque::new(),
            next_ticket: 0,
        };
        Ok(Self { shared: Arc::new(Shared { state: Guarded::new(state), count, window }) })
    }

    fn with<'g, R>(&self, work: impl FnOnce(&mut View<'_, 'g>) -> R) -> R {
        let Shared { state, count, window } = &*self.shared;
        let count = count.get() as usize;
        state.with(|state, deferred| work(&mut View { state, deferred, count, window: *window }))
    }
}

impl Place {
    pub(crate) fn new(budget: DialBudget) -> Self {
        Self { budget, state: PlaceState::Outside }
    }

    /// Whether the attempt waits for its turn.
    pub(crate) fn is_queued(&self) -> bool {
        matches!(self.state, PlaceState::Queued { .. })
    }

    /// When an attempt that is due now is expected to begin. `None` is never.
    pub(crate) fn earliest(&self, now: Timestamp) -> Option<Timestamp> {
        self.budget.with(|view| {
            view.observe(now);
            view.planned(view.state.queue.len())
        })
    }

    /// Asks for an attempt that is due. The waker is called when it should ask again.
    pub(crate) fn ask(&mut self, now: Timestamp, waker: &Waker) -> Turn {
        let known = match self.state {
            PlaceState::Granted { .. } => return Turn::Now,
            PlaceState::Queued { ticket } => Some(ticket),
            PlaceState::Outside => None,
        };
        // Cloned outside of the lock, and dropped there if it is not needed.
        let mut waker = Some(waker.clone());
        let (turn, state) = self.budget.with(|view| view.ask(now, known, &mut waker));
        self.state = state;
        turn
    }

    /// The attempt that was granted has begun.
    pub(crate) fn use_up(&mut self) {
        if matches!(self.state, PlaceState::Granted { .. }) {
            self.state = PlaceState::Outside;
        }
    }

    /// Gives an unused turn or grant back. The attempts behind it move up.
    pub(crate) fn leave(&mut self) {
        match std::mem::replace(&mut self.state, PlaceState::Outside) {
            PlaceState::Outside => {}
            PlaceState::Queued { ticket } => self.budget.with(|view| view.remove(ticket)),
            PlaceState::Granted { at } => self.budget.with(|view| view.give_back(at)),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.leave();
    }
}

/// The state under its lock, and the work to do after the release of the lock.
struct View<'a, 'g> {
    state: &'a mut State,
    deferred: &'a mut Deferred<'g>,
    count: usize,
    window: Duration,
}

impl View<'_, '_> {
    /// Advances the clock, and forgets attempts that began longer ago than a window.
    fn observe(&mut self, now: Timestamp) {
        let state = &mut *self.state;
        state.now = state.now.max(now);
        while let Some(first) = state.begun.front()
            && first.checked_add(self.window).is_some_and(|end| end <= state.now)
        {
            state.begun.pop_front();
        }
    }

    /// How many attempts may begin now.
    fn free(&self) -> usize {
        self.count.saturating_sub(self.state.begun.len())
    }

    fn ask(
        &mut self,
        now: Timestamp,
        ticket: Option<u64>,
        waker: &mut Option<Waker>,
    ) -> (Turn, PlaceState) {
        self.observe(now);
        let known = ticket.and_then(|ticket| self.rank(ticket).map(|rank| (ticket, rank)));
        if let Some((_, rank)) = known
            && rank < self.free()
        {
            return self.grant(Some(rank));
        }
        self.expire_turns();
        let (ticket, rank) = match known {
            Some((ticket, _)) => (ticket, self.rank(ticket)),
            None if self.state.queue.len() < self.free() => return self.grant(None),
            None => {
                let ticket = self.state.next_ticket;
                self.state.next_ticket += 1;
                let entry = Waiting { ticket, waker: waker.take(), turn: None };
                self.state.queue.push_back(entry);
                (ticket, Some(self.state.queue.len() - 1))
            }
        };
        let rank = rank.expect("only attempts with a turn are removed");
        if rank < self.free() {
            return self.grant(Some(rank));
        }
        let place = &mut self.state.queue[rank].waker;
        if place.is_none() {
            *place = waker.take();
        }
        let turn = Turn::Later { planned: self.planned(rank), look: self.look(rank) };
        (turn, PlaceState::Queued { ticket })
    }

    /// Lets the attempt with this rank begin now. `None` is an attempt that is not in the queue.
    fn grant(&mut self, rank: Option<usize>) -> (Turn, PlaceState) {
        let gone = rank.and_then(|rank| self.state.queue.remove(rank));
        self.deferred.drop_waker(gone.and_then(|entry| entry.waker));
        let at = self.state.now;
        self.state.begun.push_back(at);
        (Turn::Now, PlaceState::Granted { at })
    }

    /// Records which attempts have their turn, and removes attempts that did not use their turn.
    fn expire_turns(&mut self) {
        let now = self.state.now;
        let mut rank = 0;
        while rank < self.free()
            && let Some(entry) = self.state.queue.get_mut(rank)
        {
            let turn = *entry.turn.get_or_insert(now);
            if turn.checked_add(TURN_TIMEOUT).is_some_and(|end| end <= now) {
                // If its task still lives, it asks again.
                entry.waker.take().into_iter().for_each(|waker| self.deferred.wake(waker));
                self.state.queue.remove(rank);
            } else {
                if turn == now {
                    entry.waker.take().into_iter().for_each(|waker| self.deferred.wake(waker));
                }
                rank += 1;
            }
        }
    }

    /// When the attempt with this rank begins if all attempts before it use their turns. `None` is
    /// never.
    fn planned(&self, rank: usize) -> Option<Timestamp> {
        let Some(later) = rank.checked_sub(self.free()) else { return Some(self.state.now) };
        // Each attempt begins one window after the attempt `count` places before it.
        let (round, index) = (later / self.count, later % self.count);
        let base = self.state.begun.get(index).copied().unwrap_or(self.state.now);
        let windows = u32::try_from(round + 1).ok()?;
        base.checked_add(self.window.checked_mul(windows)?)
    }

    /// When to check whether the earlier attempts use their turns: at the end of the turn of the
    /// first attempt, or otherwise when the turn of the previous attempt begins.
    fn look(&self, rank: usize) -> Option<Timestamp> {
        let before = rank.checked_sub(1)?;
        match self.state.queue[0].turn {
            Some(turn) => turn.checked_add(TURN_TIMEOUT),
            None => self.planned(before),
        }
    }

    fn rank(&self, ticket: u64) -> Option<usize> {
        self.state.queue.binary_search_by_key(&ticket, |entry| entry.ticket).ok()
    }

    fn remove(&mut self, ticket: u64) {
        let Some(rank) = self.rank(ticket) else { return }; // its turn has expired
        let gone = self.state.queue.remove(rank);
        self.deferred.drop_waker(gone.and_then(|entry| entry.waker));
        self.wake_from(rank);
    }

    /// An attempt that counted as begun did not begin.
    fn give_back(&mut self, at: Timestamp) {
        let begun = &mut self.state.begun;
        if let Some(index) = begun.iter().rposition(|begun| *begun == at) {
            begun.remove(index);
            self.wake_from(0);
        }
    }

    /// Wakes all attempts from this rank on, since their turns come earlier now.
    fn wake_from(&mut self, rank: usize) {
        let behind = self.state.queue.range_mut(rank..);
        behind.filter_map(|entry| entry.waker.take()).for_each(|waker| self.deferred.wake(waker));
    }
}

#[cfg(test)]
mod tests;
