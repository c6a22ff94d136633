//! A session that lives in a task of its own: [`Driver`] and [`Inbox`].

use std::{
    collections::VecDeque,
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use super::{
    Supervisor,
    backlog::Backlog,
    inbox::{Inbox, Meeting, WhenFull, drop_excess},
};
use crate::{
    error::ConfigError,
    event::Event,
    handle::{Handle, SinkSide},
    machine::Intake,
    outbox::Load,
    shared::Side,
    sync::{Guarded, discard, wake},
    time::Timer,
    transport::Transport,
};

/// Events handed over in one go at most: one lock and one wake for all of them.
const BATCH: usize = 512;

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
