//! The fates of messages with a receipt: [`Fates`].

use std::{
    collections::BTreeMap,
    sync::atomic::Ordering,
    task::{Poll, Waker},
};

use crate::{
    event::Fate,
    sync::{AtomicBool, AtomicU64, Deferred, Guarded, Polled, poll_registering},
};

/// The fates of consecutive messages with a receipt: those that are accepted until the end of the
/// first connection that writes some of them.
///
/// Normally all of them are written on that connection. Then one store of a number resolves a whole
/// batch, and receipts read it without a lock. Only other fates are stored one by one.
pub(crate) struct Fates {
    /// All messages with a smaller number have their fate.
    settled: AtomicU64,
    /// The connection that wrote them. 0 while none did.
    connection: AtomicU64,
    /// Some messages got another fate. Set before they count as settled, and never cleared.
    has_exceptions: AtomicBool,
    lists: Guarded<Lists>,
}

#[derive(Default)]
struct Lists {
    /// The wakers of receipts, by the number of the message. `None`: the receipt was dropped.
    wakers: BTreeMap<u64, Option<Waker>>,
    /// Fates other than `Written` that their receipts have not read yet.
    exceptions: BTreeMap<u64, Fate>,
}

/// Methods for the outbox, which calls them under its lock.
impl Fates {
    /// The fates of messages from this number on.
    pub(super) fn new(start: u64) -> Self {
        Self {
            settled: AtomicU64::new(start),
            connection: AtomicU64::new(0),
            has_exceptions: AtomicBool::new(false),
            lists: Guarded::default(),
        }
    }

    /// Returns whether a connection wrote some of the messages.
    pub(super) fn has_connection(&self) -> bool {
        self.connection.load(Ordering::Relaxed) != 0
    }

    /// All messages with a smaller number were written on that connection, except those with another
    /// fate.
    pub(super) fn written(&self, number: u64, connection: u64, deferred: &mut Deferred<'_>) {
        self.connection.store(connection, Ordering::Relaxed);
        // Stored before the wakers are read: a receipt reads it again when it registers its waker.
        self.settled.store(number, Ordering::Release);
        self.lists.inside(deferred, |lists, deferred| {
            while let Some(first) = lists.wakers.first_entry()
                && *first.key() < number
            {
                if let Some(waker) = first.remove() {
                    deferred.wake(waker);
                }
            }
        });
    }

    /// Sets the fate of one message that was not written on that connection.
    pub(super) fn set_exception(&self, number: u64, fate: Fate, deferred: &mut Deferred<'_>) {
        self.lists.inside(deferred, |lists, deferred| {
            match lists.wakers.remove(&number) {
                Some(None) => return deferred.drop_later(fate),
                Some(Some(waker)) => deferred.wake(waker),
                None => {}
            }
            self.has_exceptions.store(true, Ordering::Relaxed);
            let old = lists.exceptions.insert(number, fate);
            debug_assert!(old.is_none(), "a message has one fate");
        });
    }
}

#[cfg(test)]
impl Fates {
    /// Returns whether nothing is stored for any receipt.
    pub(super) fn is_clean(&self) -> bool {
        self.lists.with(|lists, _| lists.wakers.is_empty() && lists.exceptions.is_empty())
    }
}

/// Methods for receipts.
impl Fates {
    /// Returns the fate of that message, once. Before it is known, registers the waker.
    #[inline]
    pub(crate) fn poll(&self, number: u64, waker: &Waker) -> Poll<Fate> {
        match self.written_without_lock(number) {
            Some(fate) => Poll::Ready(fate),
            None => self.poll_lists(number, waker),
        }
    }

    /// Returns whether a connection took that message and has no more to do with it: its fate is
    /// `Written` or `Unknown`.
    pub(crate) fn was_taken(&self, number: u64, deferred: &mut Deferred<'_>) -> bool {
        self.written_without_lock(number).is_some()
            || self.lists.inside(deferred, |lists, _| match lists.exceptions.get(&number) {
                Some(fate) => !matches!(fate, Fate::Dropped { .. }),
                None => self.settled.load(Ordering::Acquire) > number,
            })
    }

    /// The receipt of that message was dropped.
    #[inline]
    pub(crate) fn forget(&self, number: u64) {
        if self.written_without_lock(number).is_none() {
            self.forget_in_lists(number);
        }
    }

    /// Returns the fate of that message, if it is known without the lists.
    fn written_without_lock(&self, number: u64) -> Option<Fate> {
        let settled = self.settled.load(Ordering::Acquire) > number;
        (settled && !self.has_exceptions.load(Ordering::Relaxed)).then(|| self.written_fate())
    }

    fn written_fate(&self) -> Fate {
        Fate::Written { connection: self.connection.load(Ordering::Relaxed) }
    }

    fn poll_lists(&self, number: u64, waker: &Waker) -> Poll<Fate> {
        poll_registering(waker, |caller| {
            self.lists.with(|lists, deferred| {
                if let Some(fate) = lists.exceptions.remove(&number) {
                    return Polled::Ready(fate);
                }
                if self.settled.load(Ordering::Acquire) > number {
                    return Polled::Ready(self.written_fate());
                }
                let mut known = lists.wakers.remove(&number).flatten();
                let polled = caller.wait_in(&mut known, deferred);
                lists.wakers.extend(known.map(|waker| (number, Some(waker))));
                polled
            })
        })
    }

    fn forget_in_lists(&self, number: u64) {
        self.lists.with(|lists, deferred| {
            if let Some(fate) = lists.exceptions.remove(&number) {
                deferred.drop_later(fate);
            } else if self.settled.load(Ordering::Acquire) <= number {
                deferred.drop_waker(lists.wakers.insert(number, None).flatten());
            }
        });
    }
}
