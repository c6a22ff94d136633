//! Where receipts learn the fates of their messages: [`Fates`].

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Poll, Waker},
};

use super::News;
use crate::Fate;

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
    lists: Mutex<Lists>,
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
            lists: Mutex::default(),
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
    pub(super) fn written(&self, number: u64, connection: u64, news: &mut News) {
        self.connection.store(connection, Ordering::Relaxed);
        // Before looking who waits: whoever comes to wait looks again.
        self.settled.store(number, Ordering::Release);
        let mut lists = self.lists();
        while let Some(first) = lists.awaited.first_entry()
            && *first.key() < number
        {
            if let Some(waker) = first.remove() {
                news.wake(waker);
            }
        }
    }

    /// Tells the fate of one message.
    pub(super) fn tell(&self, number: u64, fate: Fate, news: &mut News) {
        let mut lists = self.lists();
        match lists.awaited.remove(&number) {
            Some(None) => return news.drop_fate(fate),
            Some(Some(waker)) => news.wake(waker),
            None => {}
        }
        self.exceptions.store(true, Ordering::Relaxed);
        let told = lists.told.insert(number, fate);
        debug_assert!(told.is_none(), "a message has one fate");
    }
}

#[cfg(test)]
impl Fates {
    /// Whether nothing is kept for any receipt.
    pub(super) fn is_clean(&self) -> bool {
        let lists = self.lists();
        lists.awaited.is_empty() && lists.told.is_empty()
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
        let mut lists = self.lists();
        if let Some(fate) = lists.told.remove(&number) {
            return Poll::Ready(fate);
        }
        if self.settled.load(Ordering::Acquire) > number {
            return Poll::Ready(self.rule());
        }
        let known = lists.awaited.entry(number).or_default();
        if !known.as_ref().is_some_and(|known| known.will_wake(waker)) {
            let old = known.replace(waker.clone());
            drop(lists);
            // Out of the lock: this may end a task, and whatever it owns.
            drop(old);
        }
        Poll::Pending
    }

    fn leave_lists(&self, number: u64) {
        let mut lists = self.lists();
        let fate = lists.told.remove(&number);
        let settled = fate.is_some() || self.settled.load(Ordering::Acquire) > number;
        let waker = if settled { None } else { lists.awaited.insert(number, None) };
        drop(lists);
        // Out of the lock, too.
        drop((fate, waker));
    }

    fn lists(&self) -> MutexGuard<'_, Lists> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
