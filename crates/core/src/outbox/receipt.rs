//! A future of the fate of a message: [`Receipt`].

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use super::fates::Fates;
use crate::{event::Fate, sync::Deferred};

/// A future of the [`Fate`] of one message, from
/// [`Handle::queue_with_receipt`](crate::Handle::queue_with_receipt).
///
/// It is always resolved, also if the session ends or the supervisor is dropped. After it was ready,
/// it stays pending. Something must poll the supervisor or its driver, as for every future of a
/// [`Handle`](crate::Handle).
///
/// # Cancel safety
///
/// Dropping it does not affect the message. The fate, and the message in it, are lost then: they are
/// not reported with `Lost` or `Closed` either.
///
/// # Examples
///
/// ```
/// use websocket_heartbeat::{Fate, Handle, QueueError};
///
/// async fn send_order(handle: &Handle, order: &str) -> Result<bool, QueueError> {
///     let receipt = handle.queue_with_receipt(order).await?;
///     Ok(match receipt.await {
///         Fate::Written { .. } => true,
///         // The server may have it. Ask before sending it again.
///         Fate::Unknown { .. } => false,
///         Fate::Dropped { message, .. } => handle.try_queue(message).is_ok(),
///         _ => false,
///     })
/// }
/// ```
#[must_use = "the fate of the message is lost if the receipt is dropped"]
pub struct Receipt {
    fates: Arc<Fates>,
    /// The number of the message. `None` after the fate was returned.
    number: Option<u64>,
}

impl Receipt {
    pub(crate) fn new(fates: Arc<Fates>, number: u64) -> Self {
        Self { fates, number: Some(number) }
    }

    /// Returns whether a connection took the message and has no more to do with it, until its fate
    /// was returned.
    pub(crate) fn was_taken(&self, deferred: &mut Deferred<'_>) -> bool {
        self.number.is_some_and(|number| self.fates.was_taken(number, deferred))
    }

    /// Returns the number of the message, until its fate was returned.
    pub(crate) fn number(&self) -> Option<u64> {
        self.number
    }
}

impl Future for Receipt {
    type Output = Fate;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Fate> {
        let Some(number) = self.number else { return Poll::Pending };
        let fate = self.fates.poll(number, cx.waker());
        if fate.is_ready() {
            self.number = None;
        }
        fate
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.fates.forget(number);
        }
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receipt").finish_non_exhaustive()
    }
}
