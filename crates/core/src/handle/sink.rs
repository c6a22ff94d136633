//! The sink of supervisors and handles: [`SinkSide`].

use std::task::{Poll, Waker};

use crate::{
    message::Message,
    outbox::{SessionClosed, SinkState},
    shared::Shared,
    sync::{Polled, poll_registering},
};

/// The state of one sink over the outbox.
#[derive(Debug, Default)]
pub(crate) struct SinkSide {
    state: SinkState,
    closed: bool,
}

impl SinkSide {
    pub(crate) fn poll_ready(
        &mut self,
        shared: &Shared,
        waker: &Waker,
    ) -> Poll<Result<(), SessionClosed>> {
        if self.closed {
            return Poll::Ready(Err(SessionClosed));
        }
        let sink = &mut self.state;
        poll_registering(waker, |own| {
            shared.with(|state, deferred| {
                let outbox = &mut state.outbox;
                let reserved = outbox.reserve(sink);
                if reserved != Ok(false) {
                    outbox.stop_waiting(sink, deferred);
                    return Polled::Ready(reserved.map(|_| ()));
                }
                if outbox.is_reservation_registered(sink, waker) {
                    return Polled::Registered;
                }
                let Some(own) = own.take() else { return Polled::NeedsWaker };
                outbox.await_reservation(sink, own, deferred);
                Polled::Registered
            })
        })
    }

    pub(crate) fn start_send(
        &mut self,
        shared: &Shared,
        message: Message,
    ) -> Result<(), SessionClosed> {
        shared.with(|state, deferred| state.outbox.send(&mut self.state, message, deferred))
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
        let sink = &mut self.state;
        poll_registering(waker, |own| {
            shared.with(|state, deferred| {
                let outbox = &mut state.outbox;
                if outbox.is_flushed(sink, deferred) {
                    return Polled::Ready(Ok(()));
                }
                if outbox.is_flush_registered(sink, waker) {
                    return Polled::Registered;
                }
                let Some(own) = own.take() else { return Polled::NeedsWaker };
                outbox.await_flush(sink, own, deferred);
                Polled::Registered
            })
        })
    }

    /// Suspends this sink while it has no user, until [`resume`](Self::resume). It keeps its place in
    /// the queue and its parked message, and forgets its wakers. It releases its reservation, so that
    /// others can have the slot. Returns whether it had a reservation.
    pub(crate) fn suspend(&self, shared: &Shared) -> bool {
        shared.with(|state, deferred| {
            state.outbox.forget_wakers(&self.state, deferred);
            state.outbox.release_reservation(self.state.id)
        })
    }

    /// Gives a suspended sink its reservation back, if it had one.
    pub(crate) fn resume(&self, shared: &Shared, had_reservation: bool) {
        if had_reservation {
            shared.with(|state, _| state.outbox.restore_reservation(&self.state));
        }
    }

    /// Returns the id of this sink in the outbox. 0 if it was not used yet.
    pub(crate) fn id(&self) -> u64 {
        self.state.id
    }

    /// Gives up the reservation, the place in the queue and the parked message.
    pub(crate) fn leave(&mut self, shared: &Shared) {
        if self.state.id != 0 {
            shared.with(|state, deferred| state.outbox.forget_sink(&mut self.state, deferred));
        }
    }
}
