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
    /// than two losses: removes all events after the first loss, up to the last loss but one. The last loss
    /// keeps its own `Connecting` and `Open`. Messages that were dropped among the removed events
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
mod tests {
    use super::*;
    use crate::event::{Connecting, DropReason, LostCause, Retry};

    const LIMIT: Load = Load { count: 10, bytes: 1_000 };
    const UNPROVEN: Load = Load { count: 7, bytes: 40 };

    fn lost(connection: u64) -> Event {
        let message = Message::text(connection.to_string());
        Event::Lost(Box::new(Lost {
            connection,
            opened: false,
            cause: LostCause::Replaced,
            unsent: vec![Fate::Dropped { reason: DropReason::Offline, message }],
            unproven: 1,
            unproven_messages: vec![Message::text(connection.to_string())],
            unproven_discarded: 0,
            unknown: 0,
            discarded: 0,
            ever_answered: false,
            cutoff: None,
            verdict_panic: None,
            skipped_cycles: 0,
        }))
    }

    fn cycle(backlog: &mut Backlog, connection: u64) {
        backlog.push(lost(connection));
        let cause = LostCause::Replaced;
        backlog.push(Event::Retry(Box::new(Retry {
            attempt: 1,
            delay: Default::default(),
            cause,
        })));
        backlog.push(Event::Connecting(Connecting { connection: connection + 1, attempt: 1 }));
    }

    #[test]
    fn a_million_unread_cycles_fold_into_few_events_and_keep_all_counts() {
        let mut backlog = Backlog::new(LIMIT, Some(UNPROVEN));
        backlog.push(Event::Connecting(Connecting { connection: 1, attempt: 0 }));
        for connection in 1..=1_000_000 {
            cycle(&mut backlog, connection);
        }
        assert!(backlog.events.len() <= 7, "{}", backlog.events.len());
        let mut cycles = 0;
        let (mut returned, mut discarded, mut unproven) = (0, 0, 0);
        let (mut kept, mut beyond) = (vec![], 0);
        let mut last = 0;
        while let Some(event) = backlog.pop() {
            if let Event::Lost(lost) = event {
                assert!(lost.connection > last, "order is kept");
                last = lost.connection;
                cycles += 1 + lost.skipped_cycles;
                returned += lost.unsent.len() as u64;
                discarded += lost.discarded;
                unproven += lost.unproven;
                kept.push(lost.unproven_messages.len() as u64);
                beyond += lost.unproven_discarded;
            }
        }
        assert_eq!((cycles, last, unproven), (1_000_000, 1_000_000, 1_000_000));
        // One message of seven bytes and five of six bytes fit.
        assert_eq!((kept.clone(), kept[0] + kept[1] + beyond), (vec![1, 6], 1_000_000));
        assert_eq!(returned, 11);
        assert_eq!(returned + discarded, 1_000_000);
    }

    #[test]
    fn a_folded_loss_has_the_sums_of_the_losses_before_it() {
        let mut backlog = Backlog::new(LIMIT, Some(UNPROVEN));
        for connection in 1..=4 {
            let mut event = lost(connection);
            let Event::Lost(lost) = &mut event else { unreachable!() };
            let count = 10_u64.pow(connection as u32);
            lost.unproven = count;
            lost.unknown = 2 * count;
            lost.discarded = 3 * count;
            lost.unproven_discarded = 4 * count;
            backlog.push(event);
        }
        let Some(Event::Lost(_)) = backlog.pop() else { panic!("the first is not folded") };
        let Some(Event::Lost(lost)) = backlog.pop() else { panic!("the others are one") };
        let counts = [lost.unproven, lost.unknown, lost.discarded, lost.unproven_discarded];
        assert_eq!(counts, [11_100, 22_200, 33_300, 44_400]);
        assert_eq!((lost.skipped_cycles, lost.unsent.len()), (2, 3));
        assert!(backlog.pop().is_none());
    }

    #[test]
    fn cycles_do_not_fold_across_a_message() {
        let mut backlog = Backlog::new(LIMIT, Some(UNPROVEN));
        for connection in 1..=4 {
            cycle(&mut backlog, connection);
            backlog.push(Event::Message(Message::text("between")));
        }
        assert_eq!(backlog.events.len(), 16);
        assert_eq!(backlog.held().count, 4);
    }

    #[test]
    fn dropped_messages_are_counted_and_the_queue_stays_bounded() {
        let mut backlog = Backlog::new(LIMIT, Some(UNPROVEN));
        let mut lagged = 0;
        for connection in 1..=1_000 {
            cycle(&mut backlog, connection);
            backlog.push(Event::Message(Message::text("x")));
            if backlog.held().count > 3 {
                backlog.drop_oldest();
                lagged += 1;
            }
        }
        assert!(backlog.events.len() < 40, "{}", backlog.events.len());
        let mut reported = 0;
        let mut cycles = 0;
        while let Some(event) = backlog.pop() {
            match event {
                Event::Lagged(count) => reported += count,
                Event::Lost(lost) => cycles += 1 + lost.skipped_cycles,
                _ => {}
            }
        }
        assert_eq!((reported, cycles), (lagged, 1_000));
    }

    #[test]
    fn the_fates_of_a_folded_loss_are_bounded_in_bytes() {
        let mut backlog = Backlog::new(LIMIT, Some(UNPROVEN));
        for connection in 1..=20 {
            let mut event = lost(connection);
            let Event::Lost(lost) = &mut event else { unreachable!() };
            let message = Message::binary(vec![0; 400]);
            lost.unsent = vec![Fate::Dropped { reason: DropReason::Expired, message }];
            backlog.push(event);
        }
        let lost: Vec<_> = std::iter::from_fn(|| backlog.pop())
            .map(|event| match event {
                Event::Lost(lost) => (lost.unsent.len(), lost.discarded),
                other => panic!("{other:?}"),
            })
            .collect();
        // The first loss is not folded. Two of the other 19 fates fit.
        assert_eq!(lost, [(1, 0), (2, 17)]);
    }
}
