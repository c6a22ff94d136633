//! What is to be done once the lock is released: [`News`].

use std::task::Waker;

use crate::Fate;

/// Wakes, and values of the application that are to be dropped: either may run code of its own,
/// which may come back for the lock.
#[derive(Default)]
pub(crate) struct News {
    items: Vec<Item>,
}

enum Item {
    Wake(Waker),
    /// A waker that is not needed any more.
    Old(Waker),
    /// A fate that nobody will fetch.
    Fate(Fate),
}

impl News {
    pub(super) fn wake(&mut self, waker: Waker) {
        // One task often waits for several things that happen together.
        let known = matches!(self.items.last(), Some(Item::Wake(last)) if last.will_wake(&waker));
        self.items.push(if known { Item::Old(waker) } else { Item::Wake(waker) });
    }

    pub(super) fn drop_waker(&mut self, waker: Waker) {
        self.items.push(Item::Old(waker));
    }

    pub(super) fn drop_fate(&mut self, fate: Fate) {
        self.items.push(Item::Fate(fate));
    }

    #[inline]
    pub(crate) fn spread(self) {
        if !self.items.is_empty() {
            self.spread_items();
        }
    }

    #[cold]
    fn spread_items(self) {
        for item in self.items {
            match item {
                Item::Wake(waker) => waker.wake(),
                Item::Old(waker) => drop(waker),
                Item::Fate(fate) => drop(fate),
            }
        }
    }
}
