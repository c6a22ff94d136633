//! Waiting in the task that drives the session: [`Supervisor::drive_until`] and what is built on it.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::{Context, Poll},
};

use super::Supervisor;
use crate::{
    event::{CloseReason, Fate, Messages},
    handle::Queuing,
    message::Outgoing,
    next::Next,
    outbox::{QueueError, WINDOW},
    time::Timer,
    transport::Transport,
};

/// Waiting in the task that polls the session.
///
/// These methods drive the session while they wait. Events that occur in that time are stored, as
/// while only the sink is polled, and are the next ones that the stream returns. They are cancel
/// safe.
impl<T: Transport, K: Timer> Supervisor<T, K> {
    /// Waits for the next event, see [`Next`]. `None` comes after
    /// [`Event::Closed`](crate::Event::Closed).
    #[allow(clippy::should_implement_trait, reason = "it waits, as `StreamExt::next` does")]
    pub fn next(&mut self) -> Next<'_, Self> {
        Next::new(self)
    }

    /// The messages of the session as a stream, without the other events, see [`Messages`].
    ///
    /// ```
    /// # let clock = websocket_heartbeat_mock::Clock::new();
    /// # let timer = clock.timer();
    /// # let (transport, remote) = websocket_heartbeat_mock::mock(&clock);
    /// # remote.script(|_| websocket_heartbeat_mock::Script::accept().greet("hello"));
    /// # websocket_heartbeat_mock::run(&clock, async {
    /// # use websocket_heartbeat::Supervisor;
    /// let mut supervisor = Supervisor::builder(transport, timer).build()?;
    /// let handle = supervisor.handle();
    /// let mut messages = supervisor.messages();
    /// while let Some(message) = messages.next().await {
    ///     println!("{:?}", message.as_text());
    ///     handle.close();
    /// }
    /// // The session has ended.
    /// # Ok::<_, websocket_heartbeat::ConfigError>(())
    /// # })?;
    /// # Ok::<_, websocket_heartbeat::ConfigError>(())
    /// ```
    pub fn messages(&mut self) -> Messages<'_, Self> {
        Messages::new(self)
    }

    /// Waits for a future and drives the session in the meantime, for example for a
    /// [`Receipt`](crate::Receipt) or another future of a [`Handle`](crate::Handle). Without this
    /// method, a task that awaits such a future waits forever if nothing else polls the session.
    ///
    /// While 256 messages or 1 MiB are stored, the session reads nothing more, and does not treat the
    /// server's silence as a loss. If the server then stops reading until its own messages are read, a receipt
    /// is never ready: read events, or use [`into_driver`](Self::into_driver).
    ///
    /// ```
    /// # let clock = websocket_heartbeat_mock::Clock::new();
    /// # let timer = clock.timer();
    /// # let (transport, remote) = websocket_heartbeat_mock::mock(&clock);
    /// # remote.script(|_| websocket_heartbeat_mock::Script::accept().echo());
    /// # websocket_heartbeat_mock::run(&clock, async {
    /// # use websocket_heartbeat::Supervisor;
    /// let mut supervisor = Supervisor::builder(transport, timer).build()?;
    /// let handle = supervisor.handle();
    /// let receipt = handle.queue_with_receipt("hello").await?; // There is room, so it is ready.
    /// let fate = supervisor.drive_until(receipt).await;
    /// assert!(fate.is_written());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub async fn drive_until<F: Future>(&mut self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|cx| self.poll_driving(future.as_mut(), cx)).await
    }

    /// Waits until a connection is open, see [`Handle::opened`](crate::Handle::opened).
    ///
    /// # Errors
    ///
    /// The reason why the session has ended, if it ends before.
    pub async fn opened(&mut self) -> Result<u64, CloseReason> {
        let handle = self.handle();
        self.drive_until(handle.opened()).await
    }

    /// Queues a message, see [`Handle::queue`](crate::Handle::queue), and drives the session while it
    /// waits for room. Messages that are queued one after the other are written together: when the
    /// next event is awaited, and at the latest after 256 messages.
    ///
    /// # Errors
    ///
    /// Gives the message back if the outbox refuses it by its policy, or if the session is closed.
    /// Also gives it back with [`QueueError::Full`] if there is no room, and the store for unread
    /// messages is full, too. Then the server may be waiting until its messages are read: read
    /// events before you queue it again.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is ready, the message is not queued.
    ///
    /// # Example
    ///
    /// ```
    /// use websocket_heartbeat::{Event, Supervisor};
    ///
    /// # let clock = websocket_heartbeat_mock::Clock::new();
    /// # let timer = clock.timer();
    /// # let (transport, remote) = websocket_heartbeat_mock::mock(&clock);
    /// # remote.script(|_| websocket_heartbeat_mock::Script::accept().greet("order"));
    /// # websocket_heartbeat_mock::run(&clock, async {
    /// let mut supervisor = Supervisor::builder(transport, timer).build()?;
    /// while let Some(event) = supervisor.next().await {
    ///     if let Event::Message(message) = event {
    ///         // A handle would wait forever here if the outbox was full.
    ///         supervisor.queue(message).await?;
    /// #       supervisor.handle().close();
    ///     }
    /// }
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # })?;
    /// # assert_eq!(remote.last_peer().unwrap().received_messages()[0], "order");
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub async fn queue(&mut self, message: impl Into<Outgoing>) -> Result<(), QueueError> {
        let handle = self.handle();
        self.admit(handle.queue(message)).await?;
        self.fed += 1;
        if self.fed >= WINDOW.count || !self.engine.machine.may_write() {
            poll_fn(|cx| {
                self.drive(cx);
                Poll::Ready(())
            })
            .await;
        }
        Ok(())
    }

    /// Queues a message and waits for its fate, see
    /// [`Handle::send_confirmed`](crate::Handle::send_confirmed).
    ///
    /// While it waits for the fate, the limit of [`drive_until`](Self::drive_until) applies.
    ///
    /// # Errors and cancel safety
    ///
    /// The same as for [`queue`](Self::queue). If the future is dropped after the message was
    /// accepted, the message is still sent, and its fate is lost.
    ///
    /// # Example
    ///
    /// ```
    /// # let clock = websocket_heartbeat_mock::Clock::new();
    /// # let timer = clock.timer();
    /// # let (transport, remote) = websocket_heartbeat_mock::mock(&clock);
    /// # remote.script(|_| websocket_heartbeat_mock::Script::accept().echo());
    /// # websocket_heartbeat_mock::run(&clock, async {
    /// # use websocket_heartbeat::Supervisor;
    /// let mut supervisor = Supervisor::builder(transport, timer).build()?;
    /// let connection = supervisor.send_confirmed("order 4711").await?.written()?;
    /// println!("written on connection {connection}");
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub async fn send_confirmed(
        &mut self,
        message: impl Into<Outgoing>,
    ) -> Result<Fate, QueueError> {
        let handle = self.handle();
        let receipt = self.admit(handle.queue_with_receipt(message)).await?;
        Ok(self.drive_until(receipt).await)
    }

    /// Polls a future, and once more after the session was driven if it is pending.
    fn poll_driving<F: Future>(
        &mut self,
        mut future: Pin<&mut F>,
        cx: &mut Context<'_>,
    ) -> Poll<F::Output> {
        if let ready @ Poll::Ready(_) = future.as_mut().poll(cx) {
            return ready;
        }
        self.drive(cx);
        future.poll(cx)
    }

    /// Waits until the outbox has accepted a message. Gives it back if only reading could make room,
    /// since nothing reads while this method waits.
    async fn admit<R>(&mut self, queuing: Queuing<'_, R>) -> Result<R, QueueError>
    where
        for<'a> Queuing<'a, R>: Future<Output = Result<R, QueueError>>,
    {
        let mut queuing = Some(queuing);
        poll_fn(|cx| {
            let future = queuing.as_mut().expect("it is polled until it is ready");
            let polled = self.poll_driving(Pin::new(future), cx);
            if polled.is_ready() || self.has_room() {
                return polled;
            }
            let given_up = queuing.take().expect("it is polled until it is ready");
            Poll::Ready(Err(given_up.give_up()))
        })
        .await
    }
}
