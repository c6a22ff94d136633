//! [`Runner`]: an executor on virtual time.

use std::{
    cell::RefCell,
    fmt,
    panic::Location,
    pin::{Pin, pin},
    rc::Rc,
    sync::Arc,
    task::{Context, Waker},
    time::Duration,
};

use websocket_heartbeat::Timestamp;

use super::{
    ready_queue::{ReadyQueue, TaskWaker},
    task::{NewTask, Slot, Spawner, Task},
};
use crate::time::Clock;

/// Runs a future to completion on virtual time, with a new [`Runner`].
///
/// ```
/// use std::time::Duration;
/// use websocket_heartbeat::{Timer, Timestamp};
/// use websocket_heartbeat_mock::{run, Clock};
///
/// let clock = Clock::new();
/// let hour = Timestamp::from_epoch(Duration::from_secs(3600));
/// run(&clock, clock.timer().sleep_until(hour));
/// assert_eq!(clock.now(), hour);
/// ```
///
/// # Panics
///
/// See [`Runner::run_until`].
#[track_caller]
pub fn run<F: Future>(clock: &Clock, future: F) -> F::Output {
    Runner::new(clock).run_until(future)
}

/// A single-threaded executor that moves a [`Clock`]. It polls tasks while any task can run. When
/// no task can run, it moves the clock to the next instant at which a sleep or an action is due.
///
/// So each step happens at its exact instant, independent of the machine's load, and no step waits
/// in real time. Tasks run in the order in which they were woken. A wake from another thread works,
/// but the runner does not wait for it.
///
/// A test that would hang forever fails. The message names the virtual time and the waiting tasks:
///
/// - *deadlock*: no task can run, no sleep or action is due, and the future is not done;
/// - *livelock*: tasks are polled many times without progress of time;
/// - *time limit*: more virtual time has passed than the limit of the test.
pub struct Runner {
    clock: Clock,
    queue: Arc<ReadyQueue>,
    /// Each task is at its waker's index. The index is reused when the task is done.
    tasks: Vec<Option<Slot>>,
    free: Vec<usize>,
    /// Spawned, but not in `tasks` yet.
    new: Rc<RefCell<Vec<NewTask>>>,
    polls: u64,
    /// The current instant, and the number of polls in it.
    instant: (Timestamp, u64),
    poll_limit: u64,
    started: Timestamp,
    time_limit: Duration,
}

impl Runner {
    /// The default number of polls in one instant that counts as a livelock. It leaves room for a
    /// burst of ten thousand messages in one instant.
    pub const POLL_LIMIT: u64 = 100_000;

    /// The default limit on virtual time: a week.
    pub const TIME_LIMIT: Duration = Duration::from_secs(7 * 24 * 3600);

    /// An executor that moves this clock.
    pub fn new(clock: &Clock) -> Self {
        Self {
            clock: clock.clone(),
            queue: Arc::default(),
            tasks: Vec::new(),
            free: Vec::new(),
            new: Rc::default(),
            polls: 0,
            instant: (clock.now(), 0),
            poll_limit: Self::POLL_LIMIT,
            started: clock.now(),
            time_limit: Self::TIME_LIMIT,
        }
    }

    /// Sets how many polls in one instant count as a livelock.
    pub fn set_poll_limit(&mut self, polls: u64) {
        self.poll_limit = polls;
    }

    /// Limits the virtual time that may pass, counted from the creation of this runner.
    pub fn set_time_limit(&mut self, limit: Duration) {
        self.time_limit = limit;
    }

    /// The clock that this runner moves.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Adds a task, which is first polled in the next run. The future does not have to be `Send`.
    /// The task continues when its [`Task`] is dropped.
    #[track_caller]
    pub fn spawn<F: Future + 'static>(&mut self, future: F) -> Task<F::Output> {
        self.spawner().spawn(future)
    }

    /// Returns a spawner, for code that adds tasks itself.
    pub fn spawner(&self) -> Spawner {
        Spawner { new: Rc::downgrade(&self.new) }
    }

    /// Runs until this future is done, and returns its output. Other tasks stay in the runner and
    /// continue in the next call.
    ///
    /// # Panics
    ///
    /// On a deadlock, on a livelock and at the time limit; see [`Runner`].
    #[track_caller]
    pub fn run_until<F: Future>(&mut self, future: F) -> F::Output {
        let here = Location::caller();
        let mut output = None;
        let mut future = pin!(future);
        let mut main = pin!(std::future::poll_fn(|cx| {
            future.as_mut().poll(cx).map(|done| output = Some(done))
        }));
        let waker = TaskWaker::new(&self.queue, usize::MAX, here);
        waker.wake_quietly();
        let mut main = Main { waker, future: main.as_mut() };
        while !self.run_ready(Some(&mut main)) {
            let limit = self.started.checked_add(self.time_limit);
            let limit = limit.unwrap_or(Timestamp::from_epoch(Duration::MAX));
            if self.clock.step(limit).is_none() {
                self.give_up(limit, here);
            }
        }
        output.expect("the main future is done")
    }

    /// Runs for `duration` of virtual time, including its last instant: all sleeps and actions that
    /// are due at that instant have ended, and the tasks were polled. A deadlock is not an error
    /// here.
    ///
    /// # Panics
    ///
    /// On a livelock, and if the clock would leave its range of 584 years.
    #[track_caller]
    pub fn run_for(&mut self, duration: Duration) {
        let end = self.clock.now().checked_add(duration);
        let end = end.expect("the clock stays within its range of 584 years");
        loop {
            self.run_ready(None);
            if self.clock.step(end).is_none() {
                break;
            }
        }
        self.clock.settle_at(end);
    }

    /// Runs until no task can run at the current instant.
    ///
    /// # Panics
    ///
    /// On a livelock.
    #[track_caller]
    pub fn settle(&mut self) {
        self.run_for(Duration::ZERO);
    }

    /// The number of polls of all tasks.
    pub fn polls(&self) -> u64 {
        self.polls
    }

    /// The number of wakes of all tasks, including wakes of a task that already waits for its poll.
    pub fn wakes(&self) -> u64 {
        self.queue.wakes()
    }

    /// Polls all tasks that can run. Returns whether the main future is done.
    #[track_caller]
    fn run_ready(&mut self, mut main: Option<&mut Main<'_>>) -> bool {
        loop {
            self.adopt();
            let Some(waker) = self.queue.pop() else { return false };
            let is_main = main.as_ref().is_some_and(|main| Arc::ptr_eq(&main.waker, &waker));
            let slot = self.tasks.get(waker.index).and_then(Option::as_ref);
            // A finished task, or the main future of an earlier call, may still be woken.
            let slot = slot.filter(|slot| Arc::ptr_eq(&slot.waker, &waker)).cloned();
            if !is_main && slot.is_none() {
                continue;
            }
            self.count_poll(&waker);
            waker.count_poll();
            self.clock.begin_turn();
            let context_waker = Waker::from(waker.clone());
            let mut cx = Context::from_waker(&context_waker);
            if let Some(slot) = slot {
                if slot.poll(&mut cx).is_ready() {
                    self.tasks[waker.index] = None;
                    self.free.push(waker.index);
                }
            } else if let Some(main) = main.as_mut()
                && main.future.as_mut().poll(&mut cx).is_ready()
            {
                return true;
            }
        }
    }

    fn adopt(&mut self) {
        for new in self.new.take() {
            let index = self.free.pop().unwrap_or_else(|| {
                self.tasks.push(None);
                self.tasks.len() - 1
            });
            let waker = TaskWaker::new(&self.queue, index, new.spawned_at);
            waker.wake_quietly();
            *new.counts.borrow_mut() = Some(waker.clone());
            self.tasks[index] = Some(Slot { waker, work: new.work });
        }
    }

    #[track_caller]
    fn count_poll(&mut self, next: &TaskWaker) {
        self.polls += 1;
        let now = self.clock.now();
        if self.instant.0 != now {
            self.instant = (now, 0);
        }
        self.instant.1 += 1;
        if self.instant.1 > self.poll_limit {
            panic!(
                "livelock at {now}: {} polls in one instant; woken again: {next}",
                self.poll_limit
            );
        }
    }

    #[track_caller]
    fn give_up(&self, limit: Timestamp, main: &Location<'_>) -> ! {
        let now = self.clock.now();
        let mut waiting = format!("the future of {main}");
        for slot in self.tasks.iter().flatten().filter(|slot| slot.is_unfinished()) {
            waiting += &format!(", {}", slot.waker);
        }
        match self.clock.next_instant() {
            None => {
                panic!("deadlock at {now}: nothing can run, nothing is due; waiting: {waiting}")
            }
            Some(next) => panic!(
                "time limit {limit} reached at {now}: next instant {next}; waiting: {waiting}"
            ),
        }
    }
}

impl fmt::Debug for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runner")
            .field("clock", &self.clock)
            .field("tasks", &self.tasks.iter().flatten().count())
            .field("polls", &self.polls)
            .field("wakes", &self.wakes())
            .finish_non_exhaustive()
    }
}

struct Main<'a> {
    waker: Arc<TaskWaker>,
    future: Pin<&'a mut dyn Future<Output = ()>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reference cycles between tasks, handles and spawners must not leak.
    #[test]
    fn a_dropped_runner_frees_all_its_tasks() {
        let clock = Clock::new();
        let mut runner = Runner::new(&clock);
        let (queue, new) = (Arc::downgrade(&runner.queue), Rc::downgrade(&runner.new));
        let token = Rc::new(());
        // A task that is woken and not polled again, and whose waker outlives it.
        let waker = Rc::new(RefCell::new(None));
        let (place, kept) = (Rc::clone(&waker), Rc::clone(&token));
        runner
            .spawn(std::future::poll_fn(move |cx| {
                let _kept = &kept;
                *place.borrow_mut() = Some(cx.waker().clone());
                std::task::Poll::<()>::Pending
            }))
            .detach();
        // Two tasks that hold each other's handles and spawners.
        let handles: Rc<RefCell<Vec<Task<()>>>> = Rc::default();
        for _ in 0..2 {
            let all = (Rc::clone(&handles), runner.spawner(), Rc::clone(&token));
            let task = runner.spawn(async move {
                std::future::pending::<()>().await;
                drop(all);
            });
            handles.borrow_mut().push(task);
        }
        drop(handles);
        runner.settle();
        let waker = waker.borrow_mut().take().unwrap();
        waker.wake_by_ref();
        // A task that was spawned, but never polled.
        let spawner = runner.spawner();
        let kept = (runner.spawner(), Rc::clone(&token));
        runner.spawn(async move { drop(kept) }).detach();
        drop(runner);
        assert_eq!(Rc::strong_count(&token), 1);
        assert!(queue.upgrade().is_none() && new.upgrade().is_none());
        // Both come too late.
        waker.wake_by_ref();
        let late = Rc::clone(&token);
        let task = spawner.spawn(async move { drop(late) });
        assert_eq!(Rc::strong_count(&token), 1);
        assert!(!task.is_done());
    }
}
