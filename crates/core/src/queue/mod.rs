//! The outbox's inside: accepted messages until their fate, the gate that bounds them, and the
//! line of those who wait at it.
//!
//! It stands under the lock that handles and driver share. Whatever wakes a task or a receipt is
//! collected in a [`News`] and done after the lock is released.

mod bound;
mod driver;
mod gate;
#[cfg(test)]
mod tests;

use std::{collections::VecDeque, sync::Arc, task::Waker, time::Duration};

use crate::{
    DropReason, Fate, Message, Outbox, QueueError, Timestamp,
    machine::{Cursors, Load},
    receipt::Slot,
};

pub(crate) struct Queue {
    policy: Outbox,
    /// Handed messages first, then the queued ones.
    entries: VecDeque<Entry>,
    cursors: Cursors,
    /// Entries at the end that the driver has not seen yet.
    unseen: usize,
    /// The earliest moment at which a queued message expires.
    expiry: Option<Timestamp>,
    /// The number of the connection that is open.
    online: Option<u64>,
    closed: bool,
    /// Places promised to handles between `poll_ready` and `start_send`.
    reserved: usize,
    /// In the order of their places.
    waiters: VecDeque<Waiter>,
    flushers: Vec<(u64, u64, Waker)>,
    next_waiter: u64,
    /// Messages accepted so far; a message's number is the value before it.
    accepted: u64,
    /// Fates without a receipt, to be told with the next loss.
    unsent: VecDeque<Fate>,
    /// Bytes of the messages in them.
    unsent_bytes: usize,
    /// Fates let go, because nobody fetched them.
    discarded: u64,
    /// Fates since the session began.
    counts: Counts,
    /// How many unknown ones were told.
    unknown_told: u64,
    /// What is sent after every Open, in this order.
    replays: Vec<Replay>,
    next_replay: u64,
    /// Tickets given so far.
    tickets: u64,
}

struct Entry {
    /// `None` while it is with the connection and nothing is to be given back.
    message: Option<Message>,
    bytes: usize,
    slot: Option<Arc<Slot>>,
    max_age: Option<Duration>,
    expires: Option<Timestamp>,
    /// How often it was handed to a connection.
    tries: u32,
    /// The last connection that died with it in hand.
    handed_to: Option<u64>,
    origin: Origin,
}

/// A message that is sent after every Open.
#[derive(Clone)]
struct Replay {
    key: Box<str>,
    id: u64,
    message: Message,
}

/// Where a message comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// A sender; the number counts accepted messages from 0.
    Sender(u64),
    /// The replays, of which it is the one with this number.
    Replay(u64),
    /// A layer above, which keeps the message itself; with a ticket, counted from 0.
    Layer(u64),
}

impl Entry {
    /// Whether it goes with the connection that there is. Its fate is nobody's, since whoever
    /// keeps the message brings it again for the next connection.
    fn is_bound(&self) -> bool {
        match self.origin {
            Origin::Sender(_) => false,
            Origin::Replay(_) | Origin::Layer(_) => true,
        }
    }
}

/// One who waits at the gate.
struct Waiter {
    place: u64,
    waker: Waker,
    /// It leaves the line when it is served or gone. A `Sink` may do neither: its owner can stop
    /// waiting without a word.
    sure: bool,
}

/// What is to be done once the lock is released.
#[derive(Default)]
pub(crate) struct News {
    wakers: Vec<Waker>,
    fates: Vec<(Arc<Slot>, Fate)>,
}

impl News {
    pub(crate) fn spread(self) {
        for (slot, fate) in self.fates {
            slot.settle(fate);
        }
        for waker in self.wakers {
            waker.wake();
        }
    }
}

/// Messages that did not become written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) dropped: u64,
    pub(crate) unknown: u64,
}

/// What is told with a loss.
#[derive(Default)]
pub(crate) struct Unsent {
    pub(crate) fates: Vec<Fate>,
    /// How many were let go before them.
    pub(crate) discarded: u64,
    /// How many became unknown, with a receipt or without.
    pub(crate) unknown: u64,
}

/// How a message is offered.
pub(crate) enum Offer {
    Accepted,
    Refused(QueueError),
    /// There is no room at present.
    Wait(Message),
}

impl Queue {
    pub(crate) fn new(policy: Outbox) -> Self {
        Self {
            policy,
            entries: VecDeque::new(),
            cursors: Cursors::default(),
            unseen: 0,
            expiry: None,
            online: None,
            closed: false,
            reserved: 0,
            waiters: VecDeque::new(),
            flushers: Vec::new(),
            next_waiter: 0,
            accepted: 0,
            unsent: VecDeque::new(),
            unsent_bytes: 0,
            discarded: 0,
            counts: Counts::default(),
            unknown_told: 0,
            replays: Vec::new(),
            next_replay: 0,
            tickets: 0,
        }
    }

    pub(crate) fn held(&self) -> Load {
        self.cursors.held()
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether there is something to hand over.
    pub(crate) fn has_queued(&self) -> bool {
        self.cursors.queued().count > 0
    }

    /// Whether everything accepted has its fate.
    pub(crate) fn is_settled(&self) -> bool {
        self.entries.is_empty()
    }

    /// A number for one who may have to wait.
    pub(crate) fn draw_number(&mut self) -> u64 {
        self.next_waiter += 1;
        self.next_waiter
    }

    fn remove(&mut self, index: usize) -> Entry {
        if index >= self.entries.len() - self.unseen {
            self.unseen -= 1;
        }
        let entry = self.entries.remove(index).expect("the cursors count the entries");
        if index < self.cursors.handed().count {
            self.cursors.settle(entry.bytes);
        } else {
            self.cursors.drop_queued(entry.bytes);
        }
        entry
    }

    /// Gives an entry that was removed its fate: dropped, or unknown if it was ever handed over.
    fn drop_entry(&mut self, entry: Entry, reason: DropReason, news: &mut News) {
        if entry.is_bound() {
            return;
        }
        let fate = match (entry.handed_to, entry.message) {
            (Some(connection), message) if reason != DropReason::ResendLimit => {
                self.counts.unknown += 1;
                Fate::Unknown {
                    connection,
                    message: message.filter(|_| self.policy.keeps_clones()),
                }
            }
            (_, Some(message)) => {
                self.counts.dropped += 1;
                Fate::Dropped { reason, message }
            }
            (_, None) => unreachable!("only what was handed over by move has no payload"),
        };
        self.tell(entry.slot, fate, news);
    }

    fn tell(&mut self, slot: Option<Arc<Slot>>, fate: Fate, news: &mut News) {
        match slot {
            Some(slot) => news.fates.push((slot, fate)),
            None => {
                // What nobody fetches stays inside the outbox's own bounds; the newest always.
                self.unsent_bytes += fate.message().map_or(0, Message::len);
                self.unsent.push_back(fate);
                while self.unsent.len() > 1
                    && (self.unsent.len() > self.policy.count
                        || self.unsent_bytes > self.policy.bytes)
                    && let Some(oldest) = self.unsent.pop_front()
                {
                    self.unsent_bytes -= oldest.message().map_or(0, Message::len);
                    self.discarded += 1;
                }
            }
        }
    }

    fn settle_waiters(&mut self, news: &mut News) {
        self.call_first(news);
        self.call_flushers(news);
    }
}

/// What goes with a message.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) slot: Option<Arc<Slot>>,
    pub(crate) max_age: Option<Duration>,
}
