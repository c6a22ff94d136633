//! The handle of a session: [`Handle`].

mod commands;
mod queuing;
mod replays;
mod sending;
mod sink;
mod status;
mod status_changes;

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_sink::Sink;

use crate::{
    message::Message,
    outbox::{SessionClosed, SinkSide},
    shared::Shared,
};

pub use self::{
    queuing::{Queuing, QueuingWithReceipt},
    status_changes::StatusChanges,
};

/// A handle to a session: it sends messages and issues commands, from any thread and in every phase.
/// Clones belong to the same session.
///
/// A handle never drives the session. Nothing happens unless a task polls the
/// [`Supervisor`](crate::Supervisor) or its [`Driver`](crate::Driver). So in the only task that polls
/// it, do not await a future of a handle, for example [`send_confirmed`](Self::send_confirmed) or a
/// [`Receipt`](crate::Receipt): that task would wait forever. Use the methods of the supervisor that
/// poll the session while they wait: [`queue`](crate::Supervisor::queue),
/// [`send_confirmed`](crate::Supervisor::send_confirmed), and
/// [`drive_until`](crate::Supervisor::drive_until) for any other future.
///
/// # As a sink
///
/// A handle is also a `Sink` of messages. Closing that sink flushes the messages of *this handle* and
/// then refuses further ones; the session continues. The only error is [`SessionClosed`].
///
/// A sink that is ready has reserved a place for one message, but no bytes, until it sends or is
/// dropped. If there are not enough bytes for its message, the message
/// waits in the sink, in one queue with other senders, and the session takes it as soon as there is
/// room. Only smaller messages of sinks that are already ready can come before it. Until then the
/// sink is neither ready nor flushed. Another message that is sent in spite of that is dropped.
///
/// # Drop behaviour
///
/// Dropping handles never ends a session. A message that still waits in the sink of a dropped handle
/// is dropped with [`DropReason::Overflow`](crate::DropReason::Overflow).
///
/// # Examples
///
/// ```
/// use futures::StreamExt;
/// use websocket_heartbeat::{Event, Handle, Preset, Supervisor};
///
/// # let clock = websocket_heartbeat_mock::Clock::new();
/// # let timer = clock.timer();
/// # let (transport, remote) = websocket_heartbeat_mock::mock(&clock);
/// # remote.script(|_| websocket_heartbeat_mock::Script::accept().echo());
/// # websocket_heartbeat_mock::run(&clock, async {
/// let mut supervisor = Supervisor::builder(transport, timer).preset(Preset::Resilient).build()?;
/// let handle: Handle = supervisor.handle();
/// handle.try_queue("hello")?; // Accepted, and written when the connection is open.
/// while let Some(event) = supervisor.next().await {
///     if let Event::Message(answer) = event {
///         assert_eq!(answer.as_text(), Some("hello"));
///         handle.close();
///     }
/// }
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
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

    /// Returns the name of the session, if [`Builder::name`](crate::Builder::name) set one.
    pub fn name(&self) -> Option<&str> {
        self.shared.name()
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
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

/// Shows the name of the session, if it has one, and its phase.
impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Handle");
        if let Some(name) = self.name() {
            shown.field("name", &name);
        }
        shown.field("status", &self.status().phase).finish_non_exhaustive()
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
