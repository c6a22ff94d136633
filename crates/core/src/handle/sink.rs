//! What supervisors and handles have in common as sinks: [`SinkSide`].

use std::task::{Poll, Waker};

use crate::{
    message::Message,
    outbox::{SessionClosed, SinkState},
    shared::Shared,
};

/// The state of one sink over the outbox.
#[derive(Debug, Default)]
pub(crate) struct SinkSide {
    state: SinkState,
    closed: bool,
}

/// What came of a look that may have to wait.
enum Look<R> {
    Done(R),
    Waits,
    /// It must wait, and whom to call is not noted yet.
    NeedsWaker,
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
        poll(waker, |own| {
            shared.with(|state, garbage| {
                let queue = &mut state.outbox;
                let promised = queue.promise(sink);
                if promised != Ok(false) {
                    queue.stop_waiting(sink, garbage);
                    return Look::Done(promised.map(|_| ()));
                }
                if queue.knows_waiting(sink, waker) {
                    return Look::Waits;
                }
                let Some(own) = own.take() else { return Look::NeedsWaker };
                queue.await_promise(sink, own, garbage);
                Look::Waits
            })
        })
    }

    pub(crate) fn start_send(
        &mut self,
        shared: &Shared,
        message: Message,
    ) -> Result<(), SessionClosed> {
        shared.with(|state, garbage| state.outbox.send(&mut self.state, message, garbage))
    }

    /// Refuses messages from now on; whether it did not before.
    pub(crate) fn close(&mut self) -> bool {
        !std::mem::replace(&mut self.closed, true)
    }

    pub(crate) fn poll_flush(
        &mut self,
        shared: &Shared,
        waker: &Waker,
    ) -> Poll<Result<(), SessionClosed>> {
        let sink = &mut self.state;
        poll(waker, |own| {
            shared.with(|state, garbage| {
                let queue = &mut state.outbox;
                if queue.is_flushed(sink, garbage) {
                    return Look::Done(Ok(()));
                }
                if queue.knows_flusher(sink, waker) {
                    return Look::Waits;
                }
                let Some(own) = own.take() else { return Look::NeedsWaker };
                queue.await_flush(sink, own, garbage);
                Look::Waits
            })
        })
    }

    /// Nobody has this sink in hand until [`resume`](Self::resume), and nobody waits for it: it
    /// keeps its place in line and what it sent. Its promise keeps no place from others meanwhile;
    /// whether it had one.
    pub(crate) fn suspend(&self, shared: &Shared) -> bool {
        shared.with(|state, garbage| {
            state.outbox.forget_wakers(&self.state, garbage);
            state.outbox.take_promise(self.state.owner)
        })
    }

    /// Somebody has this sink in hand again, and its promise if it had one.
    pub(crate) fn resume(&self, shared: &Shared, promised: bool) {
        if promised {
            shared.with(|state, _| state.outbox.give_promise(&self.state));
        }
    }

    /// The number that the outbox knows this sink by, 0 if it does not.
    pub(crate) fn owner(&self) -> u64 {
        self.state.owner
    }

    /// Gives up what is promised, its place in line, and what it sent that has no room yet.
    pub(crate) fn leave(&mut self, shared: &Shared) {
        if self.state.owner != 0 {
            shared.with(|state, garbage| state.outbox.forget_sink(&mut self.state, garbage));
        }
    }
}

/// Looks, and once more with a waker of its own if it must wait. So the waker is cloned outside of
/// the lock, and only where somebody waits.
fn poll<R>(waker: &Waker, mut look: impl FnMut(&mut Option<Waker>) -> Look<R>) -> Poll<R> {
    let mut own = None;
    loop {
        match look(&mut own) {
            Look::Done(result) => return Poll::Ready(result),
            Look::Waits => return Poll::Pending,
            Look::NeedsWaker => own = Some(waker.clone()),
        }
    }
}
