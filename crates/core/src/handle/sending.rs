//! The methods of a [`Handle`] that send messages.

use std::time::Duration;

use super::{Handle, Queuing, QueuingWithReceipt};
use crate::{
    event::Fate,
    message::Outgoing,
    outbox::{Admission, QueueError},
};

/// Sending.
impl Handle {
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
}
