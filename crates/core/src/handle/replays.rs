//! Messages of a [`Handle`] that belong to connections: replays, and the messages of layers above.

use super::Handle;
use crate::{
    message::Message,
    outbox::{QueueError, Receipt},
    sync::Deferred,
};

/// Replays.
impl Handle {
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
}

/// For layers above the session, which keep their messages.
impl Handle {
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

    /// Returns whether a connection took a message of
    /// [`queue_on_with_receipts`](Self::queue_on_with_receipts). Called under the lock of the layer.
    pub(crate) fn is_handed_over(&self, receipt: &Receipt, deferred: &mut Deferred<'_>) -> bool {
        let Some(ticket) = receipt.number() else { return false };
        // Usually a flush was completed before the answer, and the lock of the session is not needed.
        receipt.was_taken(deferred)
            || self.shared.read_inside(deferred, |state| state.outbox.is_in_window(ticket))
            // The flush was completed in the meantime.
            || receipt.was_taken(deferred)
    }

    /// Returns the first ticket of [`queue_on`](Self::queue_on) whose message is still in the outbox.
    pub(crate) fn first_unwritten(&self) -> u64 {
        self.shared.with(|state, _| state.outbox.first_unwritten())
    }
}
