//! A stream of the status: [`StatusChanges`].

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_core::{FusedStream, Stream};

use crate::{
    next::Next,
    shared::Shared,
    status::{Phase, Status},
};

/// A stream of the [`Status`] of a session, from
/// [`Handle::status_changes`](crate::Handle::status_changes).
///
/// # Cancel safety
///
/// A dropped `next` loses nothing. The following one returns the latest status.
#[must_use = "streams do nothing unless polled"]
pub struct StatusChanges {
    shared: Arc<Shared>,
    watcher: u64,
    seen: Option<u64>,
    ended: bool,
}

impl StatusChanges {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let watcher = shared.draw_watcher();
        Self { shared, watcher, seen: None, ended: false }
    }

    /// Waits for the next status, see [`Next`].
    #[allow(clippy::should_implement_trait, reason = "it waits, as `StreamExt::next` does")]
    pub fn next(&mut self) -> Next<'_, Self> {
        Next::new(self)
    }
}

impl Stream for StatusChanges {
    type Item = Status;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Status>> {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(None);
        }
        let next = this.shared.poll_status(this.watcher, this.seen, cx.waker());
        let (status, version) = ready!(next);
        this.seen = Some(version);
        this.ended = status.phase == Phase::Closed;
        Poll::Ready(Some(status))
    }
}

impl FusedStream for StatusChanges {
    fn is_terminated(&self) -> bool {
        self.ended
    }
}

impl Drop for StatusChanges {
    fn drop(&mut self) {
        self.shared.forget_watcher(self.watcher);
    }
}

impl fmt::Debug for StatusChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatusChanges").finish_non_exhaustive()
    }
}
