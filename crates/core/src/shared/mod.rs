//! What the supervisor shares with its handles.

mod wakers;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Wake, Waker},
};

use crate::{
    message::CloseFrame,
    outbox::Outbox,
    panics::UserPanic,
    status::Status,
    sync::{Garbage, Guarded},
    time::Timestamp,
};

pub(crate) use self::wakers::{Side, Slots};

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) slots: Slots,
    /// Something was put below since the driver last looked.
    work: AtomicBool,
    state: Guarded<State>,
}

pub(crate) struct State {
    pub(crate) outbox: Outbox,
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
    /// A function of the user's panicked beside the driver, which ends the session.
    pub(crate) panic: Option<Box<UserPanic>>,
}

impl Commands {
    pub(crate) fn is_empty(&self) -> bool {
        let Self { close, abort, reconnect, probe, pause, panic } = self;
        close.is_none() && pause.is_none() && panic.is_none() && !(*abort || *reconnect || *probe)
    }
}

/// The status as last published.
#[derive(Debug, Default)]
pub(crate) struct Published {
    pub(crate) status: Status,
    version: u64,
    /// Those who wait for a newer status.
    watchers: Vec<(u64, Waker)>,
    next_watcher: u64,
}

impl Published {
    /// The status has changed: those who watch it are called.
    pub(crate) fn renew(&mut self, garbage: &mut Garbage<'_>) {
        self.version += 1;
        self.watchers.drain(..).for_each(|(_, waker)| garbage.wake(waker));
    }
}

impl Shared {
    pub(crate) fn new(outbox: Outbox, now: Timestamp) -> Self {
        let status = Status { as_of: now, since: now, ..Status::default() };
        let published = Published { status, ..Published::default() };
        Self {
            slots: Slots::default(),
            work: AtomicBool::new(false),
            state: Guarded::new(State { outbox, commands: Commands::default(), published }),
        }
    }

    /// Works on the shared state and settles the outbox, then wakes whom it concerns and drops what
    /// is left over, outside the lock.
    #[inline]
    pub(crate) fn with<'g, R>(&self, work: impl FnOnce(&mut State, &mut Garbage<'g>) -> R) -> R {
        let (result, accepted) = self.state.with(|state, garbage| {
            let result = work(state, garbage);
            (result, state.outbox.settle(garbage))
        });
        if accepted {
            self.notify();
        }
        result
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
        self.with(|state, _| state.published.status.clone())
    }

    /// A number for one who watches the status.
    pub(crate) fn draw_watcher(&self) -> u64 {
        self.with(|state, _| {
            state.published.next_watcher += 1;
            state.published.next_watcher
        })
    }

    /// The status if it is newer than version `seen`; else the waker is called when it is.
    pub(crate) fn poll_status(
        &self,
        watcher: u64,
        seen: Option<u64>,
        waker: &Waker,
    ) -> Option<(Status, u64)> {
        let mut own = None;
        loop {
            let look = self.with(|state, garbage| {
                let published = &mut state.published;
                if seen.is_none_or(|seen| published.version > seen) {
                    return Some(Some((published.status.clone(), published.version)));
                }
                let watchers = &mut published.watchers;
                let at = watchers.iter().position(|(known, _)| *known == watcher);
                if !at.is_some_and(|at| watchers[at].1.will_wake(waker)) {
                    let own = own.take()?;
                    if let Some(at) = at {
                        garbage.drop_later(watchers.swap_remove(at));
                    }
                    watchers.push((watcher, own));
                }
                Some(None)
            });
            match look {
                Some(result) => return result,
                // Cloned outside of the lock, and only by one who must wait.
                None => own = Some(waker.clone()),
            }
        }
    }

    pub(crate) fn forget_watcher(&self, watcher: u64) {
        self.with(|state, garbage| {
            let watchers = &mut state.published.watchers;
            for left in watchers.extract_if(.., |(known, _)| *known == watcher) {
                garbage.drop_later(left);
            }
        });
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("held", &self.outbox.held())
            .field("commands", &self.commands)
            .finish_non_exhaustive()
    }
}

/// What the sleep sees as the task. It is told apart, so that a deadline does not make the driver
/// read a connection on which nothing happened, nor the connection make it poll the sleep.
pub(crate) struct Bell {
    shared: Arc<Shared>,
}

/// What connection and connect future see as the task: always the same.
impl Wake for Shared {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.slots.stirred.store(true, Ordering::Release);
        self.slots.wake();
    }
}

impl Bell {
    pub(crate) fn waker(shared: &Arc<Shared>) -> Waker {
        Waker::from(Arc::new(Self { shared: Arc::clone(shared) }))
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.shared.slots.rung.store(true, Ordering::Release);
        self.shared.slots.wake();
    }
}
