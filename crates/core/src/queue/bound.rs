//! What goes with the connection that there is: replays, and the messages of a layer above.

use super::{Entry, Origin, Queue};
use crate::Message;

impl Queue {
    /// Keeps a message to be sent after every Open, in the place of the one with the same key; if
    /// a connection is open it is sent on that one, too.
    pub(crate) fn set_replay(&mut self, key: &str, message: Message) {
        match self.replays.iter_mut().find(|(known, _)| **known == *key) {
            Some((_, known)) => *known = message.clone(),
            None => self.replays.push((key.into(), message.clone())),
        }
        if self.online.is_some() && !self.closed {
            let at = self.cursors.handed().count + self.replays_queued();
            self.insert_replay(at, message);
        }
    }

    /// Forgets a replay.
    pub(crate) fn remove_replay(&mut self, key: &str) -> Option<Message> {
        let at = self.replays.iter().position(|(known, _)| **known == *key)?;
        Some(self.replays.remove(at).1)
    }

    /// Replays at the head of what is queued.
    fn replays_queued(&self) -> usize {
        let queued = self.entries.iter().skip(self.cursors.handed().count);
        queued.take_while(|entry| entry.origin == Origin::Replay).count()
    }

    pub(super) fn insert_replay(&mut self, at: usize, message: Message) {
        self.insert_bound(at, message, Origin::Replay);
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
            Origin::Sender(_) | Origin::Replay => None,
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
