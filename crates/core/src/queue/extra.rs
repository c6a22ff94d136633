//! What most sessions need rarely or never: [`Extra`].

use std::{collections::VecDeque, sync::Arc, task::Waker};

use super::{Fates, Queue};
use crate::{Fate, Message};

/// Those who wait, fates to be told, replays.
#[derive(Default)]
pub(super) struct Extra {
    /// In the order of their places.
    pub(super) waiters: VecDeque<Waiter>,
    pub(super) flushers: Vec<Flusher>,
    /// Fates without a receipt, to be told with the next loss.
    pub(super) unsent: VecDeque<Fate>,
    /// Bytes of the messages in them.
    pub(super) unsent_bytes: usize,
    /// Fates let go, because nobody fetched them.
    pub(super) discarded: u64,
    /// How many became unknown since that was told.
    pub(super) unknown: u64,
    /// Fates from before the last loss that are still to be told, each with the number of the
    /// message after its last, in order.
    pub(super) earlier: Vec<(u64, Arc<Fates>)>,
    /// What is sent after every Open, in this order.
    pub(super) replays: Vec<Replay>,
}

/// One who waits at the gate.
pub(super) struct Waiter {
    pub(super) place: u64,
    pub(super) waker: Waker,
    /// It leaves the line when it is served or gone. A `Sink` may do neither: its owner can stop
    /// waiting without a word.
    pub(super) sure: bool,
}

/// One who waits for a flush.
pub(super) struct Flusher {
    pub(super) place: u64,
    /// Of the message after those that it waits for.
    pub(super) number: u64,
    pub(super) waker: Waker,
}

/// A message that is sent after every Open.
#[derive(Clone)]
pub(super) struct Replay {
    pub(super) key: Box<str>,
    pub(super) id: u64,
    pub(super) message: Message,
}

impl Extra {
    fn is_empty(&self) -> bool {
        let Self { waiters, flushers, unsent, unsent_bytes, discarded, unknown, earlier, replays } =
            self;
        waiters.is_empty()
            && flushers.is_empty()
            && unsent.is_empty()
            && earlier.is_empty()
            && replays.is_empty()
            && (*unsent_bytes, *discarded, *unknown) == (0, 0, 0)
    }
}

impl Queue {
    pub(super) fn extra(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }

    /// The driver rests. When it does so several times and nothing was accepted in between, the
    /// room that messages had goes back: thousands of idle sessions need not keep it, and a busy
    /// one does not allocate for each batch.
    pub(crate) fn rest(&mut self) {
        const RESTS: u8 = 4;
        if self.rests < RESTS {
            self.rests += 1;
            return;
        }
        if self.entries.is_empty() {
            self.entries = VecDeque::new();
        }
        if self.entries.is_empty()
            && self.fates.as_mut().is_some_and(|fates| Arc::get_mut(fates).is_some())
        {
            self.fates = None;
        }
        if self.extra.as_ref().is_some_and(|extra| extra.is_empty()) {
            self.extra = None;
        }
    }
}
