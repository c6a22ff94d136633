//! [`Turn`]: how much is read before reading pauses.

use std::task::Waker;

/// How many bytes are read before reading pauses. In so many there are at most 64 Ki frames, the
/// empty ones, which take tungstenite some ten milliseconds; a message of many megabytes is read at
/// full speed all the same, since a pause costs what a few small messages cost.
const BYTES: usize = 128 * 1024;

/// What a read counts for at least: a peer that sends byte by byte costs a system call for each.
const LEAST: usize = 4 * 1024;

/// What may still be read before reading pauses.
///
/// tungstenite reads until a message is whole, and TLS until there is something for it to read. A
/// peer can keep either from ever being so: without pauses, fragments without end would keep the
/// thread in one call for ever. A wait for the peer is a pause as well.
#[derive(Debug)]
pub(crate) struct Turn {
    left: usize,
}

impl Turn {
    pub(crate) fn new() -> Self {
        Self { left: BYTES }
    }

    /// Whether reading is to pause now. If so the waker has been called, since there may be more to
    /// read, and the next turn begins.
    #[inline]
    pub(crate) fn is_over(&mut self, waker: &Waker) -> bool {
        let over = self.left == 0;
        if over {
            self.end(waker);
        }
        over
    }

    #[cold]
    #[inline(never)]
    fn end(&mut self, waker: &Waker) {
        self.left = BYTES;
        waker.wake_by_ref();
    }

    /// So many bytes were read.
    #[inline]
    pub(crate) fn note(&mut self, count: usize) {
        self.left = self.left.saturating_sub(count.max(LEAST));
    }

    /// There is nothing more to read for the time being.
    #[inline]
    pub(crate) fn renew(&mut self) {
        self.left = BYTES;
    }
}
