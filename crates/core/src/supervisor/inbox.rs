//! The reading end of a session that a driver runs: [`Inbox`].

use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_core::{FusedStream, Stream};

use super::channel::Channel;
use crate::{
    event::{Event, Messages},
    next::Next,
};

/// The reading end of a session that a [`Driver`](crate::Driver) runs: a `Stream` of [`Event`]s.
/// The last event is [`Event::Closed`]. [`Supervisor::into_driver`](crate::Supervisor::into_driver)
/// makes it and has an example.
///
/// # Bounds
///
/// The unread messages in an inbox are bounded by number and by bytes. The bounds are in
/// [`InboxSettings`](crate::InboxSettings). While there is room, the driver reads from the
/// connection and detects losses, whether or not anything takes events out of the inbox.
///
/// When the inbox is full, the driver stops reading until there is room again. It continues to send
/// heartbeats, but it does not count the silence against the server. With
/// [`drop_oldest`](crate::InboxSettings::drop_oldest) it reads on, drops the oldest message and
/// reports that by [`Event::Lagged`].
///
/// After [`Handle::close`](crate::Handle::close) the driver reads up to the server's close frame. Messages for which
/// there is no room are then discarded and counted in [`Closed::unread`](crate::Closed::unread).
///
/// The other events are bounded, too. Between two unread messages the inbox keeps the first and the
/// last loss. The losses between them are folded into the last one, see
/// [`Lost::skipped_cycles`](crate::Lost::skipped_cycles).
///
/// # Drop behaviour
///
/// Dropping the inbox closes the session gracefully, as [`Handle::close`](crate::Handle::close)
/// does. The driver then finishes.
///
/// # Cancel safety
///
/// Dropping the future of `next` loses no event.
#[must_use = "streams do nothing unless polled"]
pub struct Inbox {
    /// `None` once the end was returned.
    channel: Option<Arc<Channel>>,
    /// Events taken out of the channel under one lock.
    batch: VecDeque<Event>,
}

impl Inbox {
    pub(super) fn new(channel: Arc<Channel>) -> Self {
        Self { channel: Some(channel), batch: VecDeque::new() }
    }

    /// Waits for the next event, see [`Next`]. `None` comes after [`Event::Closed`].
    #[allow(clippy::should_implement_trait, reason = "it waits, as `StreamExt::next` does")]
    pub fn next(&mut self) -> Next<'_, Self> {
        Next::new(self)
    }

    /// The messages of the session as a stream, without the other events, see [`Messages`].
    pub fn messages(&mut self) -> Messages<'_, Self> {
        Messages::new(self)
    }
}

impl Stream for Inbox {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let this = self.get_mut();
        let Some(channel) = &this.channel else { return Poll::Ready(None) };
        if let Some(event) = this.batch.pop_front() {
            if this.batch.is_empty() {
                channel.batch_received();
            }
            return Poll::Ready(Some(event));
        }
        let next = channel.poll_take(&mut this.batch, cx.waker());
        if let Poll::Ready(None) = next {
            this.channel = None;
        }
        next
    }
}

/// Terminated once `None` was returned.
impl FusedStream for Inbox {
    fn is_terminated(&self) -> bool {
        self.channel.is_none()
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        if let Some(channel) = self.channel.take() {
            channel.drop_inbox();
        }
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bound = self.channel.as_ref().map(|channel| channel.bound);
        f.debug_struct("Inbox").field("bound", &bound).finish_non_exhaustive()
    }
}
