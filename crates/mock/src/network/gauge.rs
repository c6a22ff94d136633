//! [`Gauge`]: counts the attempts and connections that exist at the same time.

use std::sync::{Arc, Mutex, PoisonError};

/// Counts the attempts and connections that a client has at the same time.
#[derive(Clone, Default)]
pub(crate) struct Gauge {
    counts: Arc<Mutex<Counts>>,
}

#[derive(Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) dialing: usize,
    pub(crate) live: usize,
    /// The highest sum of both so far.
    pub(crate) most: usize,
}

impl Gauge {
    pub(crate) fn change(&self, by: impl FnOnce(&mut Counts)) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        by(&mut counts);
        counts.most = counts.most.max(counts.dialing + counts.live);
    }

    pub(crate) fn counts(&self) -> Counts {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
