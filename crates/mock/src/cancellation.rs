//! [`at_every_cancellation`]: tests whether a future is safe to drop.

use std::{cell::Cell, future::poll_fn, task::Poll};

/// If one future is `Pending` more often than this, the test has an error.
const LIMIT: u64 = 10_000;

/// Runs a scenario repeatedly. The first run drops a future after its first `Pending`, the second
/// run after its second, and so on, until the future completes. Returns the number of drops.
///
/// The scenario must do the same steps in each run, so it makes its own clock and mock. It wraps
/// the future in [`Cancellation::wrap`]. At its end it asserts that no item is lost, duplicated or
/// stuck.
///
/// ```
/// use futures::{channel::mpsc, future, SinkExt, StreamExt};
/// use websocket_heartbeat_mock::{at_every_cancellation, run, Clock};
///
/// let cancelled = at_every_cancellation(|cancellation| {
///     let (mut sender, mut receiver) = mpsc::channel(1);
///     run(&Clock::new(), async {
///         let receiving = async {
///             if let Some(first) = cancellation.wrap(receiver.next()).await {
///                 assert_eq!(first, Some("hello"));
///             } else {
///                 assert_eq!(receiver.next().await, Some("hello"), "lost");
///             }
///         };
///         let (_, sent) = future::join(receiving, sender.send("hello")).await;
///         sent.unwrap();
///     });
/// });
/// assert_eq!(cancelled, 1);
/// ```
///
/// # Panics
///
/// If the scenario never polls the wrapped future, or if the future has not completed after ten
/// thousand cancellations.
#[track_caller]
pub fn at_every_cancellation(mut scenario: impl FnMut(&Cancellation)) -> u64 {
    for after in 1..=LIMIT {
        let cancellation = Cancellation {
            left: Cell::new(after),
            polled: Cell::new(false),
            done: Cell::new(true),
        };
        scenario(&cancellation);
        assert!(cancellation.polled.get(), "the scenario never polled a wrapped future");
        if cancellation.done.get() {
            return after - 1;
        }
    }
    panic!("the future did not complete after {LIMIT} cancellations");
}

/// One run of [`at_every_cancellation`].
#[derive(Debug)]
pub struct Cancellation {
    left: Cell<u64>,
    polled: Cell<bool>,
    done: Cell<bool>,
}

impl Cancellation {
    /// Runs `future` to completion, or drops it after the chosen `Pending` and returns `None`. The
    /// `Pending`s of several wrapped futures are counted together, and only one is dropped.
    pub async fn wrap<F: Future>(&self, future: F) -> Option<F::Output> {
        // Boxed, so that it can be dropped before this future is dropped.
        let mut future = Some(Box::pin(future));
        poll_fn(|cx| {
            let Some(running) = &mut future else { return Poll::Ready(None) };
            self.polled.set(true);
            if let Poll::Ready(output) = running.as_mut().poll(cx) {
                return Poll::Ready(Some(output));
            }
            let Some(left) = self.left.get().checked_sub(1) else { return Poll::Pending };
            self.left.set(left);
            if left > 0 {
                return Poll::Pending;
            }
            self.done.set(false);
            future = None;
            Poll::Ready(None)
        })
        .await
    }
}
