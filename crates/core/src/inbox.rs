//! A session that lives in a task of its own: [`Driver`] and [`Inbox`].

use std::{
    collections::VecDeque,
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use futures_core::{FusedStream, Stream};

use crate::{
    ConfigError, Event, Handle, Supervisor, Timer, Transport,
    backlog::Backlog,
    guarded::{Guarded, discard, wake},
    sink_side::SinkSide,
    supervisor::Reading,
    wakers::Side,
};

/// Events handed over in one go at most: one lock and one wake for all of them.
const BATCH: usize = 512;

/// The reading end of a session that is driven elsewhere: a `Stream` of [`Event`]s, whose last is
/// [`Event::Closed`].
///
/// It holds a bounded number of unread messages; as many again may have been taken out in one go
/// and wait to be given to the reader. When it is full, the driver stops reading until
/// there is room, and no silence is held against the server in the meantime; heartbeats go out
/// all the same. Or it drops the oldest message and tells so, see [`drop_oldest`](Self::drop_oldest).
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
    limit: usize,
    when_full: WhenFull,
    meeting: Arc<Meeting>,
    /// Taken from the meeting in one go.
    batch: VecDeque<Event>,
    ended: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WhenFull {
    Wait,
    DropOldest,
}

/// Where driver and inbox meet.
#[derive(Debug)]
struct Meeting {
    state: Guarded<State>,
}

#[derive(Debug)]
struct State {
    backlog: Backlog,
    /// Cloning our `Arc` runs nothing of the application's, which cloning a waker does.
    reader: Option<Arc<Waker>>,
    driver: Option<Arc<Waker>>,
    /// The driver waits for room.
    full: bool,
    /// The driver is gone: nothing more will come.
    finished: bool,
    /// The inbox is gone: nothing more will be read.
    abandoned: bool,
}

impl Inbox {
    /// An inbox for this many unread messages.
    pub fn new(limit: usize) -> Self {
        let state = State {
            backlog: Backlog::default(),
            reader: None,
            driver: None,
            full: false,
            finished: false,
            abandoned: false,
        };
        Self {
            limit,
            when_full: WhenFull::Wait,
            meeting: Arc::new(Meeting { state: Guarded::new(state) }),
            batch: VecDeque::new(),
            ended: false,
        }
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
            return Poll::Ready(Some(event));
        }
        let mut own = None;
        let look = loop {
            let look = this.meeting.state.with(|state, garbage| {
                if !state.backlog.is_empty() {
                    this.batch = state.backlog.take_all(std::mem::take(&mut this.batch));
                    let full = std::mem::take(&mut state.full);
                    return Some(Look::Events { driver: state.driver.clone().filter(|_| full) });
                }
                if state.finished {
                    return Some(Look::End);
                }
                if !state.reader.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                    garbage.drop_later(state.reader.replace(own.take()?));
                }
                Some(Look::Nothing)
            });
            match look {
                Some(look) => break look,
                // Cloned outside of the lock, and only by one who must wait.
                None => own = Some(Arc::new(cx.waker().clone())),
            }
        };
        match look {
            Look::Events { driver } => {
                driver.iter().for_each(|driver| wake(driver));
                Poll::Ready(this.batch.pop_front())
            }
            Look::End => {
                this.ended = true;
                Poll::Ready(None)
            }
            Look::Nothing => Poll::Pending,
        }
    }
}

/// What the reader found.
enum Look {
    /// The driver is to be woken if it waits for room.
    Events {
        driver: Option<Arc<Waker>>,
    },
    End,
    Nothing,
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
        f.debug_struct("Inbox").field("limit", &self.limit).finish_non_exhaustive()
    }
}

/// A future that drives a session, to be spawned on any executor. It is ready when the session
/// has closed.
///
/// It is `Send` exactly when its transport and its timer are.
///
/// # Drop behaviour
///
/// Dropping it aborts the session, as dropping the supervisor does; the inbox then ends without
/// [`Event::Closed`].
#[must_use = "the heart beats only while the driver is polled"]
pub struct Driver<T: Transport, K: Timer> {
    supervisor: Supervisor<T, K>,
    meeting: Arc<Meeting>,
    limit: usize,
    when_full: WhenFull,
    /// Events to be handed over together.
    batch: VecDeque<Event>,
    /// How many of them are messages.
    messages: usize,
    handle: Handle,
    /// The sink side that the supervisor had, and whether it is promised a place, until a handle
    /// takes it over.
    sink: Guarded<Option<(SinkSide, bool)>>,
    closing: bool,
}

impl<T: Transport, K: Timer> Driver<T, K> {
    pub(crate) fn new(
        mut supervisor: Supervisor<T, K>,
        inbox: Inbox,
    ) -> Result<(Self, Inbox), ConfigError> {
        if inbox.limit == 0 {
            return Err(ConfigError::new("inbox limit", inbox.limit, "must be at least 1"));
        }
        let handle = supervisor.handle();
        inbox.meeting.state.with(|state, _| state.backlog.limit_as(supervisor.unread()));
        let driver = Self {
            meeting: Arc::clone(&inbox.meeting),
            limit: inbox.limit,
            when_full: inbox.when_full,
            batch: VecDeque::new(),
            messages: 0,
            handle,
            sink: Guarded::new(Some(supervisor.take_sink())),
            supervisor,
            closing: false,
        };
        Ok((driver, inbox))
    }

    /// A handle to send and to command with, from anywhere.
    ///
    /// The first one goes on as a `Sink` where the supervisor's own left off: it is ready if that
    /// was, and its flush waits for what that has sent.
    pub fn handle(&self) -> Handle {
        let Some((sink, promised)) = self.sink.with(|sink, _| sink.take()) else {
            return self.handle.clone();
        };
        let shared = Arc::clone(self.handle.shared());
        sink.resume(&shared, promised);
        Handle::with_sink(shared, sink)
    }

    /// How many messages the inbox has room for; `None` if it is gone.
    fn room(&self, waker: &Waker) -> Option<usize> {
        let mut own = None;
        loop {
            let look = self.meeting.state.with(|state, garbage| {
                if state.abandoned {
                    return Some(None);
                }
                let room = match self.when_full {
                    WhenFull::Wait => self.limit.saturating_sub(state.backlog.messages()),
                    WhenFull::DropOldest => BATCH,
                };
                state.full = room == 0;
                // The inbox calls when there is room again, or when it is dropped.
                if !state.driver.as_ref().is_some_and(|known| known.will_wake(waker)) {
                    garbage.drop_later(state.driver.replace(own.take()?));
                }
                Some(Some(room))
            });
            match look {
                Some(room) => return room,
                // Cloned outside of the lock, and once for all polls of a task.
                None => own = Some(Arc::new(waker.clone())),
            }
        }
    }

    /// Hands the batch over, if there is one; whether there was, and room is left.
    fn deliver(&mut self) -> bool {
        if self.batch.is_empty() {
            return false;
        }
        let only_messages = std::mem::take(&mut self.messages) == self.batch.len();
        // Taken out meanwhile, since events are dropped where they fold or find no room, and what is
        // in them is the application's. A reader that comes now waits, and is woken below.
        let (mut backlog, abandoned) = self
            .meeting
            .state
            .with(|state, _| (std::mem::take(&mut state.backlog), state.abandoned));
        if abandoned {
            discard(self.batch.drain(..));
            return true;
        }
        if only_messages && backlog.messages() + self.batch.len() <= self.limit {
            backlog.append(&mut self.batch);
        }
        for event in self.batch.drain(..) {
            backlog.push(event);
            if backlog.messages() > self.limit {
                backlog.drop_oldest();
            }
        }
        let full = self.when_full == WhenFull::Wait && backlog.messages() >= self.limit;
        let reader = self.meeting.state.with(|state, _| {
            state.backlog = backlog;
            state.full = full;
            state.reader.clone()
        });
        reader.iter().for_each(|reader| wake(reader));
        !full
    }

    /// Nothing more will come.
    fn finish(&self) {
        let reader = self.meeting.state.with(|state, garbage| {
            state.finished = true;
            garbage.drop_later(state.driver.take());
            state.reader.take()
        });
        reader.iter().for_each(|reader| wake(reader));
    }
}

impl<T: Transport, K: Timer> Future for Driver<T, K> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        while let Some(event) = this.supervisor.take_unread() {
            this.batch.push_back(event);
        }
        // A poll hands over one batch at most, then gives other tasks their turn.
        let room = this.room(cx.waker()).unwrap_or_else(|| {
            if !std::mem::replace(&mut this.closing, true) {
                this.handle.close();
            }
            BATCH
        });
        loop {
            let reading = if this.messages < room { Reading::Yes } else { Reading::No };
            match this.supervisor.poll_engine(Side::Stream, reading, cx) {
                Poll::Ready(Some(event)) => {
                    this.messages += usize::from(matches!(event, Event::Message(_)));
                    this.batch.push_back(event);
                    if this.batch.len() >= BATCH {
                        break;
                    }
                }
                Poll::Ready(None) => {
                    this.deliver();
                    this.finish();
                    return Poll::Ready(());
                }
                Poll::Pending => {
                    // The inbox may have been read since it was found full.
                    if this.deliver() && reading == Reading::No {
                        break;
                    }
                    return Poll::Pending;
                }
            }
        }
        this.deliver();
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<T: Transport, K: Timer> Drop for Driver<T, K> {
    fn drop(&mut self) {
        self.finish();
    }
}

impl<T: Transport, K: Timer> fmt::Debug for Driver<T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").field("supervisor", &self.supervisor).finish_non_exhaustive()
    }
}
