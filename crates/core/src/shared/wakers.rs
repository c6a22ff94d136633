//! The tasks that poll a supervisor, behind wakers that never change.

use std::{
    sync::{Arc, atomic::Ordering},
    task::Waker,
};

use crate::sync::{AtomicBool, Guarded, wake};

/// The side from which a supervisor is polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Stream = 0,
    Sink = 1,
}

/// The tasks to wake: one permanent slot for each side, so that the halves of a `split` may be in
/// two tasks.
///
/// A wake does not empty the slot, so a side registers once and not for each poll. The waker of an
/// ended task may cause an unneeded wake, but no wake is lost.
#[derive(Debug, Default)]
pub(crate) struct TaskWakers {
    /// Cloning this `Arc` runs no code of the application. Cloning a waker does.
    wakers: Guarded<[Option<Arc<Waker>>; 2]>,
    /// The connection or the attempt has called its waker since the driver last looked.
    pub(super) io_woken: AtomicBool,
    /// The sleep has called its waker since the driver last looked.
    pub(super) timer_woken: AtomicBool,
}

impl TaskWakers {
    pub(crate) fn set(&self, side: Side, waker: &Waker) {
        let waker = Arc::new(waker.clone());
        self.wakers.with(|wakers, deferred| {
            deferred.drop_later(wakers[side as usize].replace(waker));
        });
    }

    /// Forgets the task of one side.
    pub(crate) fn forget(&self, side: Side) {
        self.wakers.with(|wakers, deferred| deferred.drop_later(wakers[side as usize].take()));
    }

    /// Forgets both tasks.
    pub(crate) fn clear(&self) {
        self.wakers.with(|wakers, deferred| deferred.drop_later(std::mem::take(wakers)));
    }

    /// Wakes both tasks.
    pub(crate) fn wake(&self) {
        match self.wakers.with(|wakers, _| wakers.clone()) {
            // Usually one task polls both sides.
            [Some(stream), Some(sink)] if stream.will_wake(&sink) => wake(&stream),
            wakers => wakers.iter().flatten().for_each(|waker| wake(waker)),
        }
    }

    /// Wakes the task of one side.
    pub(crate) fn wake_side(&self, side: Side) {
        if let Some(waker) = self.wakers.with(|wakers, _| wakers[side as usize].clone()) {
            wake(&waker);
        }
    }

    /// Whether the connection has called its waker since the last call of `take_io_woken`.
    pub(crate) fn is_io_woken(&self) -> bool {
        self.io_woken.load(Ordering::Acquire)
    }

    /// Whether the connection has called its waker since the last call.
    pub(crate) fn take_io_woken(&self) -> bool {
        take(&self.io_woken)
    }

    /// Whether the sleep has called its waker since the last call.
    pub(crate) fn take_timer_woken(&self) -> bool {
        take(&self.timer_woken)
    }
}

/// Reads before it writes: for a flag that is rarely set, this avoids a locked operation.
fn take(flag: &AtomicBool) -> bool {
    flag.load(Ordering::Relaxed) && flag.swap(false, Ordering::Acquire)
}
