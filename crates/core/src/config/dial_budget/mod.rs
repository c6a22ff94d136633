//! A budget of attempts that many supervisors share: [`DialBudget`].

use std::{collections::VecDeque, num::NonZeroU32, sync::Arc, task::Waker, time::Duration};

use crate::{
    error::{ConfigError, not_zero},
    sync::{Garbage, Guarded},
    time::{Span, Timestamp},
};

/// At most so many attempts in any window of time, over all supervisors that hold a clone of it.
///
/// What counts is an attempt that really began. An attempt that is over the budget begins as soon
/// as it is not, in the order in which they asked; an attempt asks when it is due by the backoff.
/// So a thousand supervisors in one process do not all knock at the moment their server is back.
///
/// Who is paused, closed or dropped while it waits leaves its place, and those behind move up. Who
/// has its turn and does not use it within a second, because nobody polls it any more, loses its
/// place; if it is polled again, it asks again.
///
/// The supervisors must use clones of one timer, since its timestamps are compared.
#[derive(Clone, Debug)]
pub struct DialBudget {
    /// Behind one pointer, since every session may hold a clone.
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
    /// The latest moment seen.
    now: Timestamp,
    /// When attempts began, oldest first, none longer ago than a window: so at most `count`.
    begun: VecDeque<Timestamp>,
    /// Those that wait, by their tickets, in the order in which they asked.
    queue: VecDeque<Waiting>,
    next_ticket: u64,
}

#[derive(Debug)]
struct Waiting {
    ticket: u64,
    /// `None` once it was called, until it asks again.
    waker: Option<Waker>,
    /// Since when it is seen to have its turn.
    turn: Option<Timestamp>,
}

/// How long whoever has its turn has to use it: much longer than a task that is alive waits for a
/// poll, and short beside an outage.
const TURN: Span = Span::of(Duration::from_secs(1));

/// A session's part in a budget. Dropping it gives back what was not used.
#[derive(Debug)]
pub(crate) struct Place {
    budget: DialBudget,
    stand: Stand,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stand {
    Outside,
    Queued {
        ticket: u64,
    },
    /// The attempt may begin. Counted as begun at that moment.
    Granted {
        at: Timestamp,
    },
}

/// The answer to a question for an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It may begin.
    Now,
    /// It waits, until `planned` as far as is known now (`None` is never), and asks again at `look`
    /// at the latest: somebody before it may not use its turn.
    Later { planned: Option<Timestamp>, look: Option<Timestamp> },
}

impl DialBudget {
    /// At most `count` attempts in any span of `window`.
    ///
    /// # Errors
    ///
    /// When either is zero.
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
        state.with(|state, garbage| work(&mut View { state, garbage, count, window: *window }))
    }
}

impl Place {
    pub(crate) fn new(budget: DialBudget) -> Self {
        Self { budget, stand: Stand::Outside }
    }

    /// Whether it waits for its turn.
    pub(crate) fn is_queued(&self) -> bool {
        matches!(self.stand, Stand::Queued { .. })
    }

    /// The earliest moment at which an attempt may begin that is due now, by what is known now;
    /// `None` is never.
    pub(crate) fn earliest(&self, now: Timestamp) -> Option<Timestamp> {
        self.budget.with(|view| {
            view.observe(now);
            view.planned(view.state.queue.len())
        })
    }

    /// Asks for an attempt that is due. The waker is called when it is to ask again.
    pub(crate) fn ask(&mut self, now: Timestamp, waker: &Waker) -> Turn {
        let known = match self.stand {
            Stand::Granted { .. } => return Turn::Now,
            Stand::Queued { ticket } => Some(ticket),
            Stand::Outside => None,
        };
        // Cloned, and dropped if it is not needed, outside the lock.
        let mut waker = Some(waker.clone());
        let (turn, stand) = self.budget.with(|view| view.ask(now, known, &mut waker));
        self.stand = stand;
        turn
    }

    /// The attempt that was granted has begun.
    pub(crate) fn use_up(&mut self) {
        if matches!(self.stand, Stand::Granted { .. }) {
            self.stand = Stand::Outside;
        }
    }

    /// Gives back what was not used. Those behind move up.
    pub(crate) fn leave(&mut self) {
        match std::mem::replace(&mut self.stand, Stand::Outside) {
            Stand::Outside => {}
            Stand::Queued { ticket } => self.budget.with(|view| view.remove(ticket)),
            Stand::Granted { at } => self.budget.with(|view| view.give_back(at)),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.leave();
    }
}

/// The state under its lock, and what comes of changing it.
struct View<'a, 'g> {
    state: &'a mut State,
    garbage: &'a mut Garbage<'g>,
    count: usize,
    window: Duration,
}

impl View<'_, '_> {
    /// Takes the moment, and forgets what began longer ago than a window.
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
    ) -> (Turn, Stand) {
        self.observe(now);
        let known = ticket.and_then(|ticket| self.rank(ticket).map(|rank| (ticket, rank)));
        if let Some((_, rank)) = known
            && rank < self.free()
        {
            return self.grant(Some(rank));
        }
        self.pass_over();
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
        let rank = rank.expect("only those with a turn are passed over");
        if rank < self.free() {
            return self.grant(Some(rank));
        }
        let place = &mut self.state.queue[rank].waker;
        if place.is_none() {
            *place = waker.take();
        }
        let turn = Turn::Later { planned: self.planned(rank), look: self.look(rank) };
        (turn, Stand::Queued { ticket })
    }

    /// Lets the attempt begin now that stands there, or nowhere.
    fn grant(&mut self, rank: Option<usize>) -> (Turn, Stand) {
        let gone = rank.and_then(|rank| self.state.queue.remove(rank));
        self.garbage.drop_waker(gone.and_then(|entry| entry.waker));
        let at = self.state.now;
        self.state.begun.push_back(at);
        (Turn::Now, Stand::Granted { at })
    }

    /// Notes who has its turn, and takes it from those who did not use it.
    fn pass_over(&mut self) {
        let now = self.state.now;
        let mut rank = 0;
        while rank < self.free()
            && let Some(entry) = self.state.queue.get_mut(rank)
        {
            let turn = *entry.turn.get_or_insert(now);
            if turn.after(TURN).is_some_and(|end| end <= now) {
                // Should it be alive after all, it asks again.
                entry.waker.take().into_iter().for_each(|waker| self.garbage.wake(waker));
                self.state.queue.remove(rank);
            } else {
                if turn == now {
                    entry.waker.take().into_iter().for_each(|waker| self.garbage.wake(waker));
                }
                rank += 1;
            }
        }
    }

    /// When the attempt that stands there begins if all before it use their turns; `None` is
    /// never.
    fn planned(&self, rank: usize) -> Option<Timestamp> {
        let Some(later) = rank.checked_sub(self.free()) else { return Some(self.state.now) };
        // Attempts follow those that began `count` before them after a window each.
        let (round, index) = (later / self.count, later % self.count);
        let base = self.state.begun.get(index).copied().unwrap_or(self.state.now);
        let windows = u32::try_from(round + 1).ok()?;
        base.checked_add(self.window.checked_mul(windows)?)
    }

    /// When it is to be seen whether those before use their turns: the first at the end of its
    /// turn, or the one before when its turn comes.
    fn look(&self, rank: usize) -> Option<Timestamp> {
        let before = rank.checked_sub(1)?;
        match self.state.queue[0].turn {
            Some(turn) => turn.after(TURN),
            None => self.planned(before),
        }
    }

    fn rank(&self, ticket: u64) -> Option<usize> {
        self.state.queue.binary_search_by_key(&ticket, |entry| entry.ticket).ok()
    }

    fn remove(&mut self, ticket: u64) {
        // It is gone already if it was passed over.
        let Some(rank) = self.rank(ticket) else { return };
        let gone = self.state.queue.remove(rank);
        self.garbage.drop_waker(gone.and_then(|entry| entry.waker));
        self.call_from(rank);
    }

    /// An attempt that was counted as begun did not begin.
    fn give_back(&mut self, at: Timestamp) {
        let begun = &mut self.state.begun;
        if let Some(index) = begun.iter().rposition(|begun| *begun == at) {
            begun.remove(index);
            self.call_from(0);
        }
    }

    /// Calls all from that place on: their turns come earlier.
    fn call_from(&mut self, rank: usize) {
        let behind = self.state.queue.range_mut(rank..);
        behind.filter_map(|entry| entry.waker.take()).for_each(|waker| self.garbage.wake(waker));
    }
}

#[cfg(test)]
mod tests;
