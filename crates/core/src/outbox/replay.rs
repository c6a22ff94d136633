//! Messages for the current connection only: replays, and the messages of a layer above.

use super::{
    Load, Online, Outbox,
    entry::{Entry, Origin},
    error::QueueError,
    list::List,
    receipt::Receipt,
    receipts::AllFates,
};
use crate::{config::OutboxRules, message::Message, sync::Deferred};

/// The messages that are sent after every open, in the order in which their keys were first used.
///
/// They are an optional part, see ARCHITECTURE: only [`Outbox::set_replay`] makes one.
pub(super) trait Replays: Send {
    /// Queues all of them, before other messages.
    fn queue(&self, list: &mut List);

    /// Keeps a message in the place of the one with the same key, and returns its id: the known one
    /// of the key, or `new_id`.
    fn keep(
        &mut self,
        key: &str,
        message: Message,
        bound: Load,
        new_id: u64,
        deferred: &mut Deferred<'_>,
    ) -> Result<u64, QueueError>;

    fn remove(&mut self, key: &str) -> Option<Message>;

    fn is_empty(&self) -> bool;
}

struct Replay {
    key: Box<str>,
    id: u64,
    message: Message,
}

impl Replays for Vec<Replay> {
    fn queue(&self, list: &mut List) {
        for Replay { id, message, .. } in self {
            list.push_replay(Entry::new(message.clone(), Origin::Replay, *id));
        }
    }

    fn keep(
        &mut self,
        key: &str,
        message: Message,
        bound: Load,
        new_id: u64,
        deferred: &mut Deferred<'_>,
    ) -> Result<u64, QueueError> {
        let at = self.iter().position(|replay| *replay.key == *key);
        let others = self.iter().filter(|replay| *replay.key != *key);
        let others: usize = others.map(|replay| replay.message.len()).sum();
        if at.is_none() && self.len() >= bound.count {
            return Err(QueueError::Full(message));
        }
        if others + message.len() > bound.bytes {
            return Err(QueueError::TooLarge(message));
        }
        let id = at.map_or(new_id, |at| self[at].id);
        let replay = Replay { key: key.into(), id, message };
        match at {
            Some(at) => deferred.drop_later(std::mem::replace(&mut self[at], replay)),
            None => self.push(replay),
        }
        Ok(id)
    }

    fn remove(&mut self, key: &str) -> Option<Message> {
        let at = self.iter().position(|replay| *replay.key == *key)?;
        Some(Self::remove(self, at).message)
    }

    fn is_empty(&self) -> bool {
        Self::is_empty(self)
    }
}

impl Outbox {
    /// Keeps a message that is sent after every open. It replaces the one with the same key. If a
    /// connection is open, it is also sent on that one.
    pub(crate) fn set_replay(
        &mut self,
        key: &str,
        message: Message,
        deferred: &mut Deferred<'_>,
    ) -> Result<(), QueueError> {
        let OutboxRules { count, bytes, .. } = self.policy;
        let new_id = self.draw_number();
        let replays = &mut self.rare_mut().replays;
        let replays = replays.get_or_insert_with(|| Box::<Vec<Replay>>::default());
        let id = replays.keep(key, message.clone(), Load { count, bytes }, new_id, deferred)?;
        if self.online.connection().is_some() && !self.is_closed() {
            // A queued message with the same key is out of date, so it is replaced.
            match self.list.find_queued(Origin::Replay, id) {
                Some(index) => deferred.drop_later(self.list.replace(index, message)),
                None => self.list.push_replay(Entry::new(message, Origin::Replay, id)),
            }
            self.parks = 0;
        }
        Ok(())
    }

    /// Removes a replay and returns its message.
    pub(crate) fn remove_replay(&mut self, key: &str) -> Option<Message> {
        self.rare.as_mut()?.replays.as_mut()?.remove(key)
    }

    /// Queues the replays, since a connection is open.
    pub(super) fn queue_replays(&mut self) {
        if let Some(replays) = self.rare.as_ref().and_then(|rare| rare.replays.as_ref()) {
            replays.queue(&mut self.list);
            self.parks = 0;
        }
    }

    /// Queues messages for this connection only. They get consecutive tickets, and the first one is
    /// returned. Returns `None`, and takes no message, if that connection is not open any more or the
    /// session is being closed.
    ///
    /// Like replays, the messages count against the bounds and are never refused.
    pub(crate) fn queue_on(&mut self, connection: u64, messages: &mut Vec<Message>) -> Option<u64> {
        if self.online != Online::Yes(connection) || self.is_closed() {
            return None;
        }
        let first = self.next_number;
        for message in messages.drain(..) {
            self.list.push(Entry::new(message, Origin::Layer, self.next_number));
            self.next_number += 1;
        }
        self.parks = 0;
        Some(first)
    }

    /// Like [`queue_on`](Self::queue_on), and returns a receipt for each message. If the connection
    /// ends first, the fate of a message that was not handed over is `Dropped`.
    pub(crate) fn queue_on_with_receipts(
        &mut self,
        connection: u64,
        messages: &mut Vec<Message>,
    ) -> Option<Vec<Receipt>> {
        let first = self.queue_on(connection, messages)?;
        let numbers = first..self.next_number;
        self.list.last_mut_many(numbers.clone().count()).for_each(|entry| entry.receipt = true);
        let receipts = self.receipts.get_or_insert_with(|| Box::<AllFates>::default());
        Some(numbers.map(|number| receipts.add(number)).collect())
    }

    /// Returns whether the connection has the message with this ticket, and a flush is due.
    pub(crate) fn is_in_window(&self, ticket: u64) -> bool {
        let mut handed = self.list.iter_handed();
        handed.any(|entry| entry.origin == Origin::Layer && entry.number == ticket)
    }

    /// Removes the message with this ticket if it was not handed to the connection, and returns
    /// whether it was removed. It has no fate then.
    pub(crate) fn withdraw(&mut self, ticket: u64, deferred: &mut Deferred<'_>) -> bool {
        let Some(index) = self.list.find_queued(Origin::Layer, ticket) else { return false };
        deferred.drop_later(self.list.remove(index).message);
        true
    }

    /// Returns the first ticket whose message is still in the outbox.
    pub(crate) fn first_unwritten(&self) -> u64 {
        let first = self.list.iter().find(|entry| entry.origin == Origin::Layer);
        first.map_or(self.next_number, |entry| entry.number)
    }
}
