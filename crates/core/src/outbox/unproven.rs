//! The messages that were written and not proven to be read, if the application wants them back.

use std::collections::VecDeque;

use super::{Outbox, list::List};
use crate::{config::Unproven, message::Message, sync::Deferred};

impl Outbox {
    /// The part that keeps the messages. `None` in most sessions.
    #[inline]
    pub(super) fn unproven(&mut self) -> Option<&mut dyn Unproven> {
        match self.rare.as_mut()?.unproven.as_mut() {
            Some(unproven) => Some(&mut **unproven),
            None => None,
        }
    }

    /// A ping is written, behind all messages that are written.
    pub(crate) fn ping_written(&mut self) {
        if let Some(unproven) = self.unproven() {
            unproven.ping_written();
        }
    }

    /// The last ping was answered: the peer has read the messages before it.
    pub(crate) fn ping_answered(&mut self, deferred: &mut Deferred<'_>) {
        if let Some(unproven) = self.unproven() {
            deferred.drop_later(unproven.ping_answered());
        }
    }

    /// The peer has read all messages that are written.
    pub(crate) fn all_proven(&mut self, deferred: &mut Deferred<'_>) {
        self.ping_written();
        self.ping_answered(deferred);
    }

    /// Takes the unproven messages of the connection that has ended, and the number of older ones
    /// that were not kept.
    pub(super) fn take_unproven(&mut self) -> (Vec<Message>, u64) {
        self.unproven().map(|unproven| unproven.take()).unwrap_or_default()
    }
}

/// The messages that were handed over are written. Moves those of senders to `unproven`, and all
/// others to `kept`, to be dropped outside of the lock.
#[cold]
pub(super) fn keep_unproven(
    list: &mut List,
    unproven: &mut dyn Unproven,
    kept: &mut VecDeque<Message>,
) {
    for entry in list.remove_handed() {
        let is_per_connection = entry.is_per_connection();
        match entry.message {
            Some(message) if is_per_connection => kept.push_back(message),
            Some(message) => unproven.written(message, kept),
            None => {}
        }
    }
}
