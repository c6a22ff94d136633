//! The reading end of a session that is driven elsewhere: [`Inbox`].

use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use futures_core::{FusedStream, Stream};

use super::backlog::Backlog;
use crate::{
    event::Event,
    outbox::Load,
    sync::{Guarded, wake},
};

/// What an inbox holds in bytes unless told: a burst of large messages, on a machine that has some
/// hundred megabytes to spare.
const BYTES: usize = 64 * 1024 * 1024;

/// The reader takes one in so many of what the inbox may hold in one go, as far as it is there.
const PART: usize = 8;

/// The reading end of a session that is driven elsewhere: a `Stream` of [`Event`]s, whose last is
/// [`Event::Closed`].
///
/// It holds a bounded number of unread messages, and a bounded number of bytes of them: it is full
/// at either, so it never exceeds its bytes by more than one message. While it has room,
/// everything is read and judged, whether or not anybody takes it. When it is full, the driver
/// stops reading until there is room, and no silence is held against the server in the meantime;
/// heartbeats go out all the same. Or it drops the oldest message and says so, see
/// [`drop_oldest`](Self::drop_oldest). After the user's `close`, messages for which there is no
/// room are discarded and counted in [`Closed::unread`](crate::Closed::unread), so that the
/// server's close frame is read.
///
/// Unread events between two messages are bounded as well: after one whole cycle of loss and
/// reconnection later ones fold into one, see [`Lost::skipped_cycles`](crate::Lost::skipped_cycles).
///
/// # Drop behaviour
///
/// Dropping it lets the driver close the session gracefully and finish.
///
/// # Cancel safety
///
/// No event is lost when its `next` is dropped.
#[must_use = "streams do nothing unless polled"]
pub struct Inbox {
    pub(super) bound: Load,
    pub(super) when_full: WhenFull,
    pub(super) meeting: Arc<Meeting>,
    /// Taken from the meeting in one go.
    batch: VecDeque<Event>,
    ended: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WhenFull {
    Wait,
    DropOldest,
}

/// Where driver and inbox meet.
#[derive(Debug)]
pub(super) struct Meeting {
    pub(super) state: Guarded<State>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) backlog: Backlog,
    /// Messages that the reader has taken out in one go and not given on yet, as of then.
    pub(super) taken: Load,
    /// Cloning our `Arc` runs nothing of the application's, which cloning a waker does.
    pub(super) reader: Option<Arc<Waker>>,
    pub(super) driver: Option<Arc<Waker>>,
    /// The driver waits for room.
    pub(super) full: bool,
    /// The driver is gone: nothing more will come.
    pub(super) finished: bool,
    /// The inbox is gone: nothing more will be read.
    pub(super) abandoned: bool,
}

impl State {
    /// All that is unread.
    pub(super) fn held(&self) -> Load {
        self.backlog.held().with(self.taken)
    }

    /// The driver to wake, if it waits for room and there is some.
    fn call_for_room(&mut self, bound: Load) -> Option<Arc<Waker>> {
        let waits = self.full && bound.without(self.held()).has_room();
        self.full &= !waits;
        self.driver.clone().filter(|_| waits)
    }
}

impl Inbox {
    /// An inbox for this many unread messages, and 64 MiB of them.
    ///
    /// [`into_driver`](crate::Supervisor::into_driver) refuses an inbox for no message.
    pub fn new(limit: usize) -> Self {
        let state = State {
            backlog: Backlog::default(),
            taken: Load::default(),
            reader: None,
            driver: None,
            full: false,
            finished: false,
            abandoned: false,
        };
        Self {
            bound: Load { count: limit, bytes: BYTES },
            when_full: WhenFull::Wait,
            meeting: Arc::new(Meeting { state: Guarded::new(state) }),
            batch: VecDeque::new(),
            ended: false,
        }
    }

    /// Holds this many bytes of unread messages, and then is full. A message that is larger is
    /// admitted all the same. 64 MiB unless told, so that a burst of large messages does not take
    /// all memory.
    ///
    /// [`into_driver`](crate::Supervisor::into_driver) refuses an inbox for no byte.
    pub fn bytes(mut self, bytes: usize) -> Self {
        self.bound.bytes = bytes;
        self
    }

    /// Drops the oldest unread message when it is full, and says so with [`Event::Lagged`] in its
    /// place, instead of letting the server wait.
    pub fn drop_oldest(mut self) -> Self {
        self.when_full = WhenFull::DropOldest;
        self
    }
}

impl Stream for Inbox {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let this = self.get_mut();
        if let Some(event) = this.batch.pop_front() {
            if this.batch.is_empty() {
                // Who takes a message and then is busy for long leaves its room to the driver.
                let bound = this.bound;
                let driver = this.meeting.state.with(|state, _| {
                    state.taken = Load::default();
                    state.call_for_room(bound)
                });
                driver.iter().for_each(|driver| wake(driver));
            }
            return Poll::Ready(Some(event));
        }
        let mut own = None;
        let (next, driver) = loop {
            let look = this.meeting.state.with(|state, garbage| {
                let Load { count, bytes } = this.bound;
                let part = Load { count: count.div_ceil(PART), bytes: bytes.div_ceil(PART) };
                state.taken = state.backlog.take(part, &mut this.batch);
                let next = match this.batch.pop_front() {
                    Some(event) => {
                        if let Event::Message(message) = &event {
                            state.taken.remove(message.len());
                        }
                        Poll::Ready(Some(event))
                    }
                    None if state.finished => Poll::Ready(None),
                    None => {
                        if !state.reader.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                            garbage.drop_later(state.reader.replace(own.take()?));
                        }
                        Poll::Pending
                    }
                };
                Some((next, state.call_for_room(this.bound)))
            });
            match look {
                Some(look) => break look,
                // Cloned outside of the lock, and only by one who must wait.
                None => own = Some(Arc::new(cx.waker().clone())),
            }
        };
        driver.iter().for_each(|driver| wake(driver));
        this.ended |= matches!(next, Poll::Ready(None));
        next
    }
}

/// Terminated once `None` was returned.
impl FusedStream for Inbox {
    fn is_terminated(&self) -> bool {
        self.ended
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        let driver = self.meeting.state.with(|state, garbage| {
            state.abandoned = true;
            garbage.drop_later(state.reader.take());
            state.driver.take()
        });
        driver.iter().for_each(|driver| wake(driver));
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").field("bound", &self.bound).finish_non_exhaustive()
    }
}

/// Keeps to the bound by dropping the oldest. One message of any size may stay.
pub(super) fn drop_excess(backlog: &mut Backlog, taken: Load, bound: Load) {
    loop {
        let held = backlog.held().with(taken);
        let exceeds = held.count > bound.count || (held.bytes > bound.bytes && held.count > 1);
        if !exceeds || backlog.held().count == 0 {
            return;
        }
        backlog.drop_oldest();
    }
}
