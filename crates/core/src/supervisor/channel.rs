//! The queue of events between a driver and its inbox: [`Channel`].

use std::{
    collections::VecDeque,
    task::{Poll, Waker},
};

use super::backlog::Backlog;
use crate::{
    config::{InboxSettings, Overflow},
    event::Event,
    handle::Handle,
    outbox::Load,
    shared::Side,
    sync::{Guarded, Polled, discard, poll_registering, wake},
};

/// The reader takes up to one eighth of the capacity under one lock. With a larger part the driver
/// would wait for room. With a smaller part each message would cost a lock.
const PART: usize = 8;

/// Events on their way from a driver to its inbox, bounded by the settings of the inbox.
pub(super) struct Channel {
    pub(super) bound: Load,
    overflow: Overflow,
    /// Closes the session, and wakes the task of the driver.
    handle: Handle,
    state: Guarded<State>,
}

struct State {
    backlog: Backlog,
    /// The messages of the reader's batch that the application has not received yet.
    taken: Load,
    ends: Ends,
    /// The reader that waits for an event.
    reader: Option<Waker>,
}

/// The ends of the channel that exist. After one end was dropped, the drop of the other changes
/// nothing.
enum Ends {
    Both,
    /// The driver has finished or was dropped: no further event comes.
    InboxOnly,
    /// The inbox was dropped: no event is read.
    DriverOnly,
}

impl Channel {
    /// A channel that already holds these events.
    pub(super) fn new(settings: InboxSettings, mut backlog: Backlog, handle: Handle) -> Self {
        let InboxSettings { messages, bytes, overflow } = settings;
        let bound = Load { count: messages, bytes };
        if overflow == Overflow::DropOldest {
            drop_excess(&mut backlog, Load::default(), bound);
        }
        let state = State { backlog, taken: Load::default(), ends: Ends::Both, reader: None };
        Self { bound, overflow, handle, state: Guarded::new(state) }
    }

    /// How much the driver may add before it waits for the reader, which wakes the driver when there
    /// is room again. `None`: any number, because messages are dropped or nothing reads them.
    pub(super) fn room(&self) -> Option<Load> {
        self.state.with(|state, _| {
            let waits = self.overflow == Overflow::Wait && !matches!(state.ends, Ends::DriverOnly);
            waits.then(|| self.bound.without(state.held()))
        })
    }

    /// Adds a batch with these messages and wakes the reader. Returns whether there is room left.
    pub(super) fn deliver(&self, batch: &mut VecDeque<Event>, load: Load) -> bool {
        // The backlog is moved out of the lock, since folding drops events with values of the
        // application. A reader that polls in the meantime finds nothing and is woken below.
        let taken_out = self.state.with(|state, _| match state.ends {
            Ends::DriverOnly => None,
            _ => Some((std::mem::take(&mut state.backlog), state.taken)),
        });
        let Some((mut backlog, taken)) = taken_out else {
            discard(batch.drain(..));
            return true;
        };
        if load.count == batch.len() {
            backlog.append(batch, load);
        }
        for event in batch.drain(..) {
            backlog.push(event);
        }
        if self.overflow == Overflow::DropOldest {
            drop_excess(&mut backlog, taken, self.bound);
        }
        let (reader, room) = self.state.with(|state, _| {
            state.backlog = backlog;
            (state.reader.take(), self.has_room(state))
        });
        call(reader);
        room
    }

    /// No further event comes. The reader receives the events in the channel and then the end.
    pub(super) fn finish(&self) {
        call(self.state.with(|state, _| {
            if let Ends::Both = state.ends {
                state.ends = Ends::InboxOnly;
            }
            state.reader.take()
        }));
    }

    /// Gives the reader one event, and moves the next events into the reader's empty batch.
    pub(super) fn poll_take(
        &self,
        batch: &mut VecDeque<Event>,
        waker: &Waker,
    ) -> Poll<Option<Event>> {
        let Load { count, bytes } = self.bound;
        let part = Load { count: count.div_ceil(PART), bytes: bytes.div_ceil(PART) };
        let mut made_room = false;
        let next = poll_registering(waker, |caller| {
            self.state.with(|state, deferred| {
                let had_room = self.has_room(state);
                state.taken = state.backlog.take(part, batch);
                let next = batch.pop_front();
                if let Some(Event::Message(message)) = &next {
                    state.taken.remove(message.len());
                }
                made_room |= !had_room && self.has_room(state);
                if next.is_some() || matches!(state.ends, Ends::InboxOnly) {
                    return Polled::Ready(next);
                }
                caller.wait_in(&mut state.reader, deferred)
            })
        });
        if made_room {
            self.wake_driver();
        }
        next
    }

    /// The application has received the whole batch of the reader. The driver may use its room at
    /// once, even if the application works on the last message for a long time.
    pub(super) fn batch_received(&self) {
        let made_room = self.state.with(|state, _| {
            let had_room = self.has_room(state);
            state.taken = Load::default();
            !had_room && self.has_room(state)
        });
        if made_room {
            self.wake_driver();
        }
    }

    /// The inbox is dropped: the session closes, and later events of the driver are discarded.
    pub(super) fn drop_inbox(&self) {
        self.state.with(|state, deferred| {
            state.ends = Ends::DriverOnly;
            deferred.drop_waker(state.reader.take());
        });
        self.wake_driver();
        self.handle.close();
    }

    fn wake_driver(&self) {
        self.handle.shared().tasks.wake_side(Side::Stream);
    }

    fn has_room(&self, state: &State) -> bool {
        self.bound.without(state.held()).has_room()
    }
}

impl State {
    /// All unread messages.
    fn held(&self) -> Load {
        self.backlog.held().with(self.taken)
    }
}

/// Calls a waker that was taken out.
fn call(waker: Option<Waker>) {
    waker.iter().for_each(wake);
    discard(waker);
}

/// Drops the oldest messages until the bound holds. One message of any size may stay.
fn drop_excess(backlog: &mut Backlog, taken: Load, bound: Load) {
    loop {
        let held = backlog.held().with(taken);
        let exceeds = held.count > bound.count || (held.bytes > bound.bytes && held.count > 1);
        if !exceeds || backlog.held().count == 0 {
            return;
        }
        backlog.drop_oldest();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        config::OutboxSettings, message::Message, outbox::Outbox, shared::Shared,
        sync::WakeCounter, time::Timestamp,
    };

    /// A channel, and the task of its driver.
    fn channel(settings: InboxSettings) -> (Channel, Arc<WakeCounter>) {
        let outbox = Outbox::new(OutboxSettings::new());
        let shared = Arc::new(Shared::new(outbox, Timestamp::EPOCH));
        let driver = Arc::new(WakeCounter::default());
        shared.tasks.set(Side::Stream, &driver.waker());
        (Channel::new(settings, Backlog::default(), Handle::new(shared)), driver)
    }

    /// Delivers messages of these lengths.
    fn deliver(channel: &Channel, lengths: &[usize]) -> bool {
        let messages = lengths.iter().map(|length| Message::binary(vec![0; *length]));
        let mut batch = messages.map(Event::Message).collect();
        let bytes = lengths.iter().sum();
        channel.deliver(&mut batch, Load { count: lengths.len(), bytes })
    }

    /// Takes the next event as an inbox does.
    fn next(channel: &Channel, batch: &mut VecDeque<Event>) -> Option<Event> {
        if let Some(event) = batch.pop_front() {
            if batch.is_empty() {
                channel.batch_received();
            }
            return Some(event);
        }
        match channel.poll_take(batch, Waker::noop()) {
            Poll::Ready(event) => event,
            Poll::Pending => None,
        }
    }

    #[test]
    fn the_driver_is_woken_only_if_a_full_channel_has_room_again() {
        let (channel, driver) = channel(InboxSettings::new(16));
        let mut batch = VecDeque::new();
        let mut next = || assert!(next(&channel, &mut batch).is_some());
        assert!(deliver(&channel, &[1; 15]));
        next();
        next();
        assert_eq!(driver.take(), 0, "there was room");
        assert!(!deliver(&channel, &[1; 3]), "sixteen are unread");
        next();
        assert_eq!(driver.take(), 1, "the reader took two, and received one of them");
        assert!(!deliver(&channel, &[1]));
        next();
        assert_eq!(driver.take(), 1, "the reader received the other one");
    }

    #[test]
    fn nothing_is_stored_for_a_dropped_inbox() {
        let (channel, _) = channel(InboxSettings::new(16));
        channel.drop_inbox();
        assert!(deliver(&channel, &[1; 3]));
        assert_eq!(channel.state.with(|state, _| state.held()), Load::default());
    }

    #[test]
    fn the_oldest_messages_are_dropped_until_the_bounds_hold() {
        let lengths = |settings: InboxSettings, lengths: &[usize]| {
            let (channel, _) = channel(settings.drop_oldest());
            deliver(&channel, lengths);
            let mut batch = VecDeque::new();
            let events = std::iter::from_fn(|| next(&channel, &mut batch));
            let events = events.map(|event| match event {
                Event::Message(message) => message.len() as u64,
                Event::Lagged(count) => 1_000 + count,
                other => panic!("{other:?}"),
            });
            events.collect::<Vec<_>>()
        };
        let settings = InboxSettings::new(3).bytes(10);
        assert_eq!(lengths(settings, &[1, 2, 7]), [1, 2, 7], "both bounds are reached");
        assert_eq!(lengths(settings, &[1, 2, 3, 4]), [1_001, 2, 3, 4]);
        assert_eq!(lengths(settings, &[1, 2, 8]), [1_001, 2, 8]);
        assert_eq!(lengths(settings, &[1, 10]), [1_001, 10]);
        assert_eq!(lengths(settings, &[11]), [11], "one message of any size may stay");
    }
}
