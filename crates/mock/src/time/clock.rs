//! [`Clock`]: time that moves only on request.

use std::{
    collections::btree_map::Entry,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Waker,
    time::Duration,
};

use websocket_heartbeat::Timestamp;

use super::{
    leader::Leader,
    state::{SleepCounts, State},
};
use crate::rng::Rng;

/// A virtual clock. It starts at [`Timestamp::EPOCH`] and moves only on request, of a
/// [`Runner`](crate::Runner) or of the test, or with a timer that it [follows](Self::follow).
///
/// Clones share one time. Two kinds of entries are scheduled on it: the sleeps of its
/// [`MockTimer`](crate::MockTimer)s, and the actions of scripted servers. If several are due at one
/// instant, the servers act first, and then the sleeps end. Each kind is in order of creation.
/// Tasks are polled after that.
///
/// # Guarantees
///
/// `now` never runs backward. A sleep never ends before its instant, unless
/// [`set_timer_early`](Self::set_timer_early) was called. Dropping a sleep removes its waker from
/// the clock. Wakers are called with no lock held.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use websocket_heartbeat::Timestamp;
/// use websocket_heartbeat_mock::Clock;
///
/// let clock = Clock::new();
/// clock.advance(Duration::from_secs(15));
/// assert_eq!(clock.now(), Timestamp::from_epoch(Duration::from_secs(15)));
/// ```
#[derive(Clone, Default)]
pub struct Clock {
    state: Arc<Mutex<State>>,
}

impl Clock {
    /// A clock at [`Timestamp::EPOCH`].
    pub fn new() -> Self {
        Self::default()
    }

    /// The current time.
    pub fn now(&self) -> Timestamp {
        self.lock().now
    }

    /// Moves time forward in steps. At each instant at which a sleep or an action is due, the
    /// servers act and the sleeps end before the clock moves on.
    ///
    /// No task is polled between the steps. To poll tasks at each instant, use
    /// [`Runner::run_for`](crate::Runner::run_for).
    ///
    /// # Panics
    ///
    /// If the clock would leave its range of 584 years.
    pub fn advance(&self, duration: Duration) {
        let end = self.after(duration);
        while self.step(end).is_some() {}
        self.lock().now = end;
    }

    /// Moves time forward in one step, like a suspended machine whose clock continues. Servers act
    /// at their own instants, but all sleeps end together at the end.
    ///
    /// # Panics
    ///
    /// If the clock would leave its range of 584 years.
    pub fn jump(&self, duration: Duration) {
        let end = self.after(duration);
        loop {
            let mut state = self.lock();
            let next = state.next_action().filter(|at| *at <= end);
            state.now = next.unwrap_or(end);
            drop(state);
            if next.is_none() {
                break;
            }
            self.act();
        }
        self.wake_due();
    }

    /// Moves time forward for the servers only, like a suspended machine whose clock stops. `now`
    /// does not move, sleeps keep their remaining wait, and the servers perform all actions of the
    /// next `duration`.
    ///
    /// # Panics
    ///
    /// If the servers' clock would leave its range of 584 years.
    pub fn freeze(&self, duration: Duration) {
        let target = self.lock().ahead + duration;
        loop {
            let mut state = self.lock();
            let (now, ahead) = (state.now, state.ahead);
            // Both sides of the comparison are on the servers' clock.
            let next = state.next_action().map(|at| ahead + at.saturating_since(now));
            let next = next.filter(|due| *due <= target);
            state.ahead = next.unwrap_or(target);
            let waker = state.take_follower();
            drop(state);
            wake(waker);
            if next.is_none() {
                return;
            }
            self.act();
        }
    }

    /// The next instant at which a sleep ends or a server acts.
    pub fn next_instant(&self) -> Option<Timestamp> {
        self.lock().next_instant()
    }

    /// Makes sleeps end late by this much, as on a busy machine. As with all quirks of timers, this
    /// affects only sleeps that are created later, before their deadline.
    pub fn set_timer_lateness(&self, lateness: Duration) {
        self.lock().quirks.lateness = lateness;
    }

    /// Begins the random numbers of [`Timer::entropy`](websocket_heartbeat::Timer::entropy) again,
    /// with this seed. A session takes one number when it is built. Without this call the seed is
    /// 0, so a test draws the same delays in each run.
    pub fn seed(&self, seed: u64) {
        self.lock().entropy = Rng::new(seed);
    }

    pub(super) fn entropy(&self) -> u64 {
        self.lock().entropy.next_u64()
    }

    /// Makes sleeps end only at multiples of this duration, like timers of background tabs. The
    /// default, zero, lets sleeps end at any instant.
    pub fn set_timer_granularity(&self, granularity: Duration) {
        self.lock().quirks.granularity = granularity;
    }

    /// Makes sleeps end after half of their time, down to a millisecond. The contract of
    /// [`Timer`](websocket_heartbeat::Timer) allows this: a caller that compares the clock sees
    /// more wakes and no other difference.
    pub fn set_timer_early(&self, early: bool) {
        self.lock().quirks.early = early;
    }

    /// Makes timers show a time that is earlier by this much. So their time jumps backward now. It
    /// jumps forward when a smaller value is set later.
    pub fn set_timer_back(&self, setback: Duration) {
        self.lock().quirks.setback = setback;
    }

    /// Counts of this clock's sleeps, for tests that limit them.
    pub fn sleeps(&self) -> SleepCounts {
        let state = self.lock();
        SleepCounts { waiting: state.sleeps.len() as u64, ..state.counts }
    }

    /// Counts a poll of a task; a runner calls this before each poll.
    pub(crate) fn begin_turn(&self) {
        self.lock().turn += 1;
    }

    /// The number of the current poll of a task.
    pub(crate) fn turn(&self) -> u64 {
        self.lock().turn
    }

    /// Moves to the next instant, if it is not after `limit`, and performs all that is due then.
    pub(crate) fn step(&self, limit: Timestamp) -> Option<Timestamp> {
        let at = {
            let mut state = self.lock();
            let at = state.next_instant().filter(|at| *at <= limit)?;
            state.now = state.now.max(at);
            state.now
        };
        self.act();
        self.wake_due();
        Some(at)
    }

    /// Moves to `moment`. Nothing may be due before it.
    pub(crate) fn settle_at(&self, moment: Timestamp) {
        let mut state = self.lock();
        state.now = state.now.max(moment);
    }

    /// Schedules an action of a server, `delay` from now. An action beyond the clock's range never
    /// happens.
    pub(crate) fn schedule(&self, delay: Duration, act: impl FnOnce() + Send + 'static) {
        let mut state = self.lock();
        let Some(at) = state.servers_now().and_then(|now| now.checked_add(delay)) else { return };
        let id = state.next_id();
        state.actions.insert((at, id), Box::new(act));
        let waker = state.take_follower();
        drop(state);
        wake(waker);
    }

    /// The time on the servers' clock, which [`freeze`](Self::freeze) moves ahead.
    pub(crate) fn servers_now(&self) -> Timestamp {
        self.lock().servers_now().expect("the servers' clock is within its range")
    }

    /// The time that timers show.
    pub(crate) fn shown(&self) -> Timestamp {
        let state = self.lock();
        state.quirks.shown(state.now)
    }

    /// Counts a new sleep, and returns its identity and its end.
    pub(crate) fn open_sleep(&self, deadline: Timestamp) -> (u64, Option<Timestamp>) {
        let mut state = self.lock();
        state.counts.created += 1;
        state.counts.alive += 1;
        (state.next_id(), state.quirks.end_of_sleep(state.now, deadline))
    }

    /// Registers the waker of a sleep. Returns whether the sleep has ended.
    pub(crate) fn poll_sleep(&self, end: Option<Timestamp>, id: u64, waker: &Waker) -> bool {
        let mut state = self.lock();
        let Some(end) = end else { return false };
        if state.now >= end {
            state.sleeps.remove(&(end, id));
            return true;
        }
        match state.sleeps.entry((end, id)) {
            Entry::Occupied(mut old) => old.get_mut().clone_from(waker),
            Entry::Vacant(place) => {
                place.insert(waker.clone());
            }
        }
        let follower = state.take_follower();
        drop(state);
        wake(follower);
        false
    }

    /// Removes a sleep that is dropped.
    pub(crate) fn close_sleep(&self, end: Option<Timestamp>, id: u64) {
        let mut state = self.lock();
        state.counts.alive -= 1;
        let waker = end.and_then(|end| state.sleeps.remove(&(end, id)));
        drop(state);
        drop(waker);
    }

    /// The time advances with this timer from now on.
    pub(super) fn set_leader(&self, leader: Leader) {
        let mut state = self.lock();
        assert!(state.leader.is_none(), "this clock already follows a timer");
        state.leader = Some(leader);
    }

    /// The time stands still from now on.
    pub(super) fn leave_leader(&self) {
        let leader = self.lock().leader.take();
        drop(leader);
    }

    /// Performs all that is due. Returns the next instant, and registers the waker of the task that
    /// sleeps until then.
    pub(super) fn catch_up(&self, waker: &Waker) -> Option<Timestamp> {
        self.act();
        self.wake_due();
        let mut state = self.lock();
        let next = state.next_instant();
        if let Some(leader) = &mut state.leader {
            leader.sleep_until(next, waker);
        }
        next
    }

    /// Returns a function that reports whether this clock still exists.
    #[cfg(test)]
    pub(crate) fn is_alive(&self) -> impl Fn() -> bool + use<> {
        let state = Arc::downgrade(&self.state);
        move || state.strong_count() > 0
    }

    fn after(&self, duration: Duration) -> Timestamp {
        self.now().checked_add(duration).expect("the clock stays within its range of 584 years")
    }

    /// Performs all actions of servers that are due, also those that become due during this call.
    fn act(&self) {
        loop {
            let mut state = self.lock();
            if state.next_action().is_none_or(|at| at > state.now) {
                return;
            }
            let action = state.actions.pop_first();
            drop(state);
            if let Some((_, act)) = action {
                act();
            }
        }
    }

    /// Wakes all sleeps that are due.
    fn wake_due(&self) {
        let mut due = Vec::new();
        {
            let mut state = self.lock();
            let now = state.now;
            while let Some(entry) = state.sleeps.first_entry() {
                if entry.key().0 > now {
                    break;
                }
                due.push(entry.remove());
            }
            state.counts.wakes += due.len() as u64;
        }
        due.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(leader) = &state.leader {
            state.now = state.now.max((leader.now)());
        }
        state
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("Clock")
            .field("now", &state.now)
            .field("next_instant", &state.next_instant())
            .finish_non_exhaustive()
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}
