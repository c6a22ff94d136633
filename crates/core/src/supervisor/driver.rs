//! A session in a task of its own: [`Driver`].

use std::{
    collections::VecDeque,
    fmt,
    future::Future,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use super::{Supervisor, channel::Channel, inbox::Inbox};
use crate::{
    config::InboxSettings,
    error::ConfigError,
    event::Event,
    handle::Handle,
    machine::Intake,
    outbox::{Load, SinkSide},
    shared::Side,
    sync::Guarded,
    time::Timer,
    transport::Transport,
};

/// The largest number of events that one poll hands over. A batch costs one lock and one wake, and
/// other tasks of the thread run between two batches.
const BATCH: usize = 512;

/// A future that runs a session. Spawn it on any executor. It is ready when the session has closed.
/// [`Supervisor::into_driver`] makes it and has an example.
///
/// It is `Send` exactly when its transport and its timer are.
///
/// # Drop behaviour
///
/// Dropping the driver aborts the session, as dropping a supervisor does. The inbox then ends
/// without [`Event::Closed`].
#[must_use = "futures do nothing unless polled"]
pub struct Driver<T: Transport, K: Timer> {
    supervisor: Supervisor<T, K>,
    channel: Arc<Channel>,
    /// Events to be handed over together.
    batch: VecDeque<Event>,
    /// The messages in the batch.
    load: Load,
    sink: Guarded<OwnSink>,
}

/// The sink side that the supervisor had, until the first handle takes it over.
enum OwnSink {
    /// The outbox has promised it a place.
    Ready(SinkSide),
    NotReady(SinkSide),
    TakenOver,
}

impl<T: Transport, K: Timer> Supervisor<T, K> {
    /// Splits the session into a [`Driver`] to spawn and an [`Inbox`] to read from. The driver keeps
    /// the connection alive, whether or not the application reads.
    ///
    /// Use it if the application cannot poll the supervisor all the time, for example because it
    /// processes a message for longer than a heartbeat takes. The inbox is bounded: give the number
    /// of messages, or [`InboxSettings`] for more control. Events that the sink of this supervisor
    /// has stored so far are the first in the inbox.
    ///
    /// # Errors
    ///
    /// If the settings leave no room for a message.
    ///
    /// # Example
    ///
    /// ```
    /// use futures::StreamExt;
    /// use websocket_heartbeat::{Event, Supervisor};
    ///
    /// # use websocket_heartbeat_mock::{Clock, Runner, Script, mock};
    /// # let clock = Clock::new();
    /// # let timer = clock.timer();
    /// # let (transport, remote) = mock(&clock);
    /// # remote.script(|_| Script::accept().greet("hello"));
    /// # let mut executor = Runner::new(&clock);
    /// let supervisor = Supervisor::builder(transport, timer).build()?;
    /// let handle = supervisor.handle();
    /// let (driver, mut inbox) = supervisor.into_driver(256)?;
    /// executor.spawn(driver).detach(); // for example `tokio::spawn(driver)`
    ///
    /// # executor.run_until(async move {
    /// while let Some(event) = inbox.next().await {
    ///     match event {
    ///         Event::Message(message) => {
    ///             // However long this takes, heartbeats are sent in time.
    ///             println!("{:?}", message.as_text());
    ///             handle.close();
    ///         }
    ///         Event::Lost(lost) => eprintln!("lost: {}", lost.cause),
    ///         Event::Closed(closed) => println!("the end: {}", closed.reason),
    ///         _ => {}
    ///     }
    /// }
    /// # });
    /// # assert_eq!(remote.live(), 0);
    /// # Ok::<_, websocket_heartbeat::ConfigError>(())
    /// ```
    pub fn into_driver(
        mut self,
        inbox: impl Into<InboxSettings>,
    ) -> Result<(Driver<T, K>, Inbox), ConfigError> {
        let settings = inbox.into();
        settings.check()?;
        let channel = Channel::new(settings, mem::take(&mut self.unread), self.handle());
        let channel = Arc::new(channel);
        let inbox = Inbox::new(Arc::clone(&channel));
        // The task that polled the sink does not poll the driver.
        self.seen[Side::Sink as usize] = None;
        let shared = &self.engine.shared;
        shared.tasks.forget(Side::Sink);
        let own = if self.sink.suspend(shared) { OwnSink::Ready } else { OwnSink::NotReady };
        let sink = Guarded::new(own(mem::take(&mut self.sink)));
        let (batch, load) = (VecDeque::new(), Load::default());
        Ok((Driver { supervisor: self, channel, batch, load, sink }, inbox))
    }
}

impl<T: Transport, K: Timer> Driver<T, K> {
    /// A handle to send messages and commands with, from any task or thread.
    ///
    /// The first handle continues the `Sink` of the supervisor: it is ready if the supervisor was
    /// ready, and its flush waits for the messages that the supervisor has sent.
    pub fn handle(&self) -> Handle {
        let handle = self.supervisor.handle();
        let taken = self.sink.with(|sink, _| mem::replace(sink, OwnSink::TakenOver));
        let (sink, ready) = match taken {
            OwnSink::Ready(sink) => (sink, true),
            OwnSink::NotReady(sink) => (sink, false),
            OwnSink::TakenOver => return handle,
        };
        sink.resume(handle.shared(), ready);
        Handle::with_sink(Arc::clone(handle.shared()), sink)
    }

    /// Hands over the batch, if there is one. Returns whether there was one and room is left.
    fn deliver(&mut self) -> bool {
        !self.batch.is_empty() && self.channel.deliver(&mut self.batch, mem::take(&mut self.load))
    }
}

impl<T: Transport, K: Timer> Future for Driver<T, K> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        // Before the look at the room, since the reader wakes this task when it has made room.
        this.supervisor.register(Side::Stream, cx.waker());
        let room = this.channel.room();
        let waits = room.is_some();
        // If the driver does not wait for room, it hands over a batch that has become large.
        let room = room.unwrap_or_else(|| Load { count: BATCH, ..this.channel.bound });
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
                    this.channel.finish();
                    return Poll::Ready(());
                }
                Poll::Pending => {
                    // The reader may have made room since the channel was found full.
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
        self.channel.finish();
    }
}

impl<T: Transport, K: Timer> fmt::Debug for Driver<T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").field("supervisor", &self.supervisor).finish_non_exhaustive()
    }
}
