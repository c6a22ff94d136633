//! [`ReadBudget`]: the bytes that are read before reading pauses.

use std::task::Waker;

/// The number of bytes that are read before reading pauses. They contain at most 64 Ki empty
/// frames, for which tungstenite needs some ten milliseconds. A message of many megabytes is still
/// read at full speed, since a pause costs as much as a few small messages.
const BYTES: usize = 128 * 1024;

/// The least cost of a read. If a peer sends byte by byte, each byte costs a system call.
const MIN_COST: usize = 4 * 1024;

/// The bytes that may still be read before reading pauses.
///
/// tungstenite reads until a message is complete. TLS reads until a record of data is complete. A
/// peer can prevent both: without pauses, endless fragments would keep the thread in one call
/// forever. A wait for the peer also counts as a pause.
#[derive(Debug)]
pub(crate) struct ReadBudget {
    left: usize,
}

impl ReadBudget {
    pub(crate) fn new() -> Self {
        Self { left: BYTES }
    }

    /// Whether reading must pause now. If so, this has called the waker, since there may be more to
    /// read, and a new budget has begun.
    #[inline]
    pub(crate) fn is_exhausted(&mut self, waker: &Waker) -> bool {
        let exhausted = self.left == 0;
        if exhausted {
            self.pause(waker);
        }
        exhausted
    }

    #[cold]
    #[inline(never)]
    fn pause(&mut self, waker: &Waker) {
        self.left = BYTES;
        waker.wake_by_ref();
    }

    /// Subtracts the cost of a read of `count` bytes.
    #[inline]
    pub(crate) fn spend(&mut self, count: usize) {
        self.left = self.left.saturating_sub(count.max(MIN_COST));
    }

    /// Begins a new budget, because the peer has sent nothing more.
    #[inline]
    pub(crate) fn renew(&mut self) {
        self.left = BYTES;
    }
}
