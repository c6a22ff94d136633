//! What goes with the connection that there is: replays, and the messages of a layer above.

use super::{Entry, Origin, Queue, Replay};
use crate::{Message, QueueError};

impl Queue {
    /// Keeps a message to be sent after every Open, in the place of the one with the same key; if
    /// a connection is open it is sent on that one, too.
    pub(crate) fn set_replay(&mut self, key: &str, message: Message) -> Result<(), QueueError> {
        let at = self.replays.iter().position(|replay| *replay.key == *key);
        let others = self.replays.iter().filter(|replay| *replay.key != *key);
        let bytes: usize = others.map(|replay| replay.message.len()).sum();
        if at.is_none() && self.replays.len() >= self.policy.count {
            return Err(QueueError::Full(message));
        }
        if bytes + message.len() > self.policy.bytes {
            return Err(QueueError::TooLarge(message));
        }
        let id = match at {
            Some(at) => {
                self.replays[at].message = message.clone();
                self.replays[at].id
            }
            None => {
                let id = self.next_replay;
                self.next_replay += 1;
                self.replays.push(Replay { key: key.into(), id, message: message.clone() });
                id
            }
        };
        if self.online.is_some() && !self.closed {
            // One of the same key that is still queued would only be out of date.
            self.drop_queued_replay(id);
            let at = self.cursors.handed().count + self.replays_queued();
            self.insert_replay(at, id, message);
        }
        Ok(())
    }

    fn drop_queued_replay(&mut self, id: u64) {
        let queued = self.cursors.handed().count..self.entries.len();
        let of_key = |index: &usize| self.entries[*index].origin == Origin::Replay(id);
        if let Some(index) = queued.into_iter().find(of_key) {
            self.remove(index);
        }
    }

    /// Forgets a replay.
    pub(crate) fn remove_replay(&mut self, key: &str) -> Option<Message> {
        let at = self.replays.iter().position(|replay| *replay.key == *key)?;
        Some(self.replays.remove(at).message)
    }

    /// Replays at the head of what is queued.
    fn replays_queued(&self) -> usize {
        let queued = self.entries.iter().skip(self.cursors.handed().count);
        queued.take_while(|entry| matches!(entry.origin, Origin::Replay(_))).count()
    }

    pub(super) fn insert_replay(&mut self, at: usize, id: u64, message: Message) {
        self.insert_bound(at, message, Origin::Replay(id));
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
        if self.online != Some(connection) || self.closed {
            return None;
        }
        let first = self.tickets;
        for message in messages {
            self.insert_bound(self.entries.len(), message, Origin::Layer(self.tickets));
            self.unseen += 1;
            self.tickets += 1;
        }
        Some(first)
    }

    /// The first ticket whose message was not written and may still be.
    pub(crate) fn first_unwritten(&self) -> u64 {
        let first = self.entries.iter().find_map(|entry| match entry.origin {
            Origin::Layer(ticket) => Some(ticket),
            Origin::Sender(_) | Origin::Replay(_) => None,
        });
        first.unwrap_or(self.tickets)
    }

    fn insert_bound(&mut self, at: usize, message: Message, origin: Origin) {
        let bytes = message.len();
        self.cursors.accept(bytes);
        self.entries.insert(
            at,
            Entry {
                message: Some(message),
                bytes,
                slot: None,
                max_age: None,
                expires: None,
                tries: 0,
                handed_to: None,
                origin,
            },
        );
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
