//! The layer over a session: [`Acknowledged`].

use std::{
    fmt,
    hash::Hash,
    pin::Pin,
    task::{Context, Poll},
};

use futures_core::{FusedStream, Stream};

use super::{delivery::Delivery, sender::AckSender, settings::AckSettings};
use crate::{
    error::ConfigError,
    event::Event,
    handle::Handle,
    next::Next,
    time::{Timer, Timestamp},
};

/// The acknowledgements that one poll handles at most before other tasks of the thread run.
const ACKS_PER_POLL: u32 = 256;

/// A session with acknowledged delivery: a `Stream` of the session's [`Event`]s, and a
/// [`sender`](Self::sender) whose receipts resolve when the server has acknowledged the message.
/// The [module](super) has an example.
///
/// It wraps a [`Supervisor`](crate::Supervisor), the [`Inbox`](crate::Inbox) of a session that a
/// driver runs, or any other stream of all events of one session. [`Handle`]s work beside it as
/// usual. The layer does not handle messages that are queued through them.
///
/// # At least once
///
/// A receipt that is `Ok` means that the server had the message. Other messages are sent again:
/// after each [`Open`](Event::Open), and on an open connection after the
/// [timeout](AckSettings::timeout). If only the acknowledgement was lost, the server receives the
/// message twice. So the server must
///
/// - tolerate duplicates: it remembers ids, at least as many as the client's window, or receiving
///   a message twice does no harm;
/// - acknowledge duplicates, too. Otherwise the client sends the message again until it gives up.
///
/// Within a session, do not use an id for another message while an acknowledgement of the first may
/// still arrive. Acknowledgements of unknown ids, and of messages that were never sent, are
/// ignored. The connection by which an acknowledgement arrives does not matter.
///
/// # Order
///
/// Messages are sent in the order in which the window accepted them. After a reconnect all
/// unacknowledged messages are sent in that order, before any newer one. So the server receives the
/// first copies in order, over any number of connections. Copies sent after a timeout come behind
/// newer messages.
///
/// Messages that the application queues through a [`Handle`] on an `Open`, before it polls again,
/// are sent first. Otherwise there is no order between them and the messages of the layer.
///
/// # Window
///
/// At most [`window`](AckSettings::window) messages and [`bytes`](AckSettings::bytes) are accepted
/// and unacknowledged, also while offline. [`AckSender::queue`] waits for a place, in order of
/// arrival. Copies that are not written yet count in the supervisor's outbox and leave it when their
/// connection is lost, so the outbox never holds two copies of a message.
///
/// # Giving up
///
/// A receipt resolves exactly once: with the acknowledgement, or with
/// [`Unacknowledged`](super::Unacknowledged), which returns the message and the reason. When the
/// session ends, all receipts resolve before the event [`Closed`](Event::Closed).
/// [`Handle::close`] does not wait for acknowledgements: await the receipts first.
///
/// Nothing is written to disk. If the process dies, unacknowledged messages are lost, unless the
/// application stores each message until its receipt is `Ok`.
///
/// # Polling
///
/// Messages are sent, acknowledgements are found and timeouts are checked only while this stream
/// is polled, even if a driver runs the session. Timeouts are checked only when there is nothing to
/// read, so an acknowledgement behind unread messages is in time. Acknowledgements that an inbox
/// [drops](crate::InboxSettings::drop_oldest) are missing like lost ones.
///
/// # Drop behaviour
///
/// Dropping it drops the session, and all receipts resolve with
/// [`AckFailure::SessionEnded`](super::AckFailure::SessionEnded).
///
/// # Cancel safety
///
/// Dropping the future of `next` loses no event and no acknowledgement.
///
/// # Panics
///
/// A panic of the function given to [`AckSettings::new`] is contained, unless panics abort. The
/// application receives the message, the function is not called again, and the session ends with
/// [`CloseReason::Panicked`](crate::CloseReason::Panicked).
#[must_use = "streams do nothing unless polled"]
pub struct Acknowledged<S, K: Timer, Id> {
    inner: S,
    delivery: Delivery<K, Id>,
    show_acknowledgements: bool,
}

impl<S, K: Timer, Id> Acknowledged<S, K, Id> {
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
        settings: AckSettings<Id>,
    ) -> Result<Self, ConfigError> {
        settings.check()?;
        let show_acknowledgements = settings.show_acknowledgements;
        let delivery = Delivery::new(handle, timer, settings);
        Ok(Self { inner: events, delivery, show_acknowledgements })
    }

    /// The sending side, for any number of tasks and threads.
    pub fn sender(&self) -> AckSender<Id> {
        AckSender::new(&self.delivery.window)
    }

    /// Waits for the next event, see [`Next`].
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

impl<S, K, Id> Stream for Acknowledged<S, K, Id>
where
    S: Stream<Item = Event> + Unpin,
    K: Timer,
    Id: Clone + Eq + Hash,
{
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let this = self.get_mut();
        let delivery = &mut this.delivery;
        // The time of this poll, once it was needed.
        let mut now: Option<Timestamp> = None;
        let mut parked = false;
        for _ in 0..ACKS_PER_POLL {
            delivery.send(&mut now);
            match Pin::new(&mut this.inner).poll_next(cx) {
                Poll::Ready(Some(Event::Message(message))) => {
                    if !delivery.handle_message(&message) || this.show_acknowledgements {
                        return Poll::Ready(Some(Event::Message(message)));
                    }
                }
                Poll::Ready(Some(event)) => {
                    delivery.handle_event(&event);
                    return Poll::Ready(Some(event));
                }
                Poll::Ready(None) => {
                    delivery.end();
                    return Poll::Ready(None);
                }
                Poll::Pending => {
                    if !delivery.park(cx, &mut now) {
                        return Poll::Pending;
                    }
                    // The first time, the session writes in this poll; then other tasks run.
                    if std::mem::replace(&mut parked, true) {
                        break;
                    }
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Terminated when the wrapped stream is.
impl<S, K, Id> FusedStream for Acknowledged<S, K, Id>
where
    S: FusedStream<Item = Event> + Unpin,
    K: Timer,
    Id: Clone + Eq + Hash,
{
    fn is_terminated(&self) -> bool {
        self.inner.is_terminated()
    }
}

impl<S, K: Timer, Id> Drop for Acknowledged<S, K, Id> {
    fn drop(&mut self) {
        self.delivery.end();
    }
}

impl<S: fmt::Debug, K: Timer, Id> fmt::Debug for Acknowledged<S, K, Id> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acknowledged")
            .field("inner", &self.inner)
            .field("connection", &self.delivery.connection)
            .finish_non_exhaustive()
    }
}
