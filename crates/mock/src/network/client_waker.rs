//! [`ClientWaker`]: the waker of the client, and the reasons to wake it.

use std::task::Waker;

/// The client's waker, and the events that the client waits for.
#[derive(Default)]
pub(crate) struct ClientWaker {
    waker: Option<Waker>,
    pub(crate) read: bool,
    pub(crate) write: bool,
}

impl ClientWaker {
    /// Only the waker of the last poll of any method is used.
    pub(crate) fn register(&mut self, waker: &Waker) {
        match &mut self.waker {
            Some(old) => old.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }

    /// There are items to read. Returns the waker if the client waits to read.
    pub(crate) fn for_read(&mut self) -> Option<Waker> {
        std::mem::take(&mut self.read).then(|| self.waker.clone()).flatten()
    }

    /// Bytes can be written. Returns the waker if the client waits to write.
    pub(crate) fn for_write(&mut self) -> Option<Waker> {
        std::mem::take(&mut self.write).then(|| self.waker.clone()).flatten()
    }

    /// Reading and writing have failed. Returns the waker if the client waits for one of them.
    pub(crate) fn for_either(&mut self) -> Option<Waker> {
        let write = self.for_write();
        self.for_read().or(write)
    }

    /// The waker, for a spurious wake.
    pub(crate) fn spurious(&self) -> Option<Waker> {
        self.waker.clone()
    }

    /// The client has dropped the connection.
    pub(crate) fn forget(&mut self) -> Option<Waker> {
        self.waker.take()
    }
}
