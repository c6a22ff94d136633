//! Messages for the current connection only: replays, and the messages of a layer above.

use super::{
    Online, Outbox,
    entry::{Entry, Origin},
    error::QueueError,
    rare::Replay,
};
use crate::{config::OutboxSettings, message::Message, sync::Deferred};

impl Outbox {
    /// Keeps a message that is sent after every open. It replaces the one with the same key. If a
    /// connection is open, it is also sent on that one.
    pub(crate) fn set_replay(
        &mut self,
        key: &str,
        message: Message,
        deferred: &mut Deferred<'_>,
    ) -> Result<(), QueueError> {
        let OutboxSettings { count, bytes, .. } = self.policy;
        let replays = &mut self.rare_mut().replays;
        let at = replays.iter().position(|replay| *replay.key == *key);
        let others = replays.iter().filter(|replay| *replay.key != *key);
        let others: usize = others.map(|replay| replay.message.len()).sum();
        if at.is_none() && replays.len() >= count {
            return Err(QueueError::Full(message));
        }
        if others + message.len() > bytes {
            return Err(QueueError::TooLarge(message));
        }
        let known = at.map(|at| replays[at].id);
        let id = known.unwrap_or_else(|| self.draw_number());
        let replay = Replay { key: key.into(), id, message: message.clone() };
        let replays = &mut self.rare_mut().replays;
        match at {
            Some(at) => deferred.drop_later(std::mem::replace(&mut replays[at], replay)),
            None => replays.push(replay),
        }
        if self.online.connection().is_some() && !self.is_closed() {
            // A queued message with the same key is out of date, so it is replaced.
            match self.list.find_queued(Origin::Replay, id) {
                Some(index) => deferred.drop_later(self.list.replace(index, message)),
                None => self.push_replay(id, message),
            }
        }
        Ok(())
    }

    /// Removes a replay and returns its message.
    pub(crate) fn remove_replay(&mut self, key: &str) -> Option<Message> {
        let replays = &mut self.rare.as_mut()?.replays;
        let at = replays.iter().position(|replay| *replay.key == *key)?;
        Some(replays.remove(at).message)
    }

    pub(super) fn push_replay(&mut self, id: u64, message: Message) {
        self.list.push_replay(Entry::new(message, Origin::Replay, id));
        self.parks = 0;
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

    /// Returns the first ticket whose message is still in the outbox.
    pub(crate) fn first_unwritten(&self) -> u64 {
        let first = self.list.iter().find(|entry| entry.origin == Origin::Layer);
        first.map_or(self.next_number, |entry| entry.number)
    }
}
