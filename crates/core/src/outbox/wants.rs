//! The resource that a task waits for: [`Wants`].

/// The resource that a waiting task waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wants {
    /// A reserved slot, for a sink. The task of a sink can stop waiting without notice, so it must
    /// not block those behind it: it leaves the queue when it is woken.
    Reservation { sink_id: u64 },
    /// Room for a message of this many bytes. The future of such a task leaves the queue itself, when
    /// the message is accepted or refused, or when the future is dropped.
    Room { bytes: usize },
}
