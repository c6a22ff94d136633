//! Waiting tasks and sinks, as far as the rest of the outbox needs them: [`Waits`].

use super::{Outbox, SinkSide};
use crate::{event::DropReason, sync::Deferred};

/// The work of the outbox for the tasks and sinks that wait for it.
///
/// It is an optional part, see ARCHITECTURE: [`Outbox::wait`] and the first use of a sink set it.
pub(super) trait Waits: Sync {
    /// Serves and wakes those that need not wait any longer, see [`Outbox::settle`].
    fn settle(&self, outbox: &mut Outbox, deferred: &mut Deferred<'_>) -> bool;

    /// Uses the reservation of this sink, if it has one and a message of this size fits.
    fn use_reservation(&self, outbox: &mut Outbox, sink_id: u64, bytes: usize) -> bool;

    /// Drops the messages of sinks that have no room yet.
    fn drop_parked(&self, outbox: &mut Outbox, reason: DropReason, deferred: &mut Deferred<'_>);

    /// Forgets a sink that was dropped, with its reservation. Drops its parked message.
    fn forget_sink(&self, outbox: &mut Outbox, sink: &SinkSide, deferred: &mut Deferred<'_>);
}

/// The only implementation. The waiting tasks and sinks are in [`Rare`](super::rare::Rare).
pub(super) struct Waiting;

impl Waits for Waiting {
    fn settle(&self, outbox: &mut Outbox, deferred: &mut Deferred<'_>) -> bool {
        outbox.settle_waiting(deferred)
    }

    fn use_reservation(&self, outbox: &mut Outbox, sink_id: u64, bytes: usize) -> bool {
        outbox.use_reservation(sink_id, bytes)
    }

    fn drop_parked(&self, outbox: &mut Outbox, reason: DropReason, deferred: &mut Deferred<'_>) {
        outbox.drop_parked(reason, deferred);
    }

    fn forget_sink(&self, outbox: &mut Outbox, sink: &SinkSide, deferred: &mut Deferred<'_>) {
        outbox.forget_waiting_sink(sink, deferred);
    }
}
