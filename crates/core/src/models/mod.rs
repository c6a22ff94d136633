//! Models: loom runs each of them with every order in which its threads can take locks and access
//! atomics, up to a number of preemptions, and with every value that an atomic load may return.
//!
//! They run the code that is published, on the locks and atomics of [`sync`](crate::sync). A task
//! that waits forever is reported as a deadlock. The documentation of each model names a change of
//! that code with which the model fails. CONTRIBUTING says how to run them.
//!
//! These locks have no model: that of the sink which a driver gives to its first handle, and that of the
//! transport in a `BoxTransport`. No task waits for what is behind them, no atomic is read beside them,
//! and each use of them is a single exchange under the lock. So the lock alone decides about the order,
//! and each order is correct.

mod arrival;
mod dial_budget;
mod fates;
mod room;
mod session;
mod status;
mod timer;
mod wakers;

use std::{
    collections::VecDeque,
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
};

use bytes::Bytes;
use loom::model::Builder;

use crate::{
    config::OutboxSettings,
    handle::Handle,
    message::Message,
    outbox::{Online, Outbox},
    shared::Shared,
    time::Timestamp,
};

/// Explores a model with up to this number of preemptions. Most errors need one or two, and the number
/// of orders grows fast with it. `LOOM_MAX_PREEMPTIONS` sets another number for all models.
pub(crate) fn explore(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound.get_or_insert(preemptions);
    builder.check(model);
}

/// A session without a driver: the models call the methods of the outbox that its driver calls.
pub(crate) fn online(settings: OutboxSettings) -> (Arc<Shared>, Handle) {
    let shared = Arc::new(Shared::new(Outbox::new(settings), Timestamp::EPOCH));
    set_online(&shared, Online::Yes(1));
    let handle = Handle::new(Arc::clone(&shared));
    (shared, handle)
}

pub(crate) fn set_online(shared: &Shared, online: Online) {
    shared.with(|state, deferred| state.outbox.set_online(online, deferred));
}

/// Hands all queued messages to the connection.
pub(crate) fn hand_over(shared: &Shared) {
    let mut window = VecDeque::new();
    shared.with(|state, deferred| {
        state.outbox.expire(Timestamp::EPOCH, deferred);
        state.outbox.hand_over(&mut window);
    });
}

/// The messages that were handed over are written.
pub(crate) fn written(shared: &Shared, connection: u64) {
    let mut kept = VecDeque::new();
    shared.with(|state, deferred| state.outbox.written(connection, &mut kept, deferred));
}

/// The connection is lost. The messages that were handed over become unknown.
pub(crate) fn lost(shared: &Shared, connection: u64) {
    shared.with(|state, deferred| {
        state.outbox.lost(connection, deferred);
        state.outbox.set_online(Online::No, deferred);
    });
}

/// Polls a future that must be ready.
pub(crate) fn now<F: Future + Unpin>(mut future: F) -> F::Output {
    let polled = Pin::new(&mut future).poll(&mut Context::from_waker(Waker::noop()));
    let Poll::Ready(output) = polled else { panic!("the future is not ready") };
    output
}

/// Polls a future once, which registers the current task, and ignores the result.
pub(crate) async fn once<F: Future + Unpin>(future: &mut F) {
    poll_fn(|cx| {
        let _ = Pin::new(&mut *future).poll(cx);
        Poll::Ready(())
    })
    .await;
}

/// Counts the copies of itself, in payloads and in wakers that the session stores.
#[derive(Default)]
pub(crate) struct Trace(Arc<Mark>);

#[derive(Default)]
struct Mark;

impl Wake for Mark {
    fn wake(self: Arc<Self>) {}
}

struct Payload(#[expect(dead_code, reason = "it is dropped with the payload")] Arc<Mark>);

impl AsRef<[u8]> for Payload {
    fn as_ref(&self) -> &[u8] {
        b"payload"
    }
}

impl Trace {
    pub(crate) fn message(&self) -> Message {
        Message::Binary(Bytes::from_owner(Payload(Arc::clone(&self.0))))
    }

    /// Polls a future once with a waker of its own, which the session stores.
    pub(crate) fn poll<F: Future + Unpin>(&self, future: &mut F) -> Poll<F::Output> {
        let waker = Waker::from(Arc::clone(&self.0));
        Pin::new(future).poll(&mut Context::from_waker(&waker))
    }

    pub(crate) fn assert_none(&self) {
        assert_eq!(Arc::strong_count(&self.0), 1, "the session stores nothing of it");
    }
}
