//! The promise of a fate: [`Receipt`].

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use crate::{Fate, queue::Seat, shared::Shared};

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
    shared: Arc<Shared>,
    /// `None` once the fate was given out.
    seat: Option<Seat>,
}

impl Receipt {
    pub(crate) fn new(shared: Arc<Shared>, seat: Option<Seat>) -> Self {
        Self { shared, seat }
    }
}

impl Future for Receipt {
    type Output = Fate;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Fate> {
        let Some(seat) = self.seat else { return Poll::Pending };
        let fate = self.shared.with(|state, news| state.queue.poll_fate(seat, cx.waker(), news));
        match fate {
            Some(fate) => {
                self.seat = None;
                Poll::Ready(fate)
            }
            None => Poll::Pending,
        }
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if let Some(seat) = self.seat {
            self.shared.with(|state, news| state.queue.leave_seat(seat, news));
        }
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receipt").finish_non_exhaustive()
    }
}
