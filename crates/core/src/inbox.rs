//! A session that lives in a task of its own: [`Driver`] and [`Inbox`].

use std::{
    collections::VecDeque,
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use futures_core::{FusedStream, Stream};

use crate::{
    ConfigError, Event, Handle, Supervisor, Timer, Transport,
    backlog::Backlog,
    machine::{Intake, Load},
    wakers::Side,
};

/// Events handed over in one go at most: one lock and one wake for all of them.
const BATCH: usize = 512;

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
    bound: Load,
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
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    backlog: Backlog,
    /// Messages that the reader has taken out in one go and not given on yet, as of then.
    taken: Load,
    reader: Option<Waker>,
    driver: Option<Waker>,
    /// The driver waits for room.
    full: bool,
    /// The driver is gone: nothing more will come.
    finished: bool,
    /// The inbox is gone: nothing more will be read.
    abandoned: bool,
}

impl Meeting {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// All that is unread.
    fn held(&self) -> Load {
        self.backlog.held().with(self.taken)
    }

    /// Keeps to the bound by dropping the oldest. One message of any size may stay.
    fn drop_excess(&mut self, bound: Load) {
        while self.backlog.held().count > 0
            && (self.held().count > bound.count
                || (self.held().bytes > bound.bytes && self.held().count > 1))
        {
            self.backlog.drop_oldest();
        }
    }
}

impl Inbox {
    /// An inbox for this many unread messages, and 64 MiB of them.
    ///
    /// [`into_driver`](Supervisor::into_driver) refuses an inbox for no message.
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
            meeting: Arc::new(Meeting { state: Mutex::new(state) }),
            batch: VecDeque::new(),
            ended: false,
        }
    }

    /// Holds this many bytes of unread messages, and then is full. A message that is larger is
    /// admitted all the same. 64 MiB unless told, so that a burst of large messages does not take
    /// all memory.
    ///
    /// [`into_driver`](Supervisor::into_driver) refuses an inbox for no byte.
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
            return Poll::Ready(Some(event));
        }
        let (next, driver) = {
            let mut state = this.meeting.lock();
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
                        state.reader = Some(cx.waker().clone());
                    }
                    Poll::Pending
                }
            };
            let waits = state.full && this.bound.without(state.held()).has_room();
            state.full &= !waits;
            (next, waits.then(|| state.driver.clone()).flatten())
        };
        this.ended |= matches!(next, Poll::Ready(None));
        if let Some(driver) = driver {
            driver.wake();
        }
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
        let driver = {
            let mut state = self.meeting.lock();
            state.abandoned = true;
            state.driver.take()
        };
        if let Some(driver) = driver {
            driver.wake();
        }
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").field("bound", &self.bound).finish_non_exhaustive()
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
    bound: Load,
    when_full: WhenFull,
    /// Events to be handed over together.
    batch: VecDeque<Event>,
    /// The messages among them.
    load: Load,
    handle: Handle,
    closing: bool,
}

impl<T: Transport, K: Timer> Driver<T, K> {
    pub(crate) fn new(
        mut supervisor: Supervisor<T, K>,
        inbox: Inbox,
    ) -> Result<(Self, Inbox), ConfigError> {
        let Load { count, bytes } = inbox.bound;
        if count == 0 {
            return Err(ConfigError::new("inbox limit", count, "must be at least 1"));
        }
        if bytes == 0 {
            return Err(ConfigError::new("inbox bytes", bytes, "must be at least 1"));
        }
        let handle = supervisor.handle();
        {
            // What the sink side has met counts against the bound, and waits for the reader first.
            let mut state = inbox.meeting.lock();
            state.backlog.limit_as(supervisor.unread());
            while let Some(event) = supervisor.take_unread() {
                state.backlog.push(event);
            }
            if inbox.when_full == WhenFull::DropOldest {
                state.drop_excess(inbox.bound);
            }
        }
        let driver = Self {
            supervisor,
            meeting: Arc::clone(&inbox.meeting),
            bound: inbox.bound,
            when_full: inbox.when_full,
            batch: VecDeque::new(),
            load: Load::default(),
            handle,
            closing: false,
        };
        Ok((driver, inbox))
    }

    /// A handle to send and to command with, from anywhere.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// What the inbox has room for; `None` if it is gone.
    fn room(&self, waker: &Waker) -> Option<Load> {
        let mut state = self.meeting.lock();
        if state.abandoned {
            return None;
        }
        let room = match self.when_full {
            WhenFull::Wait => self.bound.without(state.held()),
            WhenFull::DropOldest => Load { count: BATCH, ..self.bound },
        };
        state.full = !room.has_room();
        // The inbox calls when there is room again, or when it is dropped.
        if !state.driver.as_ref().is_some_and(|known| known.will_wake(waker)) {
            state.driver = Some(waker.clone());
        }
        Some(room)
    }

    /// Hands the batch over, if there is one; whether there was, and room is left.
    fn deliver(&mut self) -> bool {
        if self.batch.is_empty() {
            return false;
        }
        let load = std::mem::take(&mut self.load);
        let (reader, full) = {
            let mut state = self.meeting.lock();
            if state.abandoned {
                self.batch.clear();
                return true;
            }
            if load.count == self.batch.len() {
                state.backlog.append(&mut self.batch, load);
            }
            for event in self.batch.drain(..) {
                state.backlog.push(event);
            }
            match self.when_full {
                WhenFull::Wait => state.full = !self.bound.without(state.held()).has_room(),
                WhenFull::DropOldest => state.drop_excess(self.bound),
            }
            (state.reader.clone(), state.full)
        };
        if let Some(reader) = reader {
            reader.wake();
        }
        !full
    }

    /// Nothing more will come.
    fn finish(&self) {
        let reader = {
            let mut state = self.meeting.lock();
            state.finished = true;
            state.reader.take()
        };
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

impl<T: Transport, K: Timer> Future for Driver<T, K> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let room = this.room(cx.waker());
        if room.is_none() && !std::mem::replace(&mut this.closing, true) {
            this.handle.close();
        }
        // Where nobody waits for room, a batch that has grown large is handed over instead.
        let waits = this.when_full == WhenFull::Wait && room.is_some();
        let room = room.unwrap_or(Load { count: BATCH, ..this.bound });
        // A poll hands over one batch at most, then gives other tasks their turn.
        loop {
            let has_room = room.without(this.load).has_room();
            if this.batch.len() >= BATCH || !(has_room || waits) {
                break;
            }
            let intake = if has_room { Intake::Storing } else { Intake::Full };
            match this.supervisor.poll_engine(Side::Stream, intake, cx) {
                Poll::Ready(Some(event)) => {
                    if let Event::Message(message) = &event {
                        this.load.add(message.len());
                    }
                    this.batch.push_back(event);
                }
                Poll::Ready(None) => {
                    this.deliver();
                    this.finish();
                    return Poll::Ready(());
                }
                Poll::Pending => {
                    // The inbox may have been read since it was found full.
                    if this.deliver() && intake == Intake::Full {
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
