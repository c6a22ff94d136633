//! The bytes of all windows of a worker: [`Quota`].

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// The bytes that wait in all windows of a worker, and their bound.
#[derive(Clone, Debug)]
pub struct Quota {
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    used: AtomicUsize,
    bound: AtomicUsize,
    /// Tasks that wait for room.
    freed: tokio::sync::Notify,
}

/// A part of the quota. It is given back on drop.
#[derive(Debug)]
pub struct Share {
    state: Arc<State>,
    bytes: usize,
}

impl Quota {
    /// This many bytes.
    #[must_use]
    pub fn new(bound: usize) -> Self {
        let (used, bound) = (AtomicUsize::new(0), AtomicUsize::new(bound));
        Self { state: Arc::new(State { used, bound, freed: tokio::sync::Notify::new() }) }
    }

    /// Whether another message may be taken. It may exceed the bound by itself.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.used() < self.state.bound.load(Ordering::Relaxed)
    }

    /// The bytes that are used.
    #[must_use]
    pub fn used(&self) -> usize {
        self.state.used.load(Ordering::Relaxed)
    }

    /// Changes the bound, for example since the number of inboxes has changed.
    pub fn set_bound(&self, bound: usize) {
        self.state.bound.store(bound, Ordering::Relaxed);
        self.state.freed.notify_waiters();
    }

    /// Takes this many bytes.
    #[must_use]
    pub fn take(&self, bytes: usize) -> Share {
        self.state.used.fetch_add(bytes, Ordering::Relaxed);
        Share { state: Arc::clone(&self.state), bytes }
    }

    /// Waits until there is room.
    pub async fn room(&self) {
        loop {
            let freed = self.state.freed.notified();
            if self.has_room() {
                return;
            }
            freed.await;
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let before = self.state.used.fetch_sub(self.bytes, Ordering::Relaxed);
        let bound = self.state.bound.load(Ordering::Relaxed);
        if before >= bound && before - self.bytes < bound {
            self.state.freed.notify_waiters();
        }
    }
}
