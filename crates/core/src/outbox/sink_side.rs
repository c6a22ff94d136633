//! A sink as its owner keeps it: [`SinkSide`].

/// The state that a sink keeps between its calls.
#[derive(Debug, Default)]
pub(crate) struct SinkSide {
    /// 0 before it was used.
    pub(crate) id: u64,
    /// The place in the queue of waiting tasks.
    pub(super) place: Option<u64>,
    /// The number after that of the last message that was accepted from this sink when it was sent.
    pub(super) last: u64,
    /// It was closed, and sends nothing more.
    pub(crate) closed: bool,
}
