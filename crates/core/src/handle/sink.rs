//! The methods of a [`SinkSide`], the sink of a supervisor or a handle, over the shared state.

use std::task::{Poll, Waker};

use crate::{
    message::Message,
    outbox::{SessionClosed, SinkSide},
    shared::Shared,
    sync::poll_registering,
};

impl SinkSide {
    pub(crate) fn poll_ready(
        &mut self,
        shared: &Shared,
        waker: &Waker,
    ) -> Poll<Result<(), SessionClosed>> {
        poll_registering(waker, |caller| {
            shared.with(|state, deferred| state.outbox.poll_ready(self, caller, deferred))
        })
    }

    pub(crate) fn start_send(
        &mut self,
        shared: &Shared,
        message: Message,
    ) -> Result<(), SessionClosed> {
        shared.with(|state, deferred| state.outbox.send(self, message, deferred))
    }

    /// Refuses messages from now on. Returns whether it was open before.
    pub(crate) fn close(&mut self) -> bool {
        !std::mem::replace(&mut self.closed, true)
    }

    pub(crate) fn poll_flush(
        &mut self,
        shared: &Shared,
        waker: &Waker,
    ) -> Poll<Result<(), SessionClosed>> {
        let flushed = poll_registering(waker, |caller| {
            shared.with(|state, deferred| state.outbox.poll_flush(self, caller, deferred))
        });
        flushed.map(Ok)
    }

    /// Suspends this sink while it has no user, until [`resume`](Self::resume). It keeps its place in
    /// the queue and its parked message, and forgets its wakers. It releases its reservation, so that
    /// others can have the slot. Returns whether it had a reservation.
    pub(crate) fn suspend(&self, shared: &Shared) -> bool {
        shared.with(|state, deferred| {
            state.outbox.forget_tasks(self, deferred);
            state.outbox.release_reservation(self.id)
        })
    }

    /// Gives a suspended sink its reservation back, if it had one.
    pub(crate) fn resume(&self, shared: &Shared, had_reservation: bool) {
        if had_reservation {
            shared.with(|state, _| state.outbox.restore_reservation(self.id));
        }
    }

    /// Gives up the reservation, the place in the queue and the parked message.
    pub(crate) fn leave(&self, shared: &Shared) {
        if self.id != 0 {
            shared.with(|state, deferred| state.outbox.forget_sink(self, deferred));
        }
    }
}
