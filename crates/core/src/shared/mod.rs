//! The state that a supervisor shares with its handles: [`Shared`].

mod published;
mod wakers;

use std::{
    sync::{Arc, atomic::Ordering},
    task::{Wake, Waker},
};

use crate::{
    message::CloseFrame,
    outbox::Outbox,
    panics::UserPanic,
    status::Status,
    sync::{AtomicBool, Deferred, Guarded},
    time::Timestamp,
};

pub(crate) use self::{
    published::Published,
    wakers::{Side, TaskWakers},
};

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) tasks: TaskWakers,
    /// The state below has changed, and the driver has not looked at it since.
    work: AtomicBool,
    state: Guarded<State>,
    /// The name of the session. The second box makes the field one pointer.
    name: Option<Box<Box<str>>>,
}

pub(crate) struct State {
    pub(crate) outbox: Outbox,
    pub(crate) commands: Commands,
    /// The first close frame that the user requested.
    pub(crate) close_frame: Option<Box<CloseFrame>>,
    pub(crate) published: Published,
}

/// The commands of handles. They are flags, so they are idempotent and need no bound.
#[derive(Default, PartialEq, Eq)]
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

/// The last of the two commands decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pausing {
    Pause,
    Resume,
}

impl Shared {
    pub(crate) fn new(outbox: Outbox, now: Timestamp) -> Self {
        let status = Status { as_of: now, since: now, ..Status::default() };
        Self {
            tasks: TaskWakers::default(),
            work: AtomicBool::new(false),
            state: Guarded::new(State {
                outbox,
                commands: Commands::default(),
                close_frame: None,
                published: Published::new(status),
            }),
            name: None,
        }
    }

    pub(crate) fn named(self, name: Option<Box<Box<str>>>) -> Self {
        Self { name, ..self }
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.name.as_ref().map(|name| &***name)
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

    /// Reads the state under a second lock.
    pub(crate) fn read_inside<R>(
        &self,
        deferred: &mut Deferred<'_>,
        read: impl FnOnce(&State) -> R,
    ) -> R {
        self.state.inside(deferred, |state, _| read(state))
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
        let TaskWakers { io_woken, timer_woken, .. } = &self.tasks;
        [&self.work, io_woken, timer_woken].iter().any(|flag| flag.load(Ordering::Relaxed))
    }

    /// Clears the flag and returns it. The driver calls this before it looks at the state.
    pub(crate) fn take_work(&self) -> bool {
        self.work.swap(false, Ordering::AcqRel)
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
        self.shared.tasks.timer_woken.store(true, Ordering::Release);
        self.shared.tasks.wake();
    }
}
