//! The published status, and the tasks that wait for a newer one: [`Published`].

use std::task::{Poll, Waker};

use super::Shared;
use crate::{
    status::Status,
    sync::{Deferred, Polled, WaitQueue, poll_registering},
};

/// The status as last published.
#[derive(Default)]
pub(crate) struct Published {
    pub(crate) status: Status,
    version: u64,
    watchers: Option<Box<dyn Watchers>>,
    next_watcher: u64,
}

/// The tasks that wait for a newer status.
///
/// They are an optional part, see ARCHITECTURE: only [`Shared::poll_status`] makes one.
trait Watchers: Send {
    /// The slot for the waker of this task.
    fn slot(&mut self, watcher: u64) -> &mut Option<Waker>;

    fn wake_all(&mut self, deferred: &mut Deferred<'_>);

    fn remove(&mut self, watcher: u64, deferred: &mut Deferred<'_>);
}

impl Watchers for WaitQueue<()> {
    fn slot(&mut self, watcher: u64) -> &mut Option<Waker> {
        self.set(watcher, ())
    }

    fn wake_all(&mut self, deferred: &mut Deferred<'_>) {
        Self::wake_all(self, deferred);
    }

    fn remove(&mut self, watcher: u64, deferred: &mut Deferred<'_>) {
        Self::remove(self, watcher, deferred);
    }
}

impl Published {
    pub(super) fn new(status: Status) -> Self {
        Self { status, ..Self::default() }
    }

    /// Wakes the tasks that wait, since the status has changed.
    pub(crate) fn renew(&mut self, deferred: &mut Deferred<'_>) {
        self.version += 1;
        if let Some(watchers) = &mut self.watchers {
            watchers.wake_all(deferred);
        }
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
        poll_registering(waker, |caller| {
            self.with(|state, deferred| {
                let published = &mut state.published;
                if seen.is_none_or(|seen| published.version > seen) {
                    return Polled::Ready((published.status.clone(), published.version));
                }
                let watchers = &mut published.watchers;
                let watchers = watchers.get_or_insert_with(|| Box::<WaitQueue<()>>::default());
                caller.wait_in(watchers.slot(watcher), deferred)
            })
        })
    }

    /// Forgets the waker of a stream of the status that was dropped.
    pub(crate) fn forget_watcher(&self, watcher: u64) {
        self.with(|state, deferred| {
            if let Some(watchers) = &mut state.published.watchers {
                watchers.remove(watcher, deferred);
            }
        });
    }
}
