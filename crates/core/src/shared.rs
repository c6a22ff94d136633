//! What the supervisor shares with its handles.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::Waker,
};

use crate::{
    CloseFrame, Status, Timestamp,
    queue::{News, Queue},
    wakers::Slots,
};

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) slots: Arc<Slots>,
    /// Something was put below since the driver last looked.
    work: AtomicBool,
    state: Mutex<State>,
    status: Mutex<Published>,
}

pub(crate) struct State {
    pub(crate) queue: Queue,
    pub(crate) commands: Commands,
}

/// The user's will, as flags: idempotent, and bounded by construction.
#[derive(Debug, Default)]
pub(crate) struct Commands {
    pub(crate) close: Option<Option<CloseFrame>>,
    pub(crate) abort: bool,
    pub(crate) reconnect: bool,
    pub(crate) probe: bool,
    /// The last of pause (true) and resume (false).
    pub(crate) pause: Option<bool>,
}

/// The status as last published.
#[derive(Debug, Default)]
struct Published {
    status: Status,
    version: u64,
    watchers: Vec<(u64, Waker)>,
    next_watcher: u64,
}

impl Shared {
    pub(crate) fn new(queue: Queue, now: Timestamp) -> Self {
        let status = Status { as_of: now, since: now, ..Status::default() };
        Self {
            slots: Arc::default(),
            work: AtomicBool::new(false),
            state: Mutex::new(State { queue, commands: Commands::default() }),
            status: Mutex::new(Published { status, ..Published::default() }),
        }
    }

    /// Works on the shared state, then wakes whom it concerns, outside the lock.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut State, &mut News) -> R) -> R {
        let mut news = News::default();
        let result = work(&mut self.lock(), &mut news);
        news.spread();
        result
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the driver to look. It is woken at the first such call after it has looked.
    pub(crate) fn notify(&self) {
        // What was put down before under the lock is seen by whoever takes `true` away.
        if !self.has_work() && !self.work.swap(true, Ordering::AcqRel) {
            self.slots.wake();
        }
    }

    /// Whether there is something to look at: one plain load.
    pub(crate) fn has_work(&self) -> bool {
        self.work.load(Ordering::Relaxed)
    }

    /// The driver looks.
    pub(crate) fn take_work(&self) -> bool {
        self.work.swap(false, Ordering::AcqRel)
    }
}

/// The status.
impl Shared {
    fn published(&self) -> MutexGuard<'_, Published> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn status(&self) -> Status {
        self.published().status.clone()
    }

    /// Publishes what has changed, and wakes those who watch.
    pub(crate) fn publish(&self, change: impl FnOnce(&mut Status)) {
        let mut published = self.published();
        change(&mut published.status);
        published.version += 1;
        if published.watchers.is_empty() {
            return;
        }
        let watchers = std::mem::take(&mut published.watchers);
        drop(published);
        for (_, waker) in watchers {
            waker.wake();
        }
    }

    /// A number for one who watches the status.
    pub(crate) fn draw_watcher(&self) -> u64 {
        let mut published = self.published();
        published.next_watcher += 1;
        published.next_watcher
    }

    /// The status if it is newer than version `seen`; else the waker is called when it is.
    pub(crate) fn poll_status(
        &self,
        watcher: u64,
        seen: Option<u64>,
        waker: &Waker,
    ) -> Option<(Status, u64)> {
        let mut published = self.published();
        if seen.is_none_or(|seen| published.version > seen) {
            return Some((published.status.clone(), published.version));
        }
        match published.watchers.iter_mut().find(|(known, _)| *known == watcher) {
            Some((_, known)) => known.clone_from(waker),
            None => published.watchers.push((watcher, waker.clone())),
        }
        None
    }

    pub(crate) fn forget_watcher(&self, watcher: u64) {
        self.published().watchers.retain(|(known, _)| *known != watcher);
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("held", &self.queue.held())
            .field("commands", &self.commands)
            .finish_non_exhaustive()
    }
}
