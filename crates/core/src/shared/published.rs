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
    /// Tasks that wait for a newer status.
    watchers: WaitQueue<()>,
    next_watcher: u64,
}

impl Published {
    pub(super) fn new(status: Status) -> Self {
        Self { status, ..Self::default() }
    }

    /// Wakes the tasks that wait, since the status has changed.
    pub(crate) fn renew(&mut self, deferred: &mut Deferred<'_>) {
        self.version += 1;
        self.watchers.wake_all(deferred);
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
                published.watchers.wait(watcher, (), caller, deferred)
            })
        })
    }

    /// Forgets the waker of a stream of the status that was dropped.
    pub(crate) fn forget_watcher(&self, watcher: u64) {
        self.with(|state, deferred| state.published.watchers.remove(watcher, deferred));
    }
}
