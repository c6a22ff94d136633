//! The command side: [`Handle`].

mod queuing;
mod sink;
mod status_changes;

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_core::{FusedStream, Stream};
use futures_sink::Sink;

use crate::{
    error::ConfigError,
    event::{CloseReason, Fate},
    message::{CloseFrame, Message, Outgoing},
    outbox::{Offered, QueueError, SessionClosed},
    panics::UserPanic,
    shared::{Shared, State},
    status::Status,
};

pub(crate) use self::sink::SinkSide;
pub use self::{
    queuing::{Queuing, QueuingWithReceipt},
    status_changes::StatusChanges,
};

/// The cloneable command side of a session: sends messages and states the user's will, from any
/// thread and in any state.
///
/// A handle never drives: it is the task that polls the [`Supervisor`](crate::Supervisor), or its
/// [`Driver`](crate::Driver), that makes anything happen. Do not await [`send_confirmed`](Self::send_confirmed), a
/// [`Receipt`](crate::Receipt), [`closed`](Self::closed), or [`queue`](Self::queue) where the outbox may be full, on
/// the only task that polls it; [`try_queue`](Self::try_queue) is for there.
///
/// It is also a `Sink` of messages. Closing that sink flushes what *this handle* queued and then
/// refuses more of it; the session goes on. Its one error is [`SessionClosed`].
///
/// A sink that is ready has a place among the outbox's messages until it sends or is dropped, and
/// no bytes. A message for which there are not enough bytes waits in its sink, in line with other
/// senders, and the session takes it as soon as there is room. Until then the sink is neither ready
/// nor flushed; one more message that is sent all the same is dropped.
///
/// # Drop behaviour
///
/// Dropping handles never ends a session. A message that still waits in the sink of a dropped
/// handle is dropped with [`DropReason::Overflow`](crate::DropReason::Overflow).
pub struct Handle {
    shared: Arc<Shared>,
    sink: SinkSide,
}

impl Handle {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self::with_sink(shared, SinkSide::default())
    }

    pub(crate) fn with_sink(shared: Arc<Shared>, sink: SinkSide) -> Self {
        Self { shared, sink }
    }

    /// The number that the outbox knows the sink of this handle by, 0 if it does not.
    pub(crate) fn owner(&self) -> u64 {
        self.sink.owner()
    }

    /// Queues a message; ready when the outbox has accepted it. What is queued is written in
    /// batches, so this is the fast way to send much.
    ///
    /// What becomes of it without a receipt is told by [`Lost::unsent`](crate::Lost::unsent) and
    /// [`Closed::unsent`](crate::Closed::unsent) if it is not written.
    ///
    /// # Errors
    ///
    /// Gives the message back if the outbox refuses it by its policy or the session is closed.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it gives up its place in line and the message; nothing was
    /// queued.
    pub fn queue(&self, message: impl Into<Outgoing>) -> Queuing<'_> {
        Queuing::new(self, message.into())
    }

    /// Queues a message if that is possible at once.
    ///
    /// # Errors
    ///
    /// Gives the message back if it would have to wait, if the outbox refuses it or the session is
    /// closed.
    pub fn try_queue(&self, message: impl Into<Outgoing>) -> Result<(), QueueError> {
        let mut outgoing = Some(message.into());
        let offered = self
            .shared
            .with(|state, garbage| state.outbox.offer(&mut outgoing, None, self.owner(), garbage));
        if offered == Offered::Accepted {
            self.shared.notify();
            return Ok(());
        }
        let outgoing = outgoing.expect("what is refused is not taken");
        Err(offered.error(outgoing.message))
    }

    /// Queues a message; ready with the promise of its fate when the outbox has accepted it.
    ///
    /// # Errors and cancel safety
    ///
    /// As [`queue`](Self::queue).
    pub fn queue_with_receipt(&self, message: impl Into<Outgoing>) -> QueuingWithReceipt<'_> {
        QueuingWithReceipt::new(self, message.into())
    }

    /// Sends a message; ready with its fate.
    ///
    /// With `futures::SinkExt` in scope, a `Handle` that is itself mutable has a `send` of that trait
    /// as well; this one is meant on a plain `Handle` or `&Handle`.
    ///
    /// A loop of this waits for a flush, a system call at least, for each message; use
    /// [`queue`](Self::queue) where the fate of each need not be known before the next.
    ///
    /// # Errors and cancel safety
    ///
    /// As [`queue`](Self::queue); once the message is accepted, dropping this changes nothing for
    /// it.
    pub async fn send_confirmed(&self, message: impl Into<Outgoing>) -> Result<Fate, QueueError> {
        Ok(self.queue_with_receipt(message).await?.await)
    }

    /// Keeps a message that is sent after every Open, before what is queued: a subscription, say.
    /// Messages are replayed in the order in which their keys were first set; a key that is set
    /// again replaces its message. If a connection is open, it is sent on that one, too.
    ///
    /// Replays count against the outbox's bound while they are on their way, but are never
    /// refused; they have no fate, since they come again with the next connection.
    ///
    /// # Errors
    ///
    /// Gives the message back when there would be more replays, or bytes of them, than the outbox
    /// may hold messages.
    pub fn replay(&self, key: &str, message: impl Into<Message>) -> Result<(), QueueError> {
        let message = message.into();
        self.shared.with(|state, garbage| state.outbox.set_replay(key, message, garbage))?;
        self.shared.notify();
        Ok(())
    }

    /// Forgets the replay of that key; gives its message.
    pub fn forget_replay(&self, key: &str) -> Option<Message> {
        self.shared.with(|state, _| state.outbox.remove_replay(key))
    }

    /// Queues messages for the connection with this number and no other, as
    /// [`Outbox::queue_on`](crate::outbox::Outbox::queue_on) says.
    pub(crate) fn queue_on(&self, connection: u64, mut messages: Vec<Message>) -> Option<u64> {
        let first = self.shared.with(|state, _| state.outbox.queue_on(connection, &mut messages));
        self.shared.notify();
        first
    }

    /// The first ticket of [`queue_on`](Self::queue_on) whose message was not written and may
    /// still be.
    pub(crate) fn first_unwritten(&self) -> u64 {
        self.shared.with(|state, _| state.outbox.first_unwritten())
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

/// The user's will.
impl Handle {
    /// Closes the session gracefully: what is queued is written, a close frame with code 1000 is
    /// sent and the server's awaited, all within the close timeout; then the connection is
    /// dropped. Without a connection the session ends at once.
    ///
    /// Effective in every state: no attempt begins after it. Idempotent.
    pub fn close(&self) {
        self.close_by(None);
    }

    /// As [`close`](Self::close), with this close frame.
    ///
    /// # Errors
    ///
    /// When a client may not send the frame's code (RFC 6455 section 7.4), or its reason is longer
    /// than a control frame holds; nothing was closed then.
    pub fn close_with(&self, frame: CloseFrame) -> Result<(), ConfigError> {
        frame.check()?;
        self.close_by(Some(frame));
        Ok(())
    }

    fn close_by(&self, frame: Option<CloseFrame>) {
        // One that comes too late is dropped here, outside of the lock.
        let mut frame = Some(Box::new(frame));
        self.command(|state| {
            if state.commands.close.is_none() {
                state.commands.close = frame.take();
            }
            state.outbox.close_gate();
        });
    }

    /// Ends the session now, without a close frame. Idempotent. What was written and has not been
    /// delivered may be thrown away; the native backends do that.
    pub fn abort(&self) {
        self.command(|state| {
            state.commands.abort = true;
            state.outbox.close_gate();
        });
    }

    /// Replaces an open connection by a new one, or begins the next attempt now instead of after
    /// its delay. Minimum gap, shared budget and limits hold: where no further attempt is
    /// [allowed](crate::Attempts), the session ends. Does nothing while an attempt is under way,
    /// while paused, or once closed.
    pub fn reconnect_now(&self) {
        self.command(|state| state.commands.reconnect = true);
    }

    /// Asks the server for a sign of life now, with a short deadline, and lets the connection be
    /// replaced only if none comes: the thing to do when the network changed or the machine woke
    /// up. Does nothing without an open connection.
    pub fn probe_now(&self) {
        self.command(|state| state.commands.probe = true);
    }

    /// Rests until [`resume`](Self::resume): an open connection is kept and goes on to be read and
    /// written, without heartbeats and verdicts; an attempt under way or scheduled is given up.
    pub fn pause(&self) {
        self.command(|state| state.commands.pause = Some(true));
    }

    /// Ends a [`pause`](Self::pause): with a connection by a probe with a short deadline, without
    /// one by an attempt as soon as minimum gap and shared budget let it begin. That attempt
    /// counts: where no further one is [allowed](crate::Attempts), the session ends.
    pub fn resume(&self) {
        self.command(|state| state.commands.pause = Some(false));
    }

    /// Ends the session for the panic of a function of the user's that is called beside the driver.
    pub(crate) fn end_by_panic(&self, panic: UserPanic) {
        let panic = Box::new(panic);
        self.command(|state| {
            state.commands.panic.get_or_insert(panic);
            state.outbox.close_gate();
        });
    }

    fn command(&self, set: impl FnOnce(&mut State)) {
        self.shared.with(|state, _| set(state));
        self.shared.notify();
    }

    /// The session's status as last published.
    pub fn status(&self) -> Status {
        self.shared.status()
    }

    /// The status now and whenever it has changed. Intermediate ones are skipped if nobody looks.
    /// Ends after the one whose phase is [`Phase::Closed`](crate::Phase::Closed).
    pub fn status_changes(&self) -> StatusChanges {
        StatusChanges::new(Arc::clone(&self.shared))
    }

    /// Waits until the session is closed.
    ///
    /// # Cancel safety
    ///
    /// Dropping it changes nothing.
    pub async fn closed(&self) -> CloseReason {
        let mut changes = self.status_changes();
        loop {
            let next = std::future::poll_fn(|cx| Pin::new(&mut changes).poll_next(cx)).await;
            match next.and_then(|status| status.close_reason) {
                Some(reason) => return reason,
                None if changes.is_terminated() => return CloseReason::Dropped,
                None => {}
            }
        }
    }
}

impl Clone for Handle {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.shared))
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.sink.leave(&self.shared);
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("status", &self.status().phase).finish_non_exhaustive()
    }
}

impl Sink<Message> for Handle {
    type Error = SessionClosed;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SessionClosed>> {
        let this = self.get_mut();
        this.sink.poll_ready(&this.shared, cx.waker())
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), SessionClosed> {
        let this = self.get_mut();
        let sent = this.sink.start_send(&this.shared, message);
        this.shared.notify();
        sent
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SessionClosed>> {
        let this = self.get_mut();
        this.sink.poll_flush(&this.shared, cx.waker())
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SessionClosed>> {
        let this = self.get_mut();
        this.sink.close();
        this.sink.poll_flush(&this.shared, cx.waker())
    }
}
