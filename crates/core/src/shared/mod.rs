//! The state that a supervisor shares with its handles: [`Shared`].

mod wakers;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Poll, Wake, Waker},
};

use crate::{
    message::CloseFrame,
    outbox::Outbox,
    panics::UserPanic,
    status::Status,
    sync::{Deferred, Guarded, Polled, poll_registering},
    time::Timestamp,
};

pub(crate) use self::wakers::{Side, TaskWakers};

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) tasks: TaskWakers,
    /// The state below has changed, and the driver has not looked at it since.
    work: AtomicBool,
    state: Guarded<State>,
}

pub(crate) struct State {
    pub(crate) outbox: Outbox,
    pub(crate) commands: Commands,
    /// The first close frame that the user requested.
    pub(crate) close_frame: Option<Box<CloseFrame>>,
    pub(crate) published: Published,
}

/// The commands of handles. They are flags, so they are idempotent and need no bound.
#[derive(Debug, Default)]
pub(crate) struct Commands {
    pub(crate) close: bool,
    pub(crate) abort: bool,
    pub(crate) reconnect: bool,
    pub(crate) probe: bool,
    /// The last call of pause or resume.
    pub(crate) pausing: Option<Pausing>,
    /// A function of the user panicked outside of the driver. This ends the session.
    pub(crate) panic: Option<Box<UserPanic>>,
}

impl Commands {
    pub(crate) fn is_empty(&self) -> bool {
        let Self { close, abort, reconnect, probe, pausing, panic } = self;
        let flags = *close || *abort || *reconnect || *probe;
        !flags && pausing.is_none() && panic.is_none()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pausing {
    Pause,
    Resume,
}

/// The status as last published.
#[derive(Debug, Default)]
pub(crate) struct Published {
    pub(crate) status: Status,
    version: u64,
    /// Tasks that wait for a newer status.
    watchers: Vec<(u64, Waker)>,
    next_watcher: u64,
}

impl Published {
    /// Wakes the tasks that wait, since the status has changed.
    pub(crate) fn renew(&mut self, deferred: &mut Deferred<'_>) {
        self.version += 1;
        self.watchers.drain(..).for_each(|(_, waker)| deferred.wake(waker));
    }
}

impl Shared {
    pub(crate) fn new(outbox: Outbox, now: Timestamp) -> Self {
        let status = Status { as_of: now, since: now, ..Status::default() };
        let published = Published { status, ..Published::default() };
        Self {
            tasks: TaskWakers::default(),
            work: AtomicBool::new(false),
            state: Guarded::new(State {
                outbox,
                commands: Commands::default(),
                close_frame: None,
                published,
            }),
        }
    }

    /// Does the work under the lock and settles the outbox. After the lock is released, calls the
    /// deferred wakers and drops the deferred values.
    #[inline]
    pub(crate) fn with<'g, R>(&self, work: impl FnOnce(&mut State, &mut Deferred<'g>) -> R) -> R {
        let (result, accepted) = self.state.with(|state, deferred| {
            let result = work(state, deferred);
            (result, state.outbox.settle(deferred))
        });
        if accepted {
            self.notify();
        }
        result
    }

    /// Wakes the driver, unless it was already woken and has not looked since.
    ///
    /// The caller has changed the state under the lock before. The driver clears the flag before it
    /// takes the lock, so if the flag is set, the driver will still see the change.
    pub(crate) fn notify(&self) {
        if !self.has_work() && !self.work.swap(true, Ordering::AcqRel) {
            self.tasks.wake();
        }
    }

    /// Returns whether the driver has something to look at. Costs one relaxed load.
    pub(crate) fn has_work(&self) -> bool {
        self.work.load(Ordering::Relaxed)
    }

    /// Returns whether a handle, the connection or the sleep has something for the driver.
    pub(crate) fn is_calling(&self) -> bool {
        self.has_work() || self.tasks.are_up()
    }

    /// Clears the flag and returns it. The driver calls this before it looks at the state.
    pub(crate) fn take_work(&self) -> bool {
        self.work.swap(false, Ordering::AcqRel)
    }
}

/// The status.
impl Shared {
    pub(crate) fn status(&self) -> Status {
        self.with(|state, _| state.published.status.clone())
    }

    /// Returns a new number for a stream of the status.
    pub(crate) fn draw_watcher(&self) -> u64 {
        self.with(|state, _| {
            state.published.next_watcher += 1;
            state.published.next_watcher
        })
    }

    /// Returns the status and its version, if it is newer than the version `seen`. Otherwise
    /// registers the waker for the next change.
    pub(crate) fn poll_status(
        &self,
        watcher: u64,
        seen: Option<u64>,
        waker: &Waker,
    ) -> Poll<(Status, u64)> {
        poll_registering(waker, |own| {
            self.with(|state, deferred| {
                let published = &mut state.published;
                if seen.is_none_or(|seen| published.version > seen) {
                    return Polled::Ready((published.status.clone(), published.version));
                }
                let watchers = &mut published.watchers;
                let at = watchers.iter().position(|(known, _)| *known == watcher);
                if at.is_some_and(|at| watchers[at].1.will_wake(waker)) {
                    return Polled::Registered;
                }
                let Some(own) = own.take() else { return Polled::NeedsWaker };
                if let Some(at) = at {
                    deferred.drop_later(watchers.swap_remove(at));
                }
                watchers.push((watcher, own));
                Polled::Registered
            })
        })
    }

    /// Forgets the waker of a stream of the status that was dropped.
    pub(crate) fn forget_watcher(&self, watcher: u64) {
        self.with(|state, deferred| {
            let watchers = &mut state.published.watchers;
            for left in watchers.extract_if(.., |(known, _)| *known == watcher) {
                deferred.drop_later(left);
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

/// The waker of the sleep. It differs from the waker of the connection, so that a deadline does not
/// make the driver read an idle connection, and the connection does not make it poll the sleep.
pub(crate) struct TimerWaker {
    shared: Arc<Shared>,
}

/// The waker of the connection and of the attempt. It is always the same.
impl Wake for Shared {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.tasks.io_woken.store(true, Ordering::Release);
        self.tasks.wake();
    }
}

impl TimerWaker {
    pub(crate) fn waker(shared: &Arc<Shared>) -> Waker {
        Waker::from(Arc::new(Self { shared: Arc::clone(shared) }))
    }
}

impl Wake for TimerWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.shared.tasks.timer_woken.store(true, Ordering::Release);
        self.shared.tasks.wake();
    }
}
