//! [`Clock`]: time that moves only when told.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Waker,
    time::Duration,
};

use websocket_heartbeat::Timestamp;

use super::timer_quirks::Quirks;

/// A virtual clock. It starts at [`Timestamp::EPOCH`] and stands still until it is told to move,
/// by a [`Runner`](crate::Runner) or by hand.
///
/// Clones show and move the same time. Two kinds of things wait for it: the sleeps of the
/// [`MockTimer`]s made from it, and what scripted servers will do. Whenever several are due at one
/// instant, the servers act first and the sleeps end after that, each in order of creation; only
/// then is anybody polled.
///
/// # Guarantees
///
/// `now` never runs backward. A sleep never ends before its instant, unless told
/// [otherwise](Self::set_timer_early). Dropping a sleep takes its
/// waker off the clock. Wakers are called with no lock held.
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

/// How the sleeps of a [`Clock`] were used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SleepCounts {
    /// How many were made.
    pub created: u64,
    /// How many of them have not been dropped.
    pub alive: u64,
    /// How many of those wait for their instant, polled at least once.
    pub waiting: u64,
    /// How many wakers were called by the passing of time.
    pub wakes: u64,
}

impl Clock {
    /// A clock that stands at [`Timestamp::EPOCH`].
    pub fn new() -> Self {
        Self::default()
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.lock().now
    }

    /// Lets time pass, one instant after the other: at each at which something is due the clock
    /// stands still, the servers act and the sleeps end, before it goes on.
    ///
    /// Nobody is polled in between, unless a waker does so itself; to poll tasks at each instant
    /// use [`Runner::run_for`](crate::Runner::run_for).
    ///
    /// # Panics
    ///
    /// If the clock would leave its range of 584 years.
    pub fn advance(&self, duration: Duration) {
        let end = self.after(duration);
        while self.step(end).is_some() {}
        self.lock().now = end;
    }

    /// Lets time pass at once, as when the machine was suspended and its clock went on: servers
    /// act meanwhile, each at its own instant, but sleeps end only now, all together.
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

    /// Lets time pass for the servers only, as when the machine was suspended and its clock stood
    /// still: `now` does not move, sleeps keep all that they still had to wait, and what the
    /// servers do within `duration` has happened.
    ///
    /// # Panics
    ///
    /// If the servers' clock would leave its range of 584 years.
    pub fn freeze(&self, duration: Duration) {
        let target = self.lock().ahead + duration;
        loop {
            let mut state = self.lock();
            let (now, ahead) = (state.now, state.ahead);
            // Both sides of the comparison as seen by a client that did not sleep.
            let next = state.next_action().map(|at| ahead + at.saturating_since(now));
            let next = next.filter(|due| *due <= target);
            state.ahead = next.unwrap_or(target);
            drop(state);
            if next.is_none() {
                return;
            }
            self.act();
        }
    }

    /// The next instant at which something is due: a sleep that waits, or an act of a server.
    pub fn next_instant(&self) -> Option<Timestamp> {
        self.lock().next_instant()
    }

    /// Makes sleeps end late by this much, as timers of a busy machine do. As all quirks of timers,
    /// it holds for sleeps that are made from now on and whose deadline has not passed by then.
    pub fn set_timer_lateness(&self, lateness: Duration) {
        self.lock().quirks.lateness = lateness;
    }

    /// Makes sleeps end only at multiples of this, as timers of background tabs do. Zero, the
    /// default, lets them end at any instant.
    pub fn set_timer_granularity(&self, granularity: Duration) {
        self.lock().quirks.granularity = granularity;
    }

    /// Makes sleeps end after half their time, down to a millisecond, as the contract of
    /// [`Timer`](websocket_heartbeat::Timer) allows: whoever compares the clock notices more wakes
    /// and no other difference.
    pub fn set_timer_early(&self, early: bool) {
        self.lock().quirks.early = early;
    }

    /// Makes timers show a time that lies back by this much: their clock runs backward now, and
    /// forward again when this is set to less.
    pub fn set_timer_back(&self, setback: Duration) {
        self.lock().quirks.setback = setback;
    }

    /// How the sleeps of this clock were used so far, for tests that promise to use few.
    pub fn sleeps(&self) -> SleepCounts {
        let state = self.lock();
        SleepCounts { waiting: state.sleeps.len() as u64, ..state.counts }
    }

    /// A runner is about to poll a task.
    pub(crate) fn begin_turn(&self) {
        self.lock().turn += 1;
    }

    /// Which poll of a task this is.
    pub(crate) fn turn(&self) -> u64 {
        self.lock().turn
    }

    /// Moves to the next instant that is not after `limit` and does all that is due there.
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

    /// Moves to `moment`, before which nothing is due.
    pub(crate) fn settle_at(&self, moment: Timestamp) {
        let mut state = self.lock();
        state.now = state.now.max(moment);
    }

    /// Lets a server act `delay` from now. What lies beyond the clock's range never happens.
    pub(crate) fn schedule(&self, delay: Duration, act: impl FnOnce() + Send + 'static) {
        let mut state = self.lock();
        let Some(at) = state.servers_now().and_then(|now| now.checked_add(delay)) else { return };
        let id = state.next_id();
        state.actions.insert((at, id), Box::new(act));
    }

    /// The moment on the servers' clock, which a [`freeze`](Self::freeze) puts ahead.
    pub(crate) fn servers_now(&self) -> Timestamp {
        self.lock().servers_now().expect("the servers' clock is within its range")
    }

    /// The present moment as timers show it.
    pub(crate) fn shown(&self) -> Timestamp {
        let state = self.lock();
        state.quirks.shown(state.now)
    }

    /// Counts a new sleep and says when it will end.
    pub(crate) fn open_sleep(&self, deadline: Timestamp) -> (u64, Option<Timestamp>) {
        let mut state = self.lock();
        state.counts.created += 1;
        state.counts.alive += 1;
        (state.next_id(), state.quirks.end_of_sleep(state.now, deadline))
    }

    /// Leaves the waker of a sleep, unless its moment has come.
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
        false
    }

    /// Forgets a sleep.
    pub(crate) fn close_sleep(&self, end: Option<Timestamp>, id: u64) {
        let mut state = self.lock();
        state.counts.alive -= 1;
        let waker = end.and_then(|end| state.sleeps.remove(&(end, id)));
        drop(state);
        drop(waker);
    }

    /// Says later whether anything still holds this clock.
    #[cfg(test)]
    pub(crate) fn is_alive(&self) -> impl Fn() -> bool + use<> {
        let state = Arc::downgrade(&self.state);
        move || state.strong_count() > 0
    }

    fn after(&self, duration: Duration) -> Timestamp {
        self.now().checked_add(duration).expect("the clock stays within its range of 584 years")
    }

    /// Does all that is due on the servers' side, including what that makes due at once.
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

    /// Ends all sleeps that are due.
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
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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

#[derive(Default)]
struct State {
    now: Timestamp,
    /// How far the servers' clock is ahead of `now`.
    ahead: Duration,
    sleeps: BTreeMap<(Timestamp, u64), Waker>,
    /// By the servers' clock.
    actions: BTreeMap<(Timestamp, u64), Action>,
    /// Keeps those of one instant in order of creation.
    last_id: u64,
    quirks: Quirks,
    counts: SleepCounts,
    /// Polls of tasks by runners so far.
    turn: u64,
}

type Action = Box<dyn FnOnce() + Send>;

impl State {
    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    fn servers_now(&self) -> Option<Timestamp> {
        self.now.checked_add(self.ahead)
    }

    fn next_action(&self) -> Option<Timestamp> {
        let ((at, _), _) = self.actions.first_key_value()?;
        Some(Timestamp::from_epoch(at.since_epoch().saturating_sub(self.ahead)))
    }

    fn next_instant(&self) -> Option<Timestamp> {
        let sleep = self.sleeps.first_key_value().map(|((at, _), _)| *at);
        let next = sleep.into_iter().chain(self.next_action()).min()?;
        Some(next.max(self.now))
    }
}
