//! What the supervisor shares with its handles.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
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
    pub(crate) slots: Slots,
    /// Something was put below since the driver last looked.
    work: AtomicBool,
    state: Mutex<State>,
}

pub(crate) struct State {
    pub(crate) queue: Queue,
    pub(crate) commands: Commands,
    pub(crate) published: Published,
}

/// The user's will, as flags: idempotent, and bounded by construction.
#[derive(Debug, Default)]
pub(crate) struct Commands {
    pub(crate) close: Option<Box<Option<CloseFrame>>>,
    pub(crate) abort: bool,
    pub(crate) reconnect: bool,
    pub(crate) probe: bool,
    /// The last of pause (true) and resume (false).
    pub(crate) pause: Option<bool>,
}

impl Commands {
    pub(crate) fn is_empty(&self) -> bool {
        let Self { close, abort, reconnect, probe, pause } = self;
        close.is_none() && pause.is_none() && !(*abort || *reconnect || *probe)
    }
}

/// The status as last published.
#[derive(Debug, Default)]
pub(crate) struct Published {
    pub(crate) status: Status,
    version: u64,
    watchers: Vec<(u64, Waker)>,
    next_watcher: u64,
}

impl Published {
    /// The status has changed. Gives those who watch it, to be woken outside the lock.
    pub(crate) fn renew(&mut self) -> Watchers {
        self.version += 1;
        Watchers(std::mem::take(&mut self.watchers))
    }
}

/// Who watches the status.
#[must_use = "they wait"]
pub(crate) struct Watchers(Vec<(u64, Waker)>);

impl Watchers {
    pub(crate) fn wake(self) {
        for (_, waker) in self.0 {
            waker.wake();
        }
    }
}

impl Shared {
    pub(crate) fn new(queue: Queue, now: Timestamp) -> Self {
        let status = Status { as_of: now, since: now, ..Status::default() };
        let published = Published { status, ..Published::default() };
        Self {
            slots: Slots::default(),
            work: AtomicBool::new(false),
            state: Mutex::new(State { queue, commands: Commands::default(), published }),
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
    ///
    /// What it is to see was put down under the lock before. So a flag that is found up need not be
    /// raised: the driver lowers it before it takes the lock, and will find what was put down.
    pub(crate) fn notify(&self) {
        if !self.has_work() && !self.work.swap(true, Ordering::AcqRel) {
            self.slots.wake();
        }
    }

    /// Whether there is something to look at: one plain load.
    pub(crate) fn has_work(&self) -> bool {
        self.work.load(Ordering::Relaxed)
    }

    /// Whether a handle, the connection or the sleep has something for the driver.
    pub(crate) fn is_calling(&self) -> bool {
        self.has_work() || self.slots.are_up()
    }

    /// The driver looks.
    pub(crate) fn take_work(&self) -> bool {
        self.work.swap(false, Ordering::AcqRel)
    }
}

/// The status.
impl Shared {
    pub(crate) fn status(&self) -> Status {
        self.lock().published.status.clone()
    }

    /// A number for one who watches the status.
    pub(crate) fn draw_watcher(&self) -> u64 {
        let published = &mut self.lock().published;
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
        let mut state = self.lock();
        let published = &mut state.published;
        if seen.is_none_or(|seen| published.version > seen) {
            return Some((published.status.clone(), published.version));
        }
        let (watchers, waker) = (&mut published.watchers, waker.clone());
        let known = watchers.iter_mut().find(|(known, _)| *known == watcher);
        let old = match known {
            Some((_, known)) => Some(std::mem::replace(known, waker)),
            None => {
                watchers.push((watcher, waker));
                None
            }
        };
        drop(state);
        // Out of the lock: this may end a task, and whatever it owns.
        drop(old);
        None
    }

    pub(crate) fn forget_watcher(&self, watcher: u64) {
        let mut state = self.lock();
        let watchers = &mut state.published.watchers;
        let at = watchers.iter().position(|(known, _)| *known == watcher);
        let old = at.map(|at| watchers.swap_remove(at));
        drop(state);
        // Out of the lock, as above.
        drop(old);
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
