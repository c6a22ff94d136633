//! The sleeps of all clones, ordered by deadline, and the one underlying sleep: [`TimerQueue`].

use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Weak,
        atomic::Ordering::{AcqRel, Relaxed},
    },
    task::{Context, Wake, Waker},
    time::Duration,
};

use crate::{
    sync::{AtomicU8, Deferred, Guarded},
    time::{timer::Timer, timestamp::Timestamp},
};

/// The state that clones and sleeps share.
pub(super) struct TimerQueue<K: Timer> {
    pub(super) timer: K,
    sleeps: Guarded<Sleeps>,
    /// The underlying sleep. The thread that has set [`DRIVING`] takes it out, and no other thread
    /// touches it. So its code does not run under a lock.
    inner_sleep: Guarded<InnerSleep<K>>,
    /// [`DRIVING`], and the events that the driving thread has not handled yet.
    state: AtomicU8,
    /// The waker of the underlying sleep.
    inner_waker: Waker,
}

type InnerSleep<K> = Option<Pin<Box<<K as Timer>::Sleep>>>;

/// A thread is in [`TimerQueue::drive`].
const DRIVING: u8 = 1;
/// Event: a sleep was inserted whose deadline is earlier than that of the underlying sleep.
const EARLIER: u8 = 2;
/// Event: the underlying sleep has called its waker.
const WOKEN: u8 = 4;

impl<K: Timer<Sleep: Send> + Send + Sync + 'static> TimerQueue<K> {
    pub(super) fn new(timer: K, slot: Duration) -> Arc<Self> {
        Arc::new_cyclic(|queue| Self {
            timer,
            sleeps: Guarded::new(Sleeps::new(slot)),
            inner_sleep: Guarded::new(None),
            state: AtomicU8::new(0),
            inner_waker: Waker::from(Arc::new(InnerWaker { queue: Weak::clone(queue) })),
        })
    }
}

impl<K: Timer> TimerQueue<K> {
    /// Inserts a sleep, or replaces its waker. Assigns the id if it is 0.
    pub(super) fn insert(&self, deadline: Timestamp, id: &mut u64, waker: Waker) {
        let is_earlier =
            self.sleeps.with(|sleeps, deferred| sleeps.insert(deadline, id, waker, deferred));
        if is_earlier {
            self.drive(EARLIER);
        }
    }

    pub(super) fn remove(&self, deadline: Timestamp, id: u64) {
        self.sleeps.with(|sleeps, deferred| {
            deferred.drop_waker(sleeps.wakers.remove(&(deadline, id)));
        });
    }

    /// Handles the event: polls and resets the underlying sleep, and wakes tasks.
    ///
    /// If this is running already, it only leaves the event to that call. That call can be on
    /// another thread; or on this thread, if the underlying timer calls its waker from inside a
    /// poll. So this neither blocks nor recurses.
    fn drive(&self, event: u8) {
        if self.state.fetch_or(DRIVING | event, AcqRel) & DRIVING != 0 {
            return;
        }
        // Tasks are woken at the end, each on its own: a panic of one waker must not affect others.
        let mut due = Deferred::default();
        let mut spurious = 0;
        loop {
            let mut inner_sleep = self.inner_sleep.with(|place, _| place.take());
            let events = self.state.swap(DRIVING, AcqRel);
            let earlier = events & EARLIER != 0;
            let mut over = false;
            if let Some(sleep) = inner_sleep.as_mut().filter(|_| events & WOKEN != 0) {
                over = self.is_over(sleep);
                spurious = if over || earlier { 0 } else { spurious + 1 };
                // A sleep that calls its waker in each poll must not keep this loop running.
                over |= spurious > 1;
            }
            let mut reset = over || earlier;
            while reset {
                reset = self.reset(&mut inner_sleep, over, &mut due);
                over = reset;
            }
            self.inner_sleep.with(|place, _| *place = inner_sleep);
            if self.state.compare_exchange(DRIVING, 0, AcqRel, Relaxed).is_ok() {
                break;
            }
        }
    }

    /// Resets the underlying sleep to the first deadline. If it was over, first takes the wakers of
    /// the sleeps that are due. Returns whether the new underlying sleep is over already.
    fn reset(&self, inner_sleep: &mut InnerSleep<K>, over: bool, due: &mut Deferred<'_>) -> bool {
        let now = over.then(|| self.timer.now());
        let next = self.sleeps.inside(due, |sleeps, due| sleeps.next(now, due));
        let Some(next) = next else {
            *inner_sleep = None;
            return false;
        };
        let sleep = self.timer.sleep_until(next);
        let sleep = match inner_sleep {
            Some(place) => {
                place.as_mut().set(sleep);
                place
            }
            None => inner_sleep.insert(Box::pin(sleep)),
        };
        self.is_over(sleep)
    }

    fn is_over(&self, sleep: &mut Pin<Box<K::Sleep>>) -> bool {
        sleep.as_mut().poll(&mut Context::from_waker(&self.inner_waker)).is_ready()
    }
}

/// The sleeps that were polled and are not over.
struct Sleeps {
    slot: Duration,
    wakers: BTreeMap<(Timestamp, u64), Waker>,
    last_id: u64,
    /// The deadline of the underlying sleep, also while a thread is about to set it.
    next: Option<Timestamp>,
}

impl Sleeps {
    fn new(slot: Duration) -> Self {
        Self { slot, wakers: BTreeMap::new(), last_id: 0, next: None }
    }

    /// Inserts a sleep, or replaces its waker. Returns whether the underlying sleep must be reset.
    fn insert(
        &mut self,
        deadline: Timestamp,
        id: &mut u64,
        waker: Waker,
        deferred: &mut Deferred<'_>,
    ) -> bool {
        if *id == 0 {
            self.last_id += 1;
            *id = self.last_id;
        }
        let old = self.wakers.insert((deadline, *id), waker);
        let end = self.end_of_slot(deadline);
        let earlier = old.is_none() && self.next.is_none_or(|next| end < next);
        if earlier {
            self.next = Some(end);
        }
        deferred.drop_waker(old);
        earlier
    }

    /// Returns the next deadline of the underlying sleep. If that sleep was over at `now`, wakes the
    /// tasks of the sleeps that are due. If it was over too early, wakes the first task in any case:
    /// the task will insert its sleep again, and the executor has a turn between two tries.
    fn next(&mut self, now: Option<Timestamp>, due: &mut Deferred<'_>) -> Option<Timestamp> {
        if let Some(now) = now {
            let mut early = self.next.is_some_and(|next| now < next);
            while let Some(first) = self.wakers.first_entry() {
                if first.key().0 > now && !early {
                    break;
                }
                early = false;
                due.wake(first.remove());
            }
        }
        self.next = self.wakers.first_key_value().map(|((at, _), _)| self.end_of_slot(*at));
        self.next
    }

    /// Returns the end of the slot of this deadline; the deadline itself if the end is out of range.
    fn end_of_slot(&self, deadline: Timestamp) -> Timestamp {
        let last = deadline.checked_add(self.slot.saturating_sub(Duration::from_nanos(1)));
        last.map_or(deadline, |last| last.round_down(self.slot))
    }
}

/// The waker of the underlying sleep. It is weak, since the queue owns that sleep.
struct InnerWaker<K: Timer> {
    queue: Weak<TimerQueue<K>>,
}

impl<K: Timer<Sleep: Send> + Send + Sync + 'static> Wake for InnerWaker<K> {
    fn wake(self: Arc<Self>) {
        if let Some(queue) = self.queue.upgrade() {
            queue.drive(WOKEN);
        }
    }
}
