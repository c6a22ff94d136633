//! [`SharedTimer`]: one sleep of the timer below for all who wait.

use std::{
    collections::BTreeMap,
    fmt,
    future::Future,
    mem,
    pin::Pin,
    sync::{
        Arc, Weak,
        atomic::{
            AtomicU8,
            Ordering::{AcqRel, Relaxed},
        },
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use super::{timer::Timer, timestamp::Timestamp};
use crate::sync::{Garbage, Guarded};

/// A [`Timer`] that serves any number of sleeps by one sleep of the timer below.
///
/// It is for many sessions on one reactor whose timers are dear: each that is set wakes async-io's
/// reactor for one more turn, some five system calls, and a session sets two for each heartbeat.
/// With this, only a deadline that is earlier than all others reaches the timer below; any other is
/// an insertion into an ordered map under a lock. [`with_slot`](Self::with_slot) lets those that
/// are close together end together, which saves most of what is left.
///
/// Clones share the one sleep. Sleeps may be made, polled and dropped on any thread.
///
/// # Guarantees
///
/// - The clock is that of the timer below, and so is the epoch unless it was made by
///   [`from_now`](Self::from_now).
/// - A sleep ends when that clock has reached its deadline, never before, and wakes the task that
///   polled it last. It is as late as the timer below, and at most one slot later. Where the timer
///   below is early the task is woken early, and polls in vain.
/// - A sleep that was never polled costs nothing, and one that is dropped leaves nothing behind but
///   at most one vain ring of the sleep below.
/// - No waker is cloned, called or dropped under a lock.
///
/// The timer below may call its waker from inside a poll. As the waker may use that timer at once,
/// it must not be called under a lock that the timer's own methods take.
///
/// # When not to use it
///
/// Where a runtime keeps its own ordered timers and sets them without a system call, as tokio does,
/// this is a second queue and one lock for all threads, and gains nothing.
///
/// # Panics
///
/// A panic of the timer below comes out where it was called: of a poll, or of the waker that it
/// calls. After that the sleeps that wait need not end.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use websocket_heartbeat::{SharedTimer, Timer, Timestamp};
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
    queue: Arc<Sleepers<K>>,
    /// By the clock of the timer below.
    epoch: Duration,
}

impl<K> SharedTimer<K>
where
    K: Timer + Send + Sync + 'static,
    K::Sleep: Send,
{
    /// A timer over `timer`, as exact as that.
    pub fn new(timer: K) -> Self {
        Self::with_slot(timer, Duration::ZERO)
    }

    /// A timer over `timer` whose sleeps end together at whole numbers of slots after the epoch:
    /// each at the first of these moments that is not before its deadline. One that is polled
    /// between the two is over.
    ///
    /// A millisecond is what tokio's timers have, and nothing that a session would notice. Zero
    /// lets sleeps end at any moment.
    pub fn with_slot(timer: K, slot: Duration) -> Self {
        let queue = Arc::new_cyclic(|queue| Sleepers {
            timer,
            waiting: Guarded::new(Waiting::new(slot)),
            alarm: Guarded::new(None),
            duty: AtomicU8::new(0),
            bell: Waker::from(Arc::new(Bell { queue: Weak::clone(queue) })),
        });
        Self { queue, epoch: Duration::ZERO }
    }
}

impl<K: Timer> SharedTimer<K> {
    /// The same timer with an epoch of its own, which is now. Slots are those of the timer below.
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

/// A wait for one moment, from [`SharedTimer::sleep_until`](Timer::sleep_until). Dropping it
/// cancels the wait.
#[must_use = "futures do nothing unless polled"]
pub struct SharedSleep<K: Timer> {
    queue: Arc<Sleepers<K>>,
    /// By the clock of the timer below.
    deadline: Timestamp,
    /// Tells it from others with the same deadline; 0 while it is not among those who wait.
    id: u64,
}

impl<K: Timer> SharedSleep<K> {
    /// Waits no longer.
    fn leave(&mut self) {
        let id = mem::take(&mut self.id);
        if id != 0 {
            self.queue.waiting.with(|waiting, garbage| {
                garbage.drop_waker(waiting.sleeps.remove(&(self.deadline, id)));
            });
        }
    }
}

impl<K: Timer> Future for SharedSleep<K> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.queue.timer.now() >= self.deadline {
            self.leave();
            return Poll::Ready(());
        }
        let waker = cx.waker().clone();
        let this = &mut *self;
        let earliest = this
            .queue
            .waiting
            .with(|waiting, garbage| waiting.enter(this.deadline, &mut this.id, waker, garbage));
        if earliest {
            this.queue.attend(EARLIER);
        }
        Poll::Pending
    }
}

impl<K: Timer> Drop for SharedSleep<K> {
    fn drop(&mut self) {
        self.leave();
    }
}

impl<K: Timer> fmt::Debug for SharedSleep<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedSleep").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

/// What clones and sleeps share.
struct Sleepers<K: Timer> {
    timer: K,
    waiting: Guarded<Waiting>,
    /// The sleep of the timer below. Whoever has the duty takes it out, and nobody else asks: its
    /// code does not run under a lock.
    alarm: Guarded<Alarm<K>>,
    /// [`ON_DUTY`], and what whoever has the duty has not seen yet.
    duty: AtomicU8,
    /// What the alarm calls.
    bell: Waker,
}

type Alarm<K> = Option<Pin<Box<<K as Timer>::Sleep>>>;

/// Somebody sees to the alarm.
const ON_DUTY: u8 = 1;
/// Somebody has entered whose deadline needs an earlier alarm.
const EARLIER: u8 = 2;
/// The alarm has called.
const RUNG: u8 = 4;

impl<K: Timer> Sleepers<K> {
    /// Sees to the alarm, or leaves it to whoever does already: another thread, or this one, if the
    /// timer below calls from inside a poll. So nobody waits here, and nothing recurs.
    fn attend(&self, news: u8) {
        if self.duty.fetch_or(ON_DUTY | news, AcqRel) & ON_DUTY != 0 {
            return;
        }
        // Those whose moment has come are called at the end, one by one: a panic of one is no other
        // session's.
        let mut due = Garbage::default();
        let mut vain = 0;
        loop {
            let mut alarm = self.alarm.with(|alarm, _| alarm.take());
            let news = self.duty.swap(ON_DUTY, AcqRel);
            let earlier = news & EARLIER != 0;
            let mut over = false;
            if let Some(sleep) = alarm.as_mut().filter(|_| news & RUNG != 0) {
                over = self.is_over(sleep);
                vain = if over || earlier { 0 } else { vain + 1 };
                // Where it calls from inside each poll, there is no end to asking it again.
                over |= vain > 1;
            }
            let mut moved = over || earlier;
            while moved {
                moved = self.set(&mut alarm, over, &mut due);
                over = moved;
            }
            self.alarm.with(|place, _| *place = alarm);
            let done = self.duty.compare_exchange(ON_DUTY, 0, AcqRel, Relaxed);
            if done.is_ok() {
                break;
            }
        }
    }

    /// Sets the alarm to the first deadline, and takes out those that have come if it was over.
    /// Whether it is over at once.
    fn set(&self, alarm: &mut Alarm<K>, over: bool, due: &mut Garbage<'_>) -> bool {
        let now = over.then(|| self.timer.now());
        let next = self.waiting.inside(due, |waiting, due| waiting.next(now, due));
        let Some(next) = next else {
            *alarm = None;
            return false;
        };
        let sleep = self.timer.sleep_until(next);
        let sleep = match alarm {
            Some(place) => {
                place.as_mut().set(sleep);
                place
            }
            None => alarm.insert(Box::pin(sleep)),
        };
        self.is_over(sleep)
    }

    fn is_over(&self, sleep: &mut Pin<Box<K::Sleep>>) -> bool {
        sleep.as_mut().poll(&mut Context::from_waker(&self.bell)).is_ready()
    }
}

struct Waiting {
    slot: Duration,
    sleeps: BTreeMap<(Timestamp, u64), Waker>,
    last_id: u64,
    /// What the alarm is set to, or is about to be by whoever entered last.
    alarm: Option<Timestamp>,
}

impl Waiting {
    fn new(slot: Duration) -> Self {
        Self { slot, sleeps: BTreeMap::new(), last_id: 0, alarm: None }
    }

    /// Enters a sleep, or its new waker. Whether the alarm must be set for it.
    fn enter(
        &mut self,
        at: Timestamp,
        id: &mut u64,
        waker: Waker,
        garbage: &mut Garbage<'_>,
    ) -> bool {
        if *id == 0 {
            self.last_id += 1;
            *id = self.last_id;
        }
        let old = self.sleeps.insert((at, *id), waker);
        let end = self.end_of_slot(at);
        let earlier = old.is_none() && self.alarm.is_none_or(|alarm| end < alarm);
        if earlier {
            self.alarm = Some(end);
        }
        garbage.drop_waker(old);
        earlier
    }

    /// The moment to set the alarm to. If it was over `now`, those whose moment has come are taken
    /// out; by an alarm that was early the first is in any case: its task will enter it again, so
    /// that the executor has a turn between two tries.
    fn next(&mut self, now: Option<Timestamp>, due: &mut Garbage<'_>) -> Option<Timestamp> {
        if let Some(now) = now {
            let mut vain = self.alarm.is_some_and(|alarm| now < alarm);
            while let Some(first) = self.sleeps.first_entry() {
                if first.key().0 > now && !vain {
                    break;
                }
                vain = false;
                due.wake(first.remove());
            }
        }
        self.alarm = self.sleeps.first_key_value().map(|((at, _), _)| self.end_of_slot(*at));
        self.alarm
    }

    /// Beyond the last slot it is the moment itself.
    fn end_of_slot(&self, at: Timestamp) -> Timestamp {
        let last = at.checked_add(self.slot.saturating_sub(Duration::from_nanos(1)));
        last.map_or(at, |last| last.round_down(self.slot))
    }
}

/// The waker of the alarm. It does not keep the queue alive, which has it.
struct Bell<K: Timer> {
    queue: Weak<Sleepers<K>>,
}

impl<K> Wake for Bell<K>
where
    K: Timer + Send + Sync + 'static,
    K::Sleep: Send,
{
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if let Some(queue) = self.queue.upgrade() {
            queue.attend(RUNG);
        }
    }
}
