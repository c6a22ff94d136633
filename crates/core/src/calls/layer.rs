//! The layer over a session: [`Calls`].

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use futures_core::{FusedStream, Stream};

use super::{caller::Caller, event::CallEvent, exchange::Exchange, settings::CallSettings};
use crate::{
    error::ConfigError,
    event::Event,
    handle::Handle,
    next::Next,
    time::{Timer, Timestamp},
};

/// The answers that one poll handles at most before other tasks of the thread run.
const ANSWERS_PER_POLL: u32 = 256;

/// The items that are returned at most before timeouts are checked, although there is more to read. A
/// turn of a supervisor reads the same number of frames.
const ITEMS_PER_CHECK: u32 = 1024;

/// A session with calls: a `Stream` of [`CallEvent`]s, and a [`caller`](Self::caller) whose calls
/// resolve with the answers of the server. The [module](super) has an example.
///
/// It wraps a [`Supervisor`](crate::Supervisor), the [`Inbox`](crate::Inbox) of a session that a
/// driver runs, [`Acknowledged`](crate::acks::Acknowledged), or any other stream of all events of
/// one session. It takes the answers to waiting calls out. All other events pass unchanged and in
/// order. [`Handle`]s work beside it as usual.
///
/// Wrap the stream before it is polled. The layer sends requests on connections whose
/// [`Open`](Event::Open) it has seen.
///
/// # Order
///
/// Requests are sent in the order in which their calls began. After a reconnect, the requests that
/// are sent again come first, in the order of the lost connection.
///
/// # Memory
///
/// At most [`limit`](CallSettings::limit) calls wait, each with its request. Their size is that of
/// the application's values. While their messages are in the supervisor's outbox, they count against
/// its bounds, and are never refused.
///
/// # Polling
///
/// Requests are sent, answers are found and timeouts are checked only while this stream is polled,
/// even if a driver runs the session. Timeouts are checked when there is nothing to read, and after
/// 1,024 items. So an answer behind a few unread messages is in time. Answers that an inbox
/// [drops](crate::InboxSettings::drop_oldest) do not arrive, and their calls end by the timeout.
///
/// # Drop behaviour
///
/// Dropping it drops the wrapped stream, and all calls resolve with
/// [`CallFailure::SessionEnded`](super::CallFailure::SessionEnded).
///
/// # Cancel safety
///
/// Dropping the future of `next` loses no event and no answer.
///
/// # Panics
///
/// A panic of a function given to [`CallSettings::new`] is contained, unless panics abort. Neither
/// function is called again, and the session ends with
/// [`CloseReason::Panicked`](crate::CloseReason::Panicked), so all calls resolve. The message in
/// which an answer was looked for is passed on.
#[must_use = "streams do nothing unless polled"]
pub struct Calls<S, K: Timer, R, A> {
    inner: S,
    exchange: Exchange<K, R, A>,
    /// The items since there was last nothing to read.
    items: u32,
}

impl<S, K: Timer, R, A> Calls<S, K, R, A> {
    /// Wraps the events of the session that `handle` belongs to. The timer need not be that of the
    /// session.
    ///
    /// # Errors
    ///
    /// If a setting has an invalid value.
    pub fn new(
        events: S,
        handle: Handle,
        timer: K,
        settings: CallSettings<R, A>,
    ) -> Result<Self, ConfigError> {
        settings.check()?;
        Ok(Self { inner: events, exchange: Exchange::new(handle, timer, settings), items: 0 })
    }

    /// The calling side, for any number of tasks and threads.
    pub fn caller(&self) -> Caller<R, A> {
        let Exchange { table, handle, timeout, .. } = &self.exchange;
        Caller::new(table, handle, *timeout)
    }

    /// Waits for the next item, see [`Next`].
    #[allow(clippy::should_implement_trait, reason = "it waits, as `StreamExt::next` does")]
    pub fn next(&mut self) -> Next<'_, Self> {
        Next::new(self)
    }

    /// The wrapped stream.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// The wrapped stream, for example to change the supervisor's transport. The layer misses events
    /// that are taken from it directly.
    pub fn inner_mut(&mut self) -> &mut S {
        &mut self.inner
    }
}

impl<S, K, R, A> Stream for Calls<S, K, R, A>
where
    S: Stream<Item = Event> + Unpin,
    K: Timer,
{
    type Item = CallEvent<A>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<CallEvent<A>>> {
        let Self { inner, exchange, items } = self.get_mut();
        // The time of this poll, once it was needed.
        let mut now: Option<Timestamp> = None;
        let mut parked = false;
        for _ in 0..ANSWERS_PER_POLL {
            exchange.send(&mut now);
            let item = match Pin::new(&mut *inner).poll_next(cx) {
                Poll::Ready(Some(Event::Message(message))) => {
                    match exchange.find_answer(&message) {
                        None => Some(CallEvent::Event(Event::Message(message))),
                        Some(answer) => exchange.answer(answer).map(CallEvent::Unclaimed),
                    }
                }
                Poll::Ready(Some(event)) => {
                    exchange.handle_event(&event);
                    Some(CallEvent::Event(event))
                }
                Poll::Ready(None) => {
                    exchange.end();
                    return Poll::Ready(None);
                }
                Poll::Pending => {
                    *items = 0;
                    if !exchange.park(cx, &mut now) {
                        return Poll::Pending;
                    }
                    // The first time, the session writes in this poll; then other tasks run.
                    if std::mem::replace(&mut parked, true) {
                        break;
                    }
                    continue;
                }
            };
            *items += 1;
            if *items >= ITEMS_PER_CHECK {
                *items = 0;
                exchange.check_timeouts(&mut now);
            }
            if item.is_some() {
                return Poll::Ready(item);
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Terminated when the wrapped stream is.
impl<S, K, R, A> FusedStream for Calls<S, K, R, A>
where
    S: FusedStream<Item = Event> + Unpin,
    K: Timer,
{
    fn is_terminated(&self) -> bool {
        self.inner.is_terminated()
    }
}

impl<S, K: Timer, R, A> Drop for Calls<S, K, R, A> {
    fn drop(&mut self) {
        self.exchange.end();
    }
}

impl<S: fmt::Debug, K: Timer, R, A> fmt::Debug for Calls<S, K, R, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Calls")
            .field("inner", &self.inner)
            .field("connection", &self.exchange.connection)
            .finish_non_exhaustive()
    }
}
