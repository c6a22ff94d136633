//! The handle of a session: [`Handle`].

mod commands;
mod queuing;
mod sink;
mod status_changes;

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_sink::Sink;

use crate::{
    event::{CloseReason, Fate},
    message::{Message, Outgoing},
    outbox::{Admission, QueueError, Receipt, SessionClosed, SinkSide},
    shared::Shared,
    status::{Phase, Status},
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
/// A sink that is ready has reserved a slot, that is, room for one message in count, until it sends or
/// is dropped. It has not reserved bytes. If there are not enough bytes for its message, the message
/// waits in the sink, in one queue with other senders, and the session takes it as soon as there is
/// room. Until then the sink is neither ready nor flushed. Another message that is sent in spite of
/// that is dropped.
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

    /// Queues a message. The future is ready when the outbox has accepted it; it waits while the
    /// outbox is full, if that is its policy. Queued messages are written in batches, so this is the
    /// fast way to send many.
    ///
    /// If the message is not written, its fate is reported in [`Lost::unsent`](crate::Lost::unsent)
    /// or [`Closed::unsent`](crate::Closed::unsent).
    ///
    /// # Errors
    ///
    /// Gives the message back if the outbox refuses it by its policy, or if the session is closed.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is ready, the message is not queued, and its place in the
    /// queue of senders is lost.
    ///
    /// # Examples
    ///
    /// ```
    /// # let clock = websocket_heartbeat_mock::Clock::new();
    /// # let (transport, remote) = websocket_heartbeat_mock::mock(&clock);
    /// # remote.script(|_| websocket_heartbeat_mock::Script::accept().echo());
    /// # let builder = websocket_heartbeat::Supervisor::builder(transport, clock.timer());
    /// # let builder = builder.preset(websocket_heartbeat::Preset::Resilient);
    /// # let mut supervisor = builder.build()?;
    /// # let handle = supervisor.handle();
    /// # let drive = async move { while futures::StreamExt::next(&mut supervisor).await.is_some() {} };
    /// # let mut runner = websocket_heartbeat_mock::Runner::new(&clock);
    /// # runner.spawn(drive).detach();
    /// # runner.run_until(async {
    /// for price in ["100", "101", "102"] {
    ///     handle.queue(price).await?; // Waits for room if the outbox is full.
    /// }
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "send")]
    pub fn queue(&self, message: impl Into<Outgoing>) -> Queuing<'_> {
        Queuing::new(self, message.into())
    }

    /// Queues a message without waiting. It is reported as with [`queue`](Self::queue).
    ///
    /// # Errors
    ///
    /// Gives the message back if it would have to wait for room, if the outbox refuses it, or if the
    /// session is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use websocket_heartbeat::QueueError;
    /// # let clock = websocket_heartbeat_mock::Clock::new();
    /// # let (transport, remote) = websocket_heartbeat_mock::mock(&clock);
    /// # remote.script(|_| websocket_heartbeat_mock::Script::accept().echo());
    /// # let builder = websocket_heartbeat::Supervisor::builder(transport, clock.timer());
    /// # let builder = builder.preset(websocket_heartbeat::Preset::Resilient);
    /// # let mut supervisor = builder.build()?;
    /// # let handle = supervisor.handle();
    /// # let drive = async move { while futures::StreamExt::next(&mut supervisor).await.is_some() {} };
    /// # let mut runner = websocket_heartbeat_mock::Runner::new(&clock);
    /// # runner.spawn(drive).detach();
    /// # runner.run_until(async {
    /// match handle.try_queue("hello") {
    ///     Ok(()) => {}
    ///     Err(QueueError::Full(message)) => println!("no room for {} bytes", message.len()),
    ///     Err(error) => return Err(error.into()),
    /// }
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "send")]
    pub fn try_queue(&self, message: impl Into<Outgoing>) -> Result<(), QueueError> {
        let mut outgoing = Some(message.into());
        let admission = self.shared.with(|state, deferred| {
            state.outbox.offer(&mut outgoing, None, self.sink.id, deferred)
        });
        if admission == Admission::Accepted {
            self.shared.notify();
            return Ok(());
        }
        let outgoing = outgoing.expect("a refused message is not taken");
        Err(admission.error(outgoing.message))
    }

    /// Like [`queue`](Self::queue), but returns a [`Receipt`](crate::Receipt): a future of the fate
    /// of the message. The fate is then not reported in `Lost` or `Closed`.
    ///
    /// # Errors and cancel safety
    ///
    /// The same as for [`queue`](Self::queue).
    ///
    /// # Examples
    ///
    /// ```
    /// # let clock = websocket_heartbeat_mock::Clock::new();
    /// # let (transport, remote) = websocket_heartbeat_mock::mock(&clock);
    /// # remote.script(|_| websocket_heartbeat_mock::Script::accept().echo());
    /// # let builder = websocket_heartbeat::Supervisor::builder(transport, clock.timer());
    /// # let builder = builder.preset(websocket_heartbeat::Preset::Resilient);
    /// # let mut supervisor = builder.build()?;
    /// # let handle = supervisor.handle();
    /// # let drive = async move { while futures::StreamExt::next(&mut supervisor).await.is_some() {} };
    /// # let mut runner = websocket_heartbeat_mock::Runner::new(&clock);
    /// # runner.spawn(drive).detach();
    /// # runner.run_until(async {
    /// // Both are queued before the first fate is awaited, so they can be written together.
    /// let first = handle.queue_with_receipt("one").await?;
    /// let second = handle.queue_with_receipt("two").await?;
    /// assert!(first.await.is_written());
    /// assert!(second.await.is_written());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn queue_with_receipt(&self, message: impl Into<Outgoing>) -> QueuingWithReceipt<'_> {
        QueuingWithReceipt::new(self, message.into())
    }

    /// Queues a message and waits for its fate. `Written` confirms that the operating system has the
    /// bytes, not that the server received them; see [`Fate`].
    ///
    /// Each call waits for a flush, which costs at least one system call. If the fate of one message
    /// need not be known before the next one is sent, use [`queue`](Self::queue).
    ///
    /// # Errors
    ///
    /// The same as for [`queue`](Self::queue).
    ///
    /// # Cancel safety
    ///
    /// The same as for [`queue`](Self::queue), until the message is accepted. If the future is
    /// dropped after that, the message is still sent, and its fate is lost.
    ///
    /// # Examples
    ///
    /// ```
    /// use websocket_heartbeat::Fate;
    /// # let clock = websocket_heartbeat_mock::Clock::new();
    /// # let (transport, remote) = websocket_heartbeat_mock::mock(&clock);
    /// # remote.script(|_| websocket_heartbeat_mock::Script::accept().echo());
    /// # let builder = websocket_heartbeat::Supervisor::builder(transport, clock.timer());
    /// # let builder = builder.preset(websocket_heartbeat::Preset::Resilient);
    /// # let mut supervisor = builder.build()?;
    /// # let handle = supervisor.handle();
    /// # let drive = async move { while futures::StreamExt::next(&mut supervisor).await.is_some() {} };
    /// # let mut runner = websocket_heartbeat_mock::Runner::new(&clock);
    /// # runner.spawn(drive).detach();
    /// # runner.run_until(async {
    /// match handle.send_confirmed("order 4711").await? {
    ///     Fate::Written { connection } => println!("written on connection {connection}"),
    ///     Fate::Unknown { .. } => println!("it may have arrived"),
    ///     fate => println!("not sent: {fate:?}"),
    /// }
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub async fn send_confirmed(&self, message: impl Into<Outgoing>) -> Result<Fate, QueueError> {
        Ok(self.queue_with_receipt(message).await?.await)
    }

    /// Like [`send_confirmed`](Self::send_confirmed), but takes the message back if it was not handed
    /// to a connection within this time, which the supervisor's timer measures. The time begins when
    /// the future is first polled, and includes the wait for room.
    ///
    /// A message that was handed to a connection cannot be taken back. The future then waits for the
    /// flush or for the end of the connection, as for every message.
    ///
    /// If the message was taken back, it is in the result: in [`QueueError::Full`] if there was no
    /// room in the outbox all the time, and otherwise in [`Fate::Dropped`] with
    /// [`DropReason::Expired`](crate::DropReason::Expired).
    ///
    /// # Errors and cancel safety
    ///
    /// The same as for [`send_confirmed`](Self::send_confirmed).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use websocket_heartbeat::{Handle, QueueError};
    ///
    /// /// A price that is two seconds old is worth nothing. Returns whether it was written.
    /// async fn send_price(handle: &Handle, price: &str) -> Result<bool, QueueError> {
    ///     let fate = handle.send_within(price, Duration::from_secs(2)).await?;
    ///     Ok(fate.is_written())
    /// }
    /// ```
    pub async fn send_within(
        &self,
        message: impl Into<Outgoing>,
        time: Duration,
    ) -> Result<Fate, QueueError> {
        Ok(self.queue_with_receipt(message).within(time).await?.await)
    }

    /// Keeps a message that is sent on every connection when it opens, before queued messages. For
    /// example, a subscription. If a connection is open, the message is also sent on that one.
    ///
    /// Replays are sent in the order in which their keys were first set. Setting a key again replaces
    /// its message.
    ///
    /// While replays are in the outbox they count against its bounds, but the outbox never refuses
    /// them. They have no fate, since they are sent again on the next connection.
    ///
    /// # Errors
    ///
    /// Gives the message back with [`QueueError::Full`] if there are as many replays as the outbox may
    /// hold messages, and with [`QueueError::TooLarge`] if all replays together would have more bytes
    /// than the outbox may hold.
    ///
    /// # Examples
    ///
    /// ```
    /// # let clock = websocket_heartbeat_mock::Clock::new();
    /// # let (transport, remote) = websocket_heartbeat_mock::mock(&clock);
    /// # remote.script(|_| websocket_heartbeat_mock::Script::accept().echo());
    /// # let builder = websocket_heartbeat::Supervisor::builder(transport, clock.timer());
    /// # let builder = builder.preset(websocket_heartbeat::Preset::Resilient);
    /// # let mut supervisor = builder.build()?;
    /// # let handle = supervisor.handle();
    /// # let drive = async move { while futures::StreamExt::next(&mut supervisor).await.is_some() {} };
    /// # let mut runner = websocket_heartbeat_mock::Runner::new(&clock);
    /// # runner.spawn(drive).detach();
    /// # runner.run_until(async {
    /// handle.replay("prices", r#"{"subscribe":"prices"}"#)?;
    /// // Later: the subscription is changed, and then ended.
    /// handle.replay("prices", r#"{"subscribe":"prices","depth":5}"#)?;
    /// handle.forget_replay("prices");
    /// handle.try_queue(r#"{"unsubscribe":"prices"}"#)?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn replay(&self, key: &str, message: impl Into<Message>) -> Result<(), QueueError> {
        let message = message.into();
        self.shared.with(|state, deferred| state.outbox.set_replay(key, message, deferred))?;
        self.shared.notify();
        Ok(())
    }

    /// Removes the replay with this key and returns its message. If the message is in the outbox
    /// already, it is still sent on the current connection.
    pub fn forget_replay(&self, key: &str) -> Option<Message> {
        self.shared.with(|state, _| state.outbox.remove_replay(key))
    }

    /// Queues messages for the connection with this number only, see
    /// [`Outbox::queue_on`](crate::outbox::Outbox::queue_on).
    pub(crate) fn queue_on(&self, connection: u64, mut messages: Vec<Message>) -> Option<u64> {
        let first = self.shared.with(|state, _| state.outbox.queue_on(connection, &mut messages));
        self.shared.notify();
        first
    }

    /// Queues messages for the connection with this number only, see
    /// [`Outbox::queue_on_with_receipts`](crate::outbox::Outbox::queue_on_with_receipts).
    pub(crate) fn queue_on_with_receipts(
        &self,
        connection: u64,
        mut messages: Vec<Message>,
    ) -> Option<Vec<Receipt>> {
        let receipts = self
            .shared
            .with(|state, _| state.outbox.queue_on_with_receipts(connection, &mut messages));
        self.shared.notify();
        receipts
    }

    /// Removes a message of [`queue_on_with_receipts`](Self::queue_on_with_receipts) from the outbox,
    /// if no connection has it. Returns whether it was removed.
    pub(crate) fn withdraw(&self, receipt: &Receipt) -> bool {
        let Some(ticket) = receipt.number() else { return false };
        self.shared.with(|state, deferred| state.outbox.withdraw(ticket, deferred))
    }

    /// Returns the first ticket of [`queue_on`](Self::queue_on) whose message is still in the outbox.
    pub(crate) fn first_unwritten(&self) -> u64 {
        self.shared.with(|state, _| state.outbox.first_unwritten())
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

/// The status.
impl Handle {
    /// Returns the last published status of the session.
    pub fn status(&self) -> Status {
        self.shared.status()
    }

    /// Returns a stream of the status: the current one, and then each change. If the stream is not
    /// polled, intermediate values are skipped. It ends after the status with the phase
    /// [`Phase::Closed`](crate::Phase::Closed).
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::StreamExt;
    /// use websocket_heartbeat::Phase;
    /// # let clock = websocket_heartbeat_mock::Clock::new();
    /// # let (transport, remote) = websocket_heartbeat_mock::mock(&clock);
    /// # remote.script(|_| websocket_heartbeat_mock::Script::accept().echo());
    /// # let builder = websocket_heartbeat::Supervisor::builder(transport, clock.timer());
    /// # let builder = builder.preset(websocket_heartbeat::Preset::Resilient);
    /// # let mut supervisor = builder.build()?;
    /// # let handle = supervisor.handle();
    /// # let drive = async move { while futures::StreamExt::next(&mut supervisor).await.is_some() {} };
    /// # let mut runner = websocket_heartbeat_mock::Runner::new(&clock);
    /// # runner.spawn(drive).detach();
    /// # runner.run_until(async {
    /// let mut changes = handle.status_changes();
    /// while let Some(status) = changes.next().await {
    ///     println!("{:?}, {} messages in the outbox", status.phase, status.queued_messages);
    ///     if status.phase == Phase::Open {
    ///         handle.close();
    ///     }
    /// }
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn status_changes(&self) -> StatusChanges {
        StatusChanges::new(Arc::clone(&self.shared))
    }

    /// Waits until a connection is open, and returns its number. It is ready at once if a connection
    /// is open now.
    ///
    /// # Errors
    ///
    /// The reason why the session has ended, if it ends before. By default a session tries again
    /// without limit: see [`Builder::initial_attempts`](crate::Builder::initial_attempts) for an error
    /// if the server cannot be reached at the start.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect on the session.
    ///
    /// # Examples
    ///
    /// ```
    /// use websocket_heartbeat::{Attempts, Supervisor};
    ///
    /// # let clock = websocket_heartbeat_mock::Clock::new();
    /// # let timer = clock.timer();
    /// # let (transport, remote) = websocket_heartbeat_mock::mock(&clock);
    /// # remote.script(|_| websocket_heartbeat_mock::Script::refuse_http(503, []));
    /// # let mut executor = websocket_heartbeat_mock::Runner::new(&clock);
    /// let builder = Supervisor::builder(transport, timer).initial_attempts(Attempts::Never);
    /// let (driver, inbox) = builder.build()?.into_driver(256)?;
    /// let handle = driver.handle();
    /// executor.spawn(driver).detach(); // for example `tokio::spawn(driver)`
    /// # executor.run_until(async {
    /// match handle.opened().await {
    ///     Ok(connection) => println!("connection {connection} is open"),
    ///     Err(reason) => println!("cannot connect: {reason}"),
    /// }
    /// # assert!(handle.opened().await.is_err());
    /// # });
    /// # drop(inbox);
    /// # Ok::<_, websocket_heartbeat::ConfigError>(())
    /// ```
    pub async fn opened(&self) -> Result<u64, CloseReason> {
        let mut changes = self.status_changes();
        loop {
            match changes.next().await {
                Some(status) if status.phase == Phase::Open => return Ok(status.connection),
                Some(Status { close_reason: Some(reason), .. }) => return Err(reason),
                Some(_) => {}
                None => return Err(CloseReason::Dropped),
            }
        }
    }

    /// Waits until the session has ended, and returns the reason.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect on the session.
    pub async fn closed(&self) -> CloseReason {
        let mut changes = self.status_changes();
        loop {
            match changes.next().await {
                Some(Status { close_reason: Some(reason), .. }) => return reason,
                Some(_) => {}
                None => return CloseReason::Dropped,
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
