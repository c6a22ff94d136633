//! What tasks wait for: [`Wants`], [`Flusher`].

use std::task::Waker;

/// What one who waits at the gate waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wants {
    /// A promise of a place, for a sink. Its owner can stop waiting without a word, so it must not
    /// keep those behind it: it leaves the line when it is called.
    Promise { owner: u64 },
    /// Room for a message of so many bytes. Who waits for that leaves the line when it is served or
    /// gone.
    Room { bytes: usize },
}

/// A sink that waits for a flush.
pub(super) struct Flusher {
    pub(super) owner: u64,
    /// Of the message after those that it waits for.
    pub(super) number: u64,
    pub(super) waker: Waker,
}
