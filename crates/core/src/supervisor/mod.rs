//! The supervisor: a `Stream` and a `Sink` around the engine.

mod backlog;
mod builder;
mod byte_counts;
mod channel;
mod contained;
mod driver;
mod engine;
mod inbox;
mod link;
#[cfg(all(test, wsh_loom))]
mod models;
mod policies;
mod probes;
mod redial;
mod reporter;
mod telemetry;
mod waiting;
mod writer;

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use futures_core::{FusedStream, Stream};
use futures_sink::Sink;

use self::{backlog::Backlog, engine::Engine, policies::Resolved};
use crate::{
    config::OutboxSettings,
    event::Event,
    handle::Handle,
    machine::Intake,
    message::Message,
    outbox::{Load, SessionClosed, SinkSide, WINDOW},
    shared::Side,
    status::Status,
    time::Timer,
    transport::Transport,
};

pub use self::{builder::Builder, driver::Driver, inbox::Inbox};

/// The bound on unread messages while the session is driven from the sink side: one window of small
/// messages, or a few large messages.
const UNREAD: Load = Load { count: 256, bytes: 1024 * 1024 };

/// A session: a supervised connection that is replaced when it is lost.
///
/// It is a `Stream` of [`Event`]s and a `Sink` of [`Message`]s. The last event is
/// [`Event::Closed`]. It needs no runtime and spawns nothing: **the task that polls it drives the
/// session**. While it is not polled, no heartbeat is sent, nothing is read and no deadline is
/// judged. If an application cannot poll all the time, [`into_driver`](Self::into_driver) makes a
/// future to spawn.
///
/// # The two sides
///
/// Both sides drive the whole session. If only the sink side is polled, as in `forward`, the
/// session also dials, writes, keeps time and reads. It stores the messages that it reads for the
/// stream, up to 256 messages or 1 MiB. So a task that only sends detects a dead connection in
/// time. When the store is full, the session stops reading. Until there is room again, it still
/// sends heartbeats, but it does not count silence against the server. The halves of
/// `futures::StreamExt::split` may be in two tasks.
///
/// Closing the sink closes the session gracefully, as [`Handle::close`] does. The close is ready
/// when every accepted message has its fate and the connection is closed or the close timeout has
/// passed. The remaining events are read from the stream. Messages that arrive after the close and
/// have no room there are discarded and counted in [`Closed::unread`](crate::Closed::unread). An
/// outage is never an error of the sink: during an outage the sink is not ready or stores messages,
/// depending on the [`OutboxSettings`].
///
/// # Drop behaviour
///
/// Dropping the supervisor aborts the session: the connection is dropped, every message without a
/// fate becomes [`Fate::Dropped`](crate::Fate::Dropped) or [`Unknown`](crate::Fate::Unknown),
/// receipts resolve, and waiting senders are refused.
///
/// # Cancel safety
///
/// Its futures (`next`, `send`, ...) may be dropped at any time. No event and no accepted message
/// is lost.
///
/// # Fairness
///
/// A poll returns `Pending` after about 1,024 frames, 4 MiB or 10 ms, even if there is more to
/// read, and the task is woken at once. So other tasks of the thread can run, and the [`Status`] is
/// brought up to date.
///
/// # Panics
///
/// A panic of a function of the application is caught, and `poll` does not panic. The effect
/// depends on the function:
///
/// - the transport's `connect` and `can_ping`, and the attempt: the attempt has failed, with an
///   error of the kind [`Panicked`](crate::ErrorKind::Panicked);
/// - a connection's methods: the connection is lost as [`Broken`](crate::LostCause::Broken), with
///   an error of the same kind, and is dropped without a further call;
/// - the verdict: it counts as [`Verdict::Retry`](crate::Verdict::Retry), and
///   [`Lost::verdict_panic`](crate::Lost::verdict_panic) has the message of the panic;
/// - the backoff and the functions of the heartbeat: the session ends, with
///   [`CloseReason::Panicked`](crate::CloseReason::Panicked). If the panic happened in a call with
///   a message, the application still receives that message.
///
/// A panic of the `Drop` of one of these functions or of a connection is caught and ignored. If
/// panics abort the process (`panic = "abort"`, and WebAssembly), nothing is caught. A panic of the
/// timer's [`now`](Timer::now) passes through `poll`, since a session cannot work without a clock.
/// The supervisor can still be dropped. A panic of a sleep ends the session like a panic of the
/// backoff, with [`UserFunction::Timer`](crate::UserFunction::Timer).
#[must_use = "a supervisor does nothing unless polled"]
pub struct Supervisor<T: Transport, K: Timer> {
    engine: Engine<T, K>,
    /// Always the same waker, so that connections never have to register a new one.
    proxy: Waker,
    /// The wakers of the two sides that are registered.
    seen: [Option<Waker>; 2],
    /// Events that occurred while the session was driven from the sink side.
    unread: Backlog,
    sink: SinkSide,
    /// Messages fed to the sink since it last drove the session.
    fed: usize,
    /// The stream has returned `None`.
    terminated: bool,
}

/// Everything that must not move is in its own box.
impl<T: Transport, K: Timer> Unpin for Supervisor<T, K> {}

impl<T: Transport, K: Timer> Supervisor<T, K> {
    /// Returns a builder for a session over this transport and timer.
    pub fn builder(transport: T, timer: K) -> Builder<T, K> {
        Builder::new(transport, timer)
    }

    fn new(transport: T, timer: K, settings: Resolved) -> Self {
        let OutboxSettings { rules, unproven } = settings.outbox;
        let unsent = Load { count: rules.count, bytes: rules.bytes };
        let unproven = unproven.map(|kept| Load { count: kept.count, bytes: kept.bytes });
        let unread = Backlog::new(unsent, unproven);
        let engine = Engine::new(transport, timer, settings);
        let proxy = Waker::from(Arc::clone(&engine.shared));
        let sink = SinkSide::default();
        Self { engine, proxy, seen: [None, None], unread, sink, fed: 0, terminated: false }
    }

    /// A handle to send messages and commands with, from any task or thread.
    pub fn handle(&self) -> Handle {
        Handle::new(Arc::clone(&self.engine.shared))
    }

    /// The number of the current connection, or of the last attempt; 0 before the first attempt.
    /// The messages that the stream returns were received on this connection, except those that were
    /// stored while only the sink was polled.
    pub fn connection(&self) -> u64 {
        self.engine.machine.connection()
    }

    /// The session's status as last published.
    pub fn status(&self) -> Status {
        self.engine.shared.status()
    }

    /// The transport.
    pub fn transport(&self) -> &T {
        &self.engine.transport
    }

    /// The transport, for example to change the next attempt.
    pub fn transport_mut(&mut self) -> &mut T {
        &mut self.engine.transport
    }

    /// The timer, whose clock the times of events and of the [`Status`] are on.
    pub fn timer(&self) -> &K {
        self.engine.timer()
    }

    /// Polls the engine for one of the two sides.
    fn poll_engine(&mut self, side: Side, intake: Intake, cx: &Context<'_>) -> Poll<Option<Event>> {
        self.register(side, cx.waker());
        self.engine.poll(&mut Context::from_waker(&self.proxy), intake)
    }

    fn register(&mut self, side: Side, waker: &Waker) {
        let seen = &mut self.seen[side as usize];
        if !seen.as_ref().is_some_and(|seen| seen.will_wake(waker)) {
            *seen = Some(waker.clone());
            self.engine.shared.tasks.set(side, waker);
        }
    }

    /// Returns whether one more message may wait for the stream.
    fn has_room(&self) -> bool {
        UNREAD.without(self.unread.held()).has_room()
    }

    /// Drives the session from the sink side until nothing is left to do.
    fn drive(&mut self, cx: &Context<'_>) {
        self.fed = 0;
        let mut news = false;
        loop {
            let intake = if self.has_room() { Intake::Storing } else { Intake::Full };
            match self.poll_engine(Side::Sink, intake, cx) {
                Poll::Ready(Some(event)) => {
                    self.unread.push(event);
                    news = true;
                }
                Poll::Ready(None) | Poll::Pending => break,
            }
        }
        if news {
            self.engine.shared.tasks.wake_side(Side::Stream);
        }
    }
}

impl<T: Transport, K: Timer> Stream for Supervisor<T, K> {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let this = self.get_mut();
        let had_room = this.has_room();
        if let Some(event) = this.unread.pop() {
            if !had_room && this.has_room() {
                // The sink side drives the session and can read again, even if the stream is not
                // polled further.
                this.engine.shared.tasks.wake_side(Side::Sink);
            }
            return Poll::Ready(Some(event));
        }
        let next = this.poll_engine(Side::Stream, Intake::Taking, cx);
        this.terminated |= matches!(next, Poll::Ready(None));
        next
    }
}

/// Terminated once `None` was returned.
impl<T: Transport, K: Timer> FusedStream for Supervisor<T, K> {
    fn is_terminated(&self) -> bool {
        self.terminated
    }
}

impl<T: Transport, K: Timer> Sink<Message> for Supervisor<T, K> {
    type Error = SessionClosed;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SessionClosed>> {
        let this = self.get_mut();
        // On an open connection, messages that are fed one after the other are written together:
        // when the sink is flushed, when there is no more room, when the stream side is polled, and
        // at the latest after one window.
        if this.fed < WINDOW.count
            && this.engine.machine.may_write()
            && let Poll::Ready(ready) = this.sink.poll_ready(&this.engine.shared, cx.waker())
        {
            return Poll::Ready(ready);
        }
        this.drive(cx);
        this.sink.poll_ready(&this.engine.shared, cx.waker())
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), SessionClosed> {
        let this = self.get_mut();
        // The caller continues to poll this sink, so no task needs to be woken. The next command of a
        // handle still wakes the task.
        this.engine.queued.any = true;
        this.fed += 1;
        this.sink.start_send(&this.engine.shared, message)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SessionClosed>> {
        let this = self.get_mut();
        this.drive(cx);
        this.sink.poll_flush(&this.engine.shared, cx.waker())
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SessionClosed>> {
        let this = self.get_mut();
        if this.sink.close() {
            this.handle().close();
        }
        this.drive(cx);
        if this.engine.machine.is_closed() { Poll::Ready(Ok(())) } else { Poll::Pending }
    }
}

impl<T: Transport, K: Timer> Drop for Supervisor<T, K> {
    fn drop(&mut self) {
        // The session ends first, so that a message that waits in the sink is dropped for the same
        // reason as all others.
        self.engine.end_by_drop();
        self.sink.leave(&self.engine.shared);
        // Handles, and with them the shared state, may exist longer. The wakers of the tasks are
        // not needed any more.
        self.engine.shared.tasks.clear();
    }
}

impl<T: Transport, K: Timer> fmt::Debug for Supervisor<T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Supervisor");
        if let Some(name) = self.engine.shared.name() {
            shown.field("name", &name);
        }
        shown
            .field("phase", &self.status().phase)
            .field("connection", &self.connection())
            .finish_non_exhaustive()
    }
}
