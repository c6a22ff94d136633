//! [`ReadyQueue`]: the tasks that can run, and the wakers that add to it.

use std::{
    collections::VecDeque,
    fmt,
    panic::Location,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::Wake,
};

/// The tasks that can run, in the order in which they were woken.
#[derive(Default)]
pub(crate) struct ReadyQueue {
    ready: Mutex<VecDeque<Arc<TaskWaker>>>,
    wakes: AtomicU64,
}

impl ReadyQueue {
    /// The number of wakes of all tasks.
    pub(crate) fn wakes(&self) -> u64 {
        self.wakes.load(Ordering::Relaxed)
    }

    pub(crate) fn pop(&self) -> Option<Arc<TaskWaker>> {
        let waker = self.ready.lock().unwrap_or_else(PoisonError::into_inner).pop_front()?;
        waker.queued.store(false, Ordering::SeqCst);
        Some(waker)
    }
}

/// The waker of one task, or of a main future.
pub(crate) struct TaskWaker {
    /// The index of the task in the runner, out of range for a main future.
    pub(crate) index: usize,
    spawned_at: &'static Location<'static>,
    /// Weak, since the queue holds wakers. After the runner is dropped a wake does nothing.
    queue: Weak<ReadyQueue>,
    queued: AtomicBool,
    polls: AtomicU64,
    wakes: AtomicU64,
}

impl TaskWaker {
    pub(crate) fn new(
        queue: &Arc<ReadyQueue>,
        index: usize,
        spawned_at: &'static Location<'static>,
    ) -> Arc<Self> {
        Arc::new(Self {
            index,
            spawned_at,
            queue: Arc::downgrade(queue),
            queued: AtomicBool::new(false),
            polls: AtomicU64::new(0),
            wakes: AtomicU64::new(0),
        })
    }

    pub(crate) fn count_poll(&self) {
        self.polls.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn polls(&self) -> u64 {
        self.polls.load(Ordering::Relaxed)
    }

    pub(crate) fn wakes(&self) -> u64 {
        self.wakes.load(Ordering::Relaxed)
    }

    /// Adds the task to the queue without counting a wake.
    pub(crate) fn wake_quietly(self: &Arc<Self>) {
        if let Some(queue) = self.queue.upgrade()
            && !self.queued.swap(true, Ordering::SeqCst)
        {
            let mut ready = queue.ready.lock().unwrap_or_else(PoisonError::into_inner);
            ready.push_back(self.clone());
        }
    }
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wakes.fetch_add(1, Ordering::Relaxed);
        if let Some(queue) = self.queue.upgrade() {
            queue.wakes.fetch_add(1, Ordering::Relaxed);
        }
        self.wake_quietly();
    }
}

impl fmt::Display for TaskWaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the task of {}", self.spawned_at)
    }
}
