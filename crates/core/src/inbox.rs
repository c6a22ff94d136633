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
    machine::{Intake, Load},
    sink_side::SinkSide,
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
    state: Guarded<State>,
}

#[derive(Debug)]
struct State {
    backlog: Backlog,
    /// Messages that the reader has taken out in one go and not given on yet, as of then.
    taken: Load,
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

impl State {
    /// All that is unread.
    fn held(&self) -> Load {
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
            meeting: Arc::new(Meeting { state: Guarded::new(state) }),
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
fn drop_excess(backlog: &mut Backlog, taken: Load, bound: Load) {
    loop {
        let held = backlog.held().with(taken);
        let exceeds = held.count > bound.count || (held.bytes > bound.bytes && held.count > 1);
        if !exceeds || backlog.held().count == 0 {
            return;
        }
        backlog.drop_oldest();
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
        let Load { count, bytes } = inbox.bound;
        if count == 0 {
            return Err(ConfigError::new("inbox limit", count, "must be at least 1"));
        }
        if bytes == 0 {
            return Err(ConfigError::new("inbox bytes", bytes, "must be at least 1"));
        }
        let handle = supervisor.handle();
        // What the sink side has met counts against the bound, and waits for the reader first.
        let mut backlog = Backlog::default();
        backlog.limit_as(supervisor.unread());
        while let Some(event) = supervisor.take_unread() {
            backlog.push(event);
        }
        if inbox.when_full == WhenFull::DropOldest {
            drop_excess(&mut backlog, Load::default(), inbox.bound);
        }
        inbox.meeting.state.with(|state, _| state.backlog = backlog);
        let driver = Self {
            meeting: Arc::clone(&inbox.meeting),
            bound: inbox.bound,
            when_full: inbox.when_full,
            batch: VecDeque::new(),
            load: Load::default(),
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

    /// What the inbox has room for; `None` if it is gone.
    fn room(&self, waker: &Waker) -> Option<Load> {
        let mut own = None;
        loop {
            let look = self.meeting.state.with(|state, garbage| {
                if state.abandoned {
                    return Some(None);
                }
                let room = match self.when_full {
                    WhenFull::Wait => self.bound.without(state.held()),
                    WhenFull::DropOldest => Load { count: BATCH, ..self.bound },
                };
                state.full = !room.has_room();
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
        let load = std::mem::take(&mut self.load);
        // Taken out meanwhile, since events are dropped where they fold or find no room, and what is
        // in them is the application's. A reader that comes now waits, and is woken below.
        let (mut backlog, taken, abandoned) = self
            .meeting
            .state
            .with(|state, _| (std::mem::take(&mut state.backlog), state.taken, state.abandoned));
        if abandoned {
            discard(self.batch.drain(..));
            return true;
        }
        if load.count == self.batch.len() {
            backlog.append(&mut self.batch, load);
        }
        for event in self.batch.drain(..) {
            backlog.push(event);
        }
        if self.when_full == WhenFull::DropOldest {
            drop_excess(&mut backlog, taken, self.bound);
        }
        let (reader, full) = self.meeting.state.with(|state, _| {
            state.backlog = backlog;
            let room = self.bound.without(state.held()).has_room();
            state.full = self.when_full == WhenFull::Wait && !room;
            (state.reader.clone(), state.full)
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
