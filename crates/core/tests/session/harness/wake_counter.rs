//! [`WakeCounter`]: a waker that counts its wakes.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use futures::Stream;

/// A waker that counts its wakes, and polls with it.
#[derive(Default)]
pub(crate) struct WakeCounter {
    wakes: AtomicUsize,
}

impl Wake for WakeCounter {
    fn wake(self: Arc<Self>) {
        self.wakes.fetch_add(1, Ordering::Relaxed);
    }
}

impl WakeCounter {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// The number of wakes since the last call.
    pub(crate) fn take(&self) -> usize {
        self.wakes.swap(0, Ordering::Relaxed)
    }

    /// Polls with this waker.
    pub(crate) fn poll<R>(self: &Arc<Self>, poll: impl FnOnce(&mut Context<'_>) -> R) -> R {
        let waker = Waker::from(Arc::clone(self));
        poll(&mut Context::from_waker(&waker))
    }

    pub(crate) fn next<S: Stream + Unpin>(
        self: &Arc<Self>,
        stream: &mut S,
    ) -> Poll<Option<S::Item>> {
        self.poll(|cx| Pin::new(stream).poll_next(cx))
    }

    /// Polls the stream until it is pending or ends, for at most `count` items.
    pub(crate) fn drain_at_most<S: Stream + Unpin>(
        self: &Arc<Self>,
        stream: &mut S,
        count: usize,
    ) -> Vec<S::Item> {
        let items = (0..count).map_while(|_| match self.next(stream) {
            Poll::Ready(item) => item,
            Poll::Pending => None,
        });
        items.collect()
    }

    /// Polls the stream until it is pending or ends.
    pub(crate) fn drain<S: Stream + Unpin>(self: &Arc<Self>, stream: &mut S) -> Vec<S::Item> {
        self.drain_at_most(stream, usize::MAX)
    }
}
