//! What most sessions need rarely or never: [`Extra`].

use std::{collections::VecDeque, sync::Arc};

use super::{
    Fates, Outbox,
    sinks::Sinks,
    waiters::{Flusher, Wants},
};
use crate::{event::Fate, message::Message, sync::WaitLine};

/// Those who wait, what sinks were promised, fates to be told, replays.
#[derive(Default)]
pub(super) struct Extra {
    /// Those who wait at the gate.
    pub(super) line: WaitLine<Wants>,
    pub(super) flushers: Vec<Flusher>,
    pub(super) sinks: Sinks,
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

/// A message that is sent after every Open.
#[derive(Clone)]
pub(super) struct Replay {
    pub(super) key: Box<str>,
    pub(super) id: u64,
    pub(super) message: Message,
}

impl Extra {
    fn is_empty(&self) -> bool {
        let Self {
            line,
            flushers,
            sinks,
            unsent,
            unsent_bytes,
            discarded,
            unknown,
            earlier,
            replays,
        } = self;
        line.is_empty()
            && flushers.is_empty()
            && sinks.is_empty()
            && unsent.is_empty()
            && earlier.is_empty()
            && replays.is_empty()
            && (*unsent_bytes, *discarded, *unknown) == (0, 0, 0)
    }
}

impl Outbox {
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
        self.list.shrink();
        if self.is_settled()
            && self.fates.as_mut().is_some_and(|fates| Arc::get_mut(fates).is_some())
        {
            self.fates = None;
        }
        if self.extra.as_ref().is_some_and(|extra| extra.is_empty()) {
            self.extra = None;
        }
    }
}
