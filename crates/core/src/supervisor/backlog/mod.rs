//! Events that wait to be read, bounded and in order: [`Backlog`].

use std::collections::VecDeque;

use crate::{
    event::{Event, Fate, Lost},
    message::Message,
    outbox::Load,
};

/// A queue of events in which unread cycles of loss and reconnection fold into one.
///
/// Its users bound the messages by number and by bytes. There is room for another message while the
/// queue is below both bounds, so it exceeds the bytes by at most one message.
///
/// Between two messages it keeps the first loss, the last loss with the `Connecting` and `Open`
/// before it, and the events after that. The cycles between them are folded into the last `Lost`,
/// with a count. So the number of messages bounds the queue, even if the events of a long outage
/// are not read. The remaining events obey the grammar of [`Event`].
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    events: VecDeque<Event>,
    /// The messages in `events`.
    held: Load,
    /// The most fates that a folded `Lost` carries: the same bound as for the messages in the
    /// outbox.
    unsent_limit: Load,
    /// The most unproven messages that a folded `Lost` carries. `None` if none are kept.
    unproven_limit: Option<Box<Load>>,
}

impl Backlog {
    pub(crate) fn new(unsent_limit: Load, unproven_limit: Option<Load>) -> Self {
        let unproven_limit = unproven_limit.map(Box::new);
        Self { events: VecDeque::new(), held: Load::default(), unsent_limit, unproven_limit }
    }

    /// The messages in the queue.
    pub(crate) fn held(&self) -> Load {
        self.held
    }

    pub(crate) fn push(&mut self, event: Event) {
        match event {
            Event::Message(ref message) => self.held.add(message.len()),
            Event::Lost(_) => {
                self.events.push_back(event);
                return self.fold(self.events.len());
            }
            // Replaces the earlier report of this kind on the same connection.
            Event::WriteBlocked(_) | Event::Silent(_) => {
                self.events.retain(|older| match (older, &event) {
                    (Event::WriteBlocked(older), Event::WriteBlocked(newer)) => {
                        older.connection != newer.connection
                    }
                    (Event::Silent(older), Event::Silent(newer)) => {
                        older.connection != newer.connection
                    }
                    _ => true,
                })
            }
            _ => {}
        }
        self.events.push_back(event);
    }

    pub(crate) fn pop(&mut self) -> Option<Event> {
        let event = self.events.pop_front()?;
        if let Event::Message(message) = &event {
            self.held.remove(message.len());
        }
        Some(event)
    }

    /// Appends a batch that consists of messages only; `load` is their sum.
    pub(crate) fn append(&mut self, batch: &mut VecDeque<Event>, load: Load) {
        self.held = self.held.with(load);
        if self.events.is_empty() {
            std::mem::swap(&mut self.events, batch);
        } else {
            self.events.append(batch);
        }
    }

    /// Moves the oldest events to an empty queue until it holds `most` messages or bytes. Returns
    /// the number and bytes of the moved messages.
    pub(crate) fn take(&mut self, most: Load, to: &mut VecDeque<Event>) -> Load {
        debug_assert!(to.is_empty());
        let before = self.held;
        if most.without(before).has_room() {
            std::mem::swap(&mut self.events, to);
            return std::mem::take(&mut self.held);
        }
        while most.without(before.without(self.held)).has_room()
            && let Some(event) = self.pop()
        {
            to.push_back(event);
        }
        before.without(self.held)
    }

    /// Replaces the oldest message by a `Lagged`.
    pub(crate) fn drop_oldest(&mut self) {
        let oldest = self.events.iter().enumerate().find_map(|(at, event)| match event {
            Event::Message(message) => Some((at, message.len())),
            _ => None,
        });
        let Some((at, bytes)) = oldest else { return };
        self.held.remove(bytes);
        // Adjacent counts become one. No count follows, since all counts are before all messages.
        match at.checked_sub(1).and_then(|before| self.events.get_mut(before)) {
            Some(Event::Lagged(before)) => {
                *before += 1;
                self.events.remove(at);
            }
            _ => self.events[at] = Event::Lagged(1),
        }
        // No message separates the lifecycle events before and after it any more.
        self.fold(at.saturating_sub(1));
    }

    /// Folds the run of events without a message that includes `at` or ends there, if it holds more
    /// than two losses: removes all events after the first loss, up to the last loss but one. The last
    /// loss keeps its own `Connecting` and `Open`. Messages that were dropped among the removed events
    /// are counted behind the first loss.
    fn fold(&mut self, at: usize) {
        let is_message = |event: &Event| matches!(event, Event::Message(_));
        let after = self.events.range(at..).position(is_message);
        let end = after.map_or(self.events.len(), |offset| at + offset);
        let before = self.events.range(..end).rposition(is_message);
        let losses: Vec<usize> = (before.unwrap_or(0)..end)
            .filter(|index| matches!(self.events[*index], Event::Lost(_)))
            .collect();
        let [first, .., last_but_one, last] = losses[..] else { return };
        let removed: Vec<Event> = self.events.drain(first + 1..=last_but_one).collect();
        let Some(Event::Lost(newest)) = self.events.get_mut(last - removed.len()) else {
            unreachable!("only events before the last loss are removed");
        };
        let mut lagged = 0;
        for event in removed.into_iter().rev() {
            match event {
                Event::Lost(older) => {
                    let unproven_limit = self.unproven_limit.as_deref().copied();
                    newest.fold_in(*older, self.unsent_limit, unproven_limit.unwrap_or_default());
                }
                Event::Lagged(count) => lagged += count,
                _ => {}
            }
        }
        // No other count is adjacent: a count is not the next event after a loss, except after the
        // first one of a run.
        if lagged > 0 {
            self.events.insert(first + 1, Event::Lagged(lagged));
        }
    }
}

impl Lost {
    /// Adds the counts and fates of an older loss, without its cause.
    fn fold_in(&mut self, older: Self, unsent_limit: Load, unproven_limit: Load) {
        self.skipped_cycles += older.skipped_cycles + 1;
        self.unproven += older.unproven;
        self.unknown += older.unknown;
        self.discarded += older.discarded;
        self.cutoff = self.cutoff.take().or(older.cutoff);
        self.verdict_panic = self.verdict_panic.take().or(older.verdict_panic);
        let size = |fate: &Fate| fate.message().map_or(0, Message::len);
        self.discarded += prepend(&mut self.unsent, older.unsent, unsent_limit, size);
        let messages = &mut self.unproven_messages;
        let beyond = prepend(messages, older.unproven_messages, unproven_limit, Message::len);
        self.unproven_discarded += older.unproven_discarded + beyond;
    }
}

/// Puts the older values before the newer ones. Keeps the newest within the limit, at least one, and
/// returns the number of the others.
fn prepend<V>(newer: &mut Vec<V>, older: Vec<V>, limit: Load, size: impl Fn(&V) -> usize) -> u64 {
    let all = older.into_iter().chain(std::mem::take(newer)).collect::<Vec<_>>();
    let mut bytes = 0;
    let fits = |value: &&V| {
        bytes += size(value);
        bytes <= limit.bytes
    };
    let kept = all.iter().rev().take(limit.count).take_while(fits).count();
    let excess = all.len().saturating_sub(kept.max(1));
    *newer = all;
    newer.drain(..excess);
    excess as u64
}

#[cfg(test)]
mod tests;
