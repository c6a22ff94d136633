//! A timer whose sleeps share one sleep of an underlying timer: [`SharedTimer`].

mod queue;

use std::{
    fmt,
    future::Future,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use self::queue::TimerQueue;
use super::{timer::Timer, timestamp::Timestamp};

/// A [`Timer`] that serves any number of sleeps with one sleep of an underlying timer.
///
/// It is for many sessions on one reactor whose timers are expensive. Each timer that is set wakes
/// async-io's reactor for one more turn, some five system calls, and a session sets two timers for
/// each heartbeat. With this timer, only a deadline that is earlier than all others reaches the
/// underlying timer. Any other deadline is an insertion into an ordered map under a lock. With
/// [`with_slot`](Self::with_slot), sleeps with close deadlines also end together, which saves most of
/// the remaining turns.
///
/// Clones share the one sleep. Sleeps may be made, polled and dropped on any thread.
///
/// # Guarantees
///
/// - The clock is that of the underlying timer. So is the epoch, except after
///   [`from_now`](Self::from_now).
/// - A sleep ends when the clock has reached its deadline, never before, and wakes the task that
///   polled it last. It is at most one slot later than a sleep of the underlying timer. If the
///   underlying timer is early, the task is woken early and finds its sleep pending.
/// - A sleep that was never polled costs nothing. A dropped sleep leaves nothing behind, except that
///   the underlying sleep may end once without need.
/// - No waker is cloned, called or dropped under a lock.
///
/// The underlying timer may call its waker from inside a poll. The woken task may use that timer at
/// once, so the underlying timer must not call a waker under a lock that its own methods take.
///
/// # When not to use it
///
/// Do not use it over a runtime that keeps an ordered queue of timers itself and sets timers without
/// a system call, such as tokio. There it adds a second queue and a lock for all threads, and saves
/// nothing.
///
/// # Panics
///
/// A panic of the underlying timer propagates to its caller: a poll of a sleep, or the waker that
/// the underlying timer calls. After such a panic, pending sleeps may never end.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use websocket_heartbeat::{Timer, Timestamp, backend::SharedTimer};
///
/// # let clock = websocket_heartbeat_mock::Clock::new();
/// # let reactor_timer = clock.timer();
/// let timer = SharedTimer::with_slot(reactor_timer, Duration::from_millis(1));
/// let deadline = Timestamp::from_epoch(Duration::from_micros(2_500));
/// # websocket_heartbeat_mock::run(&clock, async {
/// timer.sleep_until(deadline).await;
/// assert_eq!(timer.now().since_epoch(), Duration::from_millis(3));
/// # });
/// ```
pub struct SharedTimer<K: Timer> {
    queue: Arc<TimerQueue<K>>,
    /// On the clock of the underlying timer.
    epoch: Duration,
}

impl<K: Timer<Sleep: Send> + Send + Sync + 'static> SharedTimer<K> {
    /// Makes a timer over `timer` with the same precision.
    pub fn new(timer: K) -> Self {
        Self::with_slot(timer, Duration::ZERO)
    }

    /// Makes a timer over `timer` whose sleeps end together, at whole multiples of `slot` after the
    /// epoch: each sleep at the first such time that is not before its deadline. A sleep that is
    /// polled after its deadline is ready, also before the end of the slot.
    ///
    /// One millisecond is the precision of tokio's timers, and sessions do not need more. Zero means
    /// that sleeps end at any time.
    pub fn with_slot(timer: K, slot: Duration) -> Self {
        Self { queue: TimerQueue::new(timer, slot), epoch: Duration::ZERO }
    }
}

impl<K: Timer> SharedTimer<K> {
    /// Returns the same timer with another epoch, which is now. The slots do not move.
    #[must_use]
    pub fn from_now(&self) -> Self {
        Self { queue: Arc::clone(&self.queue), epoch: self.queue.timer.now().since_epoch() }
    }
}

impl<K: Timer> Timer for SharedTimer<K> {
    type Sleep = SharedSleep<K>;

    fn now(&self) -> Timestamp {
        Timestamp::from_epoch(self.queue.timer.now().since_epoch().saturating_sub(self.epoch))
    }

    fn sleep_until(&self, deadline: Timestamp) -> SharedSleep<K> {
        let deadline = Timestamp::from_epoch(deadline.since_epoch().saturating_add(self.epoch));
        SharedSleep { queue: Arc::clone(&self.queue), deadline, id: 0 }
    }

    fn entropy(&self) -> u64 {
        self.queue.timer.entropy()
    }
}

impl<K: Timer> Clone for SharedTimer<K> {
    fn clone(&self) -> Self {
        Self { queue: Arc::clone(&self.queue), epoch: self.epoch }
    }
}

impl<K: Timer + fmt::Debug> fmt::Debug for SharedTimer<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedTimer").field("timer", &self.queue.timer).finish_non_exhaustive()
    }
}

/// A future that is ready at a deadline, from [`SharedTimer::sleep_until`](Timer::sleep_until).
///
/// # Drop behaviour
///
/// Dropping it cancels the sleep.
#[must_use = "futures do nothing unless polled"]
pub struct SharedSleep<K: Timer> {
    queue: Arc<TimerQueue<K>>,
    /// On the clock of the underlying timer.
    deadline: Timestamp,
    /// Distinguishes sleeps with the same deadline. 0 while this one is not in the queue.
    id: u64,
}

impl<K: Timer> SharedSleep<K> {
    fn leave_queue(&mut self) {
        let id = mem::take(&mut self.id);
        if id != 0 {
            self.queue.remove(self.deadline, id);
        }
    }
}

impl<K: Timer> Future for SharedSleep<K> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.queue.timer.now() >= self.deadline {
            self.leave_queue();
            return Poll::Ready(());
        }
        let waker = cx.waker().clone();
        let this = &mut *self;
        this.queue.insert(this.deadline, &mut this.id, waker);
        Poll::Pending
    }
}

impl<K: Timer> Drop for SharedSleep<K> {
    fn drop(&mut self) {
        self.leave_queue();
    }
}

impl<K: Timer> fmt::Debug for SharedSleep<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedSleep").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}
