//! The promise of a fate: [`Receipt`].

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use super::fates::Fates;
use crate::event::Fate;

/// A future of one message's [`Fate`].
///
/// Polled again after it was ready, it stays pending.
///
/// # Cancel safety
///
/// Dropping it changes nothing for the message. With it goes the message that it would have given
/// back.
#[must_use = "a receipt that is dropped tells nobody what became of the message"]
pub struct Receipt {
    fates: Arc<Fates>,
    /// The message's number, `None` once the fate was given out.
    number: Option<u64>,
}

impl Receipt {
    pub(crate) fn new(fates: Arc<Fates>, number: u64) -> Self {
        Self { fates, number: Some(number) }
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
            self.fates.leave(number);
        }
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receipt").finish_non_exhaustive()
    }
}
