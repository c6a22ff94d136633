//! What goes with the connection that is open: replays, and the messages of a layer above.

use super::{
    Online, Outbox,
    entry::{Entry, Origin},
    error::QueueError,
    rare::Replay,
};
use crate::{config::OutboxSettings, message::Message, sync::Garbage};

impl Outbox {
    /// Keeps a message to be sent after every Open, in the place of the one with the same key; if
    /// a connection is open it is sent on that one, too.
    pub(crate) fn set_replay(
        &mut self,
        key: &str,
        message: Message,
        garbage: &mut Garbage<'_>,
    ) -> Result<(), QueueError> {
        let OutboxSettings { count, bytes, .. } = self.policy;
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
                let old = std::mem::replace(&mut replays[at].message, message.clone());
                garbage.drop_later(old);
                replays[at].id
            }
            None => {
                let id = self.draw_number();
                let replay = Replay { key: key.into(), id, message: message.clone() };
                self.extra().replays.push(replay);
                id
            }
        };
        if self.online.connection().is_some() && !self.is_closed() {
            // One of the same key that is still queued would only be out of date. Its place is kept.
            match self.list.find_queued(Origin::Replay, id) {
                Some(index) => garbage.drop_later(self.list.replace(index, message)),
                None => self.push_replay(id, message),
            }
        }
        Ok(())
    }

    /// Forgets a replay.
    pub(crate) fn remove_replay(&mut self, key: &str) -> Option<Message> {
        let replays = &mut self.extra.as_mut()?.replays;
        let at = replays.iter().position(|replay| *replay.key == *key)?;
        Some(replays.remove(at).message)
    }

    pub(super) fn push_replay(&mut self, id: u64, message: Message) {
        self.list.push_replay(Entry::new(message, Origin::Replay, id));
        self.rests = 0;
    }

    /// Queues messages for this connection and no other. They get tickets in a row, of which this
    /// gives the first; `None` if that connection is not open any more or the session is being
    /// closed, and then nothing was taken.
    ///
    /// Like replays they count against the bound and are never refused.
    pub(crate) fn queue_on(&mut self, connection: u64, messages: &mut Vec<Message>) -> Option<u64> {
        if self.online != Online::Yes(connection) || self.is_closed() {
            return None;
        }
        let first = self.numbers;
        for message in messages.drain(..) {
            self.list.push(Entry::new(message, Origin::Layer, self.numbers));
            self.numbers += 1;
        }
        self.rests = 0;
        Some(first)
    }

    /// The first ticket whose message was not written and may still be.
    pub(crate) fn first_unwritten(&self) -> u64 {
        let first = self.list.iter().find(|entry| entry.origin == Origin::Layer);
        first.map_or(self.numbers, |entry| entry.number)
    }
}
