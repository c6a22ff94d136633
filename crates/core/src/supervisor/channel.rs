//! The queue of events between a driver and its inbox: [`Channel`].

use std::{
    collections::VecDeque,
    sync::Arc,
    task::{Poll, Waker},
};

use super::backlog::Backlog;
use crate::{
    config::{InboxSettings, Overflow},
    event::Event,
    outbox::Load,
    sync::{Guarded, discard, wake},
};

/// The reader takes up to one eighth of the capacity under one lock. With a larger part the driver
/// would wait for room. With a smaller part each message would cost a lock.
const PART: usize = 8;

/// Events on their way from a driver to its inbox, bounded by the settings of the inbox.
pub(super) struct Channel {
    bound: Load,
    overflow: Overflow,
    state: Guarded<State>,
}

struct State {
    backlog: Backlog,
    /// The messages of the reader's batch that the application has not received yet.
    taken: Load,
    ends: Ends,
    /// Both wakers are in an `Arc`, because cloning a waker under the lock would run code of the
    /// application.
    reader: Option<Arc<Waker>>,
    driver: Option<Arc<Waker>>,
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

/// How much the driver may add to the channel in one poll.
pub(super) enum Room {
    /// This number of messages and bytes. Then the driver waits for the reader.
    Limited(Load),
    /// Any number, because messages are dropped or nothing reads them.
    Unlimited,
}

impl Channel {
    /// A channel that already holds these events.
    pub(super) fn new(settings: InboxSettings, mut backlog: Backlog) -> Self {
        let InboxSettings { messages, bytes, overflow } = settings;
        let bound = Load { count: messages, bytes };
        if overflow == Overflow::DropOldest {
            drop_excess(&mut backlog, Load::default(), bound);
        }
        let state =
            State { backlog, taken: Load::default(), ends: Ends::Both, reader: None, driver: None };
        Self { bound, overflow, state: Guarded::new(state) }
    }

    pub(super) fn bound(&self) -> Load {
        self.bound
    }

    /// Returns the room. The driver's waker is called when there is room again.
    pub(super) fn room(&self, waker: &Waker) -> Room {
        let mut own = None;
        loop {
            let room = self.state.with(|state, deferred| {
                if matches!(state.ends, Ends::DriverOnly) || self.overflow == Overflow::DropOldest {
                    return Some(Room::Unlimited);
                }
                if !state.driver.as_ref().is_some_and(|known| known.will_wake(waker)) {
                    deferred.drop_later(state.driver.replace(own.take()?));
                }
                Some(Room::Limited(self.bound.without(state.held())))
            });
            match room {
                Some(room) => return room,
                // Cloned outside of the lock, and once for all polls of a task.
                None => own = Some(Arc::new(waker.clone())),
            }
        }
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
            (state.reader.clone(), self.has_room(state))
        });
        reader.iter().for_each(|reader| wake(reader));
        room || self.overflow == Overflow::DropOldest
    }

    /// No further event comes. The reader receives the events in the channel and then the end.
    pub(super) fn finish(&self) {
        let reader = self.state.with(|state, deferred| {
            if let Ends::Both = state.ends {
                state.ends = Ends::InboxOnly;
            }
            deferred.drop_later(state.driver.take());
            state.reader.take()
        });
        reader.iter().for_each(|reader| wake(reader));
    }

    /// Gives the reader one event, and moves the next events into the reader's empty batch.
    pub(super) fn poll_take(
        &self,
        batch: &mut VecDeque<Event>,
        waker: &Waker,
    ) -> Poll<Option<Event>> {
        let Load { count, bytes } = self.bound;
        let part = Load { count: count.div_ceil(PART), bytes: bytes.div_ceil(PART) };
        let mut own = None;
        let (next, driver) = loop {
            let looked = self.state.with(|state, deferred| {
                let had_room = self.has_room(state);
                state.taken = state.backlog.take(part, batch);
                let next = match batch.pop_front() {
                    Some(event) => {
                        if let Event::Message(message) = &event {
                            state.taken.remove(message.len());
                        }
                        Poll::Ready(Some(event))
                    }
                    None if matches!(state.ends, Ends::InboxOnly) => Poll::Ready(None),
                    None => {
                        if !state.reader.as_ref().is_some_and(|known| known.will_wake(waker)) {
                            deferred.drop_later(state.reader.replace(own.take()?));
                        }
                        Poll::Pending
                    }
                };
                Some((next, self.waiting_driver(state, had_room)))
            });
            match looked {
                Some(looked) => break looked,
                // Cloned outside of the lock, and once for all polls of a task.
                None => own = Some(Arc::new(waker.clone())),
            }
        };
        driver.iter().for_each(|driver| wake(driver));
        next
    }

    /// The application has received the whole batch of the reader. The driver may use its room at
    /// once, even if the application works on the last message for a long time.
    pub(super) fn batch_received(&self) {
        let driver = self.state.with(|state, _| {
            let had_room = self.has_room(state);
            state.taken = Load::default();
            self.waiting_driver(state, had_room)
        });
        driver.iter().for_each(|driver| wake(driver));
    }

    /// The inbox is dropped: later events of the driver are discarded.
    pub(super) fn drop_inbox(&self) {
        let driver = self.state.with(|state, deferred| {
            state.ends = Ends::DriverOnly;
            deferred.drop_later(state.reader.take());
            state.driver.take()
        });
        driver.iter().for_each(|driver| wake(driver));
    }

    fn has_room(&self, state: &State) -> bool {
        self.bound.without(state.held()).has_room()
    }

    /// The waker of the driver, if the reader has just made room in a full channel. A channel that
    /// drops messages has no waker of a driver.
    fn waiting_driver(&self, state: &State, had_room: bool) -> Option<Arc<Waker>> {
        let made_room = !had_room && self.has_room(state);
        state.driver.clone().filter(|_| made_room)
    }
}

impl State {
    /// All unread messages.
    fn held(&self) -> Load {
        self.backlog.held().with(self.taken)
    }
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
