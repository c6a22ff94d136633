//! Where receipts learn the fates of their messages: [`Fates`].

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    task::{Poll, Waker},
};

use crate::{
    event::Fate,
    sync::{Garbage, Guarded},
};

/// The fates of messages with a receipt that were accepted in a row, until after the end of the
/// first connection that wrote some of them.
///
/// That they were written on that connection is the rule, and told for a whole batch by moving one
/// number, which receipts read without a lock. What is against the rule is kept one by one.
pub(crate) struct Fates {
    /// The number of the first message.
    start: u64,
    /// All with a smaller number have their fate.
    settled: AtomicU64,
    /// The connection that wrote them, 0 while none did.
    connection: AtomicU64,
    /// Some were not written on it. Set before they count as settled, and never taken back.
    exceptions: AtomicBool,
    lists: Guarded<Lists>,
}

#[derive(Default)]
struct Lists {
    /// Who is called when a message has its fate, by its number; `None` if the receipt is gone.
    awaited: BTreeMap<u64, Option<Waker>>,
    /// Fates against the rule that wait for their receipts.
    told: BTreeMap<u64, Fate>,
}

/// The outbox's side, under its lock.
impl Fates {
    pub(super) fn new(start: u64) -> Self {
        Self {
            start,
            settled: AtomicU64::new(start),
            connection: AtomicU64::new(0),
            exceptions: AtomicBool::new(false),
            lists: Guarded::default(),
        }
    }

    pub(super) fn start(&self) -> u64 {
        self.start
    }

    /// Whether a connection wrote some.
    pub(super) fn has_connection(&self) -> bool {
        self.connection.load(Ordering::Relaxed) != 0
    }

    /// All messages with a smaller number were written on that connection, but for those that were
    /// told another fate.
    pub(super) fn written(&self, number: u64, connection: u64, garbage: &mut Garbage<'_>) {
        self.connection.store(connection, Ordering::Relaxed);
        // Before looking who waits: whoever comes to wait looks again.
        self.settled.store(number, Ordering::Release);
        self.lists.inside(garbage, |lists, garbage| {
            while let Some(first) = lists.awaited.first_entry()
                && *first.key() < number
            {
                if let Some(waker) = first.remove() {
                    garbage.wake(waker);
                }
            }
        });
    }

    /// Tells the fate of one message.
    pub(super) fn tell(&self, number: u64, fate: Fate, garbage: &mut Garbage<'_>) {
        self.lists.inside(garbage, |lists, garbage| {
            match lists.awaited.remove(&number) {
                Some(None) => return garbage.drop_later(fate),
                Some(Some(waker)) => garbage.wake(waker),
                None => {}
            }
            self.exceptions.store(true, Ordering::Relaxed);
            let told = lists.told.insert(number, fate);
            debug_assert!(told.is_none(), "a message has one fate");
        });
    }
}

#[cfg(test)]
impl Fates {
    /// Whether nothing is kept for any receipt.
    pub(super) fn is_clean(&self) -> bool {
        self.lists.with(|lists, _| lists.awaited.is_empty() && lists.told.is_empty())
    }
}

/// The receipts' side.
impl Fates {
    /// The fate of that message, once; until then the last waker is called when it comes.
    #[inline]
    pub(crate) fn poll(&self, number: u64, waker: &Waker) -> Poll<Fate> {
        match self.by_rule(number) {
            Some(fate) => Poll::Ready(fate),
            None => self.poll_lists(number, waker),
        }
    }

    /// The receipt of that message is gone.
    #[inline]
    pub(crate) fn leave(&self, number: u64) {
        if self.by_rule(number).is_none() {
            self.leave_lists(number);
        }
    }

    /// The fate of that message, if it needs no look at the lists.
    fn by_rule(&self, number: u64) -> Option<Fate> {
        let settled = self.settled.load(Ordering::Acquire) > number;
        (settled && !self.exceptions.load(Ordering::Relaxed)).then(|| self.rule())
    }

    fn rule(&self) -> Fate {
        Fate::Written { connection: self.connection.load(Ordering::Relaxed) }
    }

    fn poll_lists(&self, number: u64, waker: &Waker) -> Poll<Fate> {
        let mut own = None;
        loop {
            let look = self.lists.with(|lists, garbage| {
                if let Some(fate) = lists.told.remove(&number) {
                    return Some(Poll::Ready(fate));
                }
                if self.settled.load(Ordering::Acquire) > number {
                    return Some(Poll::Ready(self.rule()));
                }
                let known = lists.awaited.get(&number).and_then(Option::as_ref);
                if !known.is_some_and(|known| known.will_wake(waker)) {
                    let old = lists.awaited.insert(number, Some(own.take()?));
                    garbage.drop_waker(old.flatten());
                }
                Some(Poll::Pending)
            });
            match look {
                Some(result) => return result,
                // Cloned outside of the lock, and only by one who must wait.
                None => own = Some(waker.clone()),
            }
        }
    }

    fn leave_lists(&self, number: u64) {
        self.lists.with(|lists, garbage| {
            if let Some(fate) = lists.told.remove(&number) {
                garbage.drop_later(fate);
            } else if self.settled.load(Ordering::Acquire) <= number {
                garbage.drop_waker(lists.awaited.insert(number, None).flatten());
            }
        });
    }
}
