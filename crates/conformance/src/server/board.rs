//! [`Board`]: the state that a scripted connection and its observer share.

use std::{
    collections::HashMap,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// The limit of each wait for a client.
pub(super) const LIMIT: Duration = Duration::from_secs(10);

/// The knowledge about each connection, by its number.
#[derive(Debug, Default)]
pub(super) struct Board {
    entries: Mutex<HashMap<u64, Entry>>,
    changed: Condvar,
}

/// The knowledge about one connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry {
    pub(super) arrived: bool,
    pub(super) go: bool,
    /// The answer to [`Command::Verdict`](crate::script::Command::Verdict).
    pub(super) verdict: Option<String>,
}

impl Board {
    pub(super) fn change(&self, id: u64, change: impl FnOnce(&mut Entry)) {
        change(self.lock().entry(id).or_default());
        self.changed.notify_all();
    }

    pub(super) fn entry(&self, id: u64) -> Entry {
        self.lock().get(&id).cloned().unwrap_or_default()
    }

    /// Waits until something is true about a connection. Returns `None` after [`LIMIT`].
    pub(super) fn wait(&self, id: u64, until: impl Fn(&Entry) -> bool) -> Option<Entry> {
        let waiting = |entries: &mut HashMap<u64, Entry>| !until(entries.entry(id).or_default());
        let (mut entries, timeout) = self
            .changed
            .wait_timeout_while(self.lock(), LIMIT, waiting)
            .unwrap_or_else(PoisonError::into_inner);
        if timeout.timed_out() { None } else { entries.get_mut(&id).cloned() }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
