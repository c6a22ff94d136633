//! The calling side: [`Caller`] and [`Call`].

use std::{
    fmt,
    future::Future,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use super::{
    error::CallError,
    settings::LONGEST,
    table::{Options, Table},
};
use crate::{handle::Handle, panics::drop_contained};

/// The cloneable calling side of [`Calls`](super::Calls), made by its
/// [`caller`](super::Calls::caller). The [module](super) has an example.
///
/// It does not drive the session: requests are sent and answers are received only while the layer is
/// polled. Do not await a [`Call`] in the only task that polls the layer.
///
/// # Drop behaviour
///
/// Dropping a caller has no effect on its calls. Dropping all callers does not end the session.
pub struct Caller<R, A> {
    table: Arc<Table<R, A>>,
    handle: Handle,
    timeout: Duration,
}

impl<R, A> Caller<R, A> {
    pub(super) fn new(table: &Arc<Table<R, A>>, handle: &Handle, timeout: Duration) -> Self {
        Self { table: Arc::clone(table), handle: handle.clone(), timeout }
    }

    /// Sends a request, and returns a future of the answer. The call begins when the future is first
    /// polled.
    ///
    /// # Errors
    ///
    /// The future returns the request with the reason and its fate if the answer does not come. It
    /// refuses the request at once if too many calls wait, or if the session has ended. The table in
    /// the documentation of the [module](super) has all cases.
    ///
    /// # Cancel safety and drop behaviour
    ///
    /// Dropping the future ends the call, and frees its place and its id at once. If no connection
    /// has the request, it is not sent. An answer that comes later is
    /// [unclaimed](super::CallEvent::Unclaimed).
    pub fn call(&self, request: R) -> Call<R, A> {
        let options = Options { timeout: self.timeout, idempotent: false };
        let state = CallState::New { request, options };
        Call { table: Arc::clone(&self.table), handle: self.handle.clone(), state }
    }

    /// The number of calls that wait for an answer.
    pub fn waiting(&self) -> usize {
        self.table.waiting()
    }
}

impl<R, A> Clone for Caller<R, A> {
    fn clone(&self) -> Self {
        Self::new(&self.table, &self.handle, self.timeout)
    }
}

impl<R, A> fmt::Debug for Caller<R, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller").field("waiting", &self.waiting()).finish_non_exhaustive()
    }
}

/// A call: the future of its answer, see [`Caller::call`].
///
/// It is always resolved while something polls the layer, at the latest after its timeout. If the
/// layer is dropped, it is resolved at once.
///
/// `Debug` does not show the request.
#[must_use = "futures do nothing unless polled"]
pub struct Call<R, A> {
    table: Arc<Table<R, A>>,
    handle: Handle,
    state: CallState<R>,
}

enum CallState<R> {
    New {
        request: R,
        options: Options,
    },
    /// It has this id.
    Waiting(u64),
    Done,
}

impl<R, A> Call<R, A> {
    /// Sets the time that this call waits for its answer, in place of
    /// [`CallSettings::timeout`](super::CallSettings::timeout). A time of zero ends the call at the
    /// first check. Has no effect after the first poll.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        if let CallState::New { options, .. } = &mut self.state {
            options.timeout = timeout.min(LONGEST);
        }
        self
    }

    /// Declares that the server may process the request more than once, for example because it only
    /// reads. If the connection is lost, the request is sent again on the next one, with the same
    /// id, within the timeout of the call. Has no effect after the first poll.
    pub fn idempotent(mut self) -> Self {
        if let CallState::New { options, .. } = &mut self.state {
            options.idempotent = true;
        }
        self
    }
}

/// No field is pinned.
impl<R, A> Unpin for Call<R, A> {}

impl<R, A> Future for Call<R, A> {
    type Output = Result<A, CallError<R>>;

    /// # Panics
    ///
    /// If it is polled again after it was ready.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let id = match mem::replace(&mut this.state, CallState::Done) {
            CallState::New { request, options } => match this.table.add(request, options) {
                Ok(id) => id,
                Err(error) => return Poll::Ready(Err(error)),
            },
            CallState::Waiting(id) => id,
            CallState::Done => panic!("a call is polled after it was ready"),
        };
        this.state = CallState::Waiting(id);
        let outcome = ready!(this.table.poll(id, cx));
        this.state = CallState::Done;
        Poll::Ready(outcome)
    }
}

impl<R, A> Drop for Call<R, A> {
    fn drop(&mut self) {
        if let CallState::Waiting(id) = self.state {
            let (call, outcome) = self.table.forget(id);
            if let Some(receipt) = call.as_ref().and_then(|call| call.receipt.as_ref()) {
                self.handle.withdraw(receipt);
            }
            drop_contained(call);
            drop_contained(outcome);
        }
    }
}

impl<R, A> fmt::Debug for Call<R, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").finish_non_exhaustive()
    }
}
