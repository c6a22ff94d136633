//! [`ClientWaker`]: whom a line wakes, and for what.

use std::task::Waker;

/// The client's waker and what it waits for.
#[derive(Default)]
pub(crate) struct ClientWaker {
    waker: Option<Waker>,
    pub(crate) read: bool,
    pub(crate) write: bool,
}

impl ClientWaker {
    /// Only the waker of the last poll counts, whichever it was.
    pub(crate) fn register(&mut self, waker: &Waker) {
        match &mut self.waker {
            Some(old) => old.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }

    /// Something can be read: the waker, if the client waits for that.
    pub(crate) fn for_read(&mut self) -> Option<Waker> {
        std::mem::take(&mut self.read).then(|| self.waker.clone()).flatten()
    }

    /// Something can be written: the waker, if the client waits for that.
    pub(crate) fn for_write(&mut self) -> Option<Waker> {
        std::mem::take(&mut self.write).then(|| self.waker.clone()).flatten()
    }

    /// Both have failed: the waker, if the client waits for either.
    pub(crate) fn for_either(&mut self) -> Option<Waker> {
        let write = self.for_write();
        self.for_read().or(write)
    }

    /// The waker, whatever the client waits for.
    pub(crate) fn for_no_reason(&self) -> Option<Waker> {
        self.waker.clone()
    }

    /// The client is gone.
    pub(crate) fn forget(&mut self) -> Option<Waker> {
        self.waker.take()
    }
}
