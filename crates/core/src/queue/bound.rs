//! What goes with the connection that there is: replays, and the messages of a layer above.

use super::{
    Online, Queue,
    entry::{Entry, Origin},
    extra::Replay,
};
use crate::{Message, Outbox, QueueError};

impl Queue {
    /// Keeps a message to be sent after every Open, in the place of the one with the same key; if
    /// a connection is open it is sent on that one, too.
    pub(crate) fn set_replay(&mut self, key: &str, message: Message) -> Result<(), QueueError> {
        let Outbox { count, bytes, .. } = self.policy;
        let replays = &mut self.extra().replays;
        let at = replays.iter().position(|replay| *replay.key == *key);
        let others = replays.iter().filter(|replay| *replay.key != *key);
        let others: usize = others.map(|replay| replay.message.len()).sum();
        if at.is_none() && replays.len() >= count {
            return Err(QueueError::Full(message));
        }
        if others + message.len() > bytes {
            return Err(QueueError::TooLarge(message));
        }
        let id = match at {
            Some(at) => {
                replays[at].message = message.clone();
                replays[at].id
            }
            None => {
                let id = self.draw_number();
                let replay = Replay { key: key.into(), id, message: message.clone() };
                self.extra().replays.push(replay);
                id
            }
        };
        if self.online.connection().is_some() && !self.closed {
            // One of the same key that is still queued would only be out of date.
            self.drop_queued_replay(id);
            let at = self.cursors.handed().count + self.replays_queued();
            self.insert_replay(at, id, message);
        }
        Ok(())
    }

    fn drop_queued_replay(&mut self, id: u64) {
        let queued = self.cursors.handed().count..self.entries.len();
        let of_key = |index: &usize| {
            let entry = &self.entries[*index];
            entry.origin == Origin::Replay && entry.number == id
        };
        if let Some(index) = queued.into_iter().find(of_key) {
            self.remove(index);
        }
    }

    /// Forgets a replay.
    pub(crate) fn remove_replay(&mut self, key: &str) -> Option<Message> {
        let replays = &mut self.extra.as_mut()?.replays;
        let at = replays.iter().position(|replay| *replay.key == *key)?;
        Some(replays.remove(at).message)
    }

    /// Replays at the head of what is queued.
    fn replays_queued(&self) -> usize {
        let queued = self.entries.iter().skip(self.cursors.handed().count);
        queued.take_while(|entry| entry.origin == Origin::Replay).count()
    }

    pub(super) fn insert_replay(&mut self, at: usize, id: u64, message: Message) {
        self.insert_bound(at, message, Origin::Replay, id);
    }

    /// Queues messages for this connection and no other. They get tickets in a row, of which this
    /// gives the first; `None` if that connection is not open any more or the session is being
    /// closed, and then nothing was queued.
    ///
    /// Like replays they count against the bound and are never refused.
    pub(crate) fn queue_on(
        &mut self,
        connection: u64,
        messages: impl Iterator<Item = Message>,
    ) -> Option<u64> {
        if self.online != Online::Yes(connection) || self.closed {
            return None;
        }
        let first = self.numbers;
        for message in messages {
            self.insert_bound(self.entries.len(), message, Origin::Layer, self.numbers);
            self.unseen += 1;
            self.numbers += 1;
        }
        Some(first)
    }

    /// The first ticket whose message was not written and may still be.
    pub(crate) fn first_unwritten(&self) -> u64 {
        let first = self.entries.iter().find(|entry| entry.origin == Origin::Layer);
        first.map_or(self.numbers, |entry| entry.number)
    }

    fn insert_bound(&mut self, at: usize, message: Message, origin: Origin, number: u64) {
        self.cursors.accept(message.len());
        self.entries.insert(at, Entry::new(message, origin, number));
        self.rests = 0;
    }

    /// Removes what does not wait for the next connection, which gets its own.
    pub(super) fn drop_bound(&mut self) {
        debug_assert_eq!(self.cursors.handed().count, 0);
        let seen = self.entries.len() - self.unseen;
        let mut index = 0;
        self.entries.retain(|entry| {
            let bound = entry.is_bound();
            if bound {
                self.cursors.drop_queued(entry.bytes);
                self.unseen -= usize::from(index >= seen);
            }
            index += 1;
            !bound
        });
    }
}
