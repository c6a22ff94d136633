//! What is to be done once the lock is released: [`News`].

use std::task::Waker;

use crate::Fate;

/// Wakes, and values of the application that are to be dropped: either may run code of its own,
/// which may come back for the lock.
///
/// Mostly it is empty, and then it costs one look at a pointer.
#[derive(Default)]
pub(crate) struct News {
    items: Option<Box<Items>>,
}

#[derive(Default)]
struct Items {
    list: Vec<Item>,
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
        let list = &mut self.items.get_or_insert_default().list;
        // One task often waits for several things that happen together.
        let known = matches!(list.last(), Some(Item::Wake(last)) if last.will_wake(&waker));
        list.push(if known { Item::Old(waker) } else { Item::Wake(waker) });
    }

    pub(super) fn drop_waker(&mut self, waker: Waker) {
        self.items.get_or_insert_default().list.push(Item::Old(waker));
    }

    pub(super) fn drop_fate(&mut self, fate: Fate) {
        self.items.get_or_insert_default().list.push(Item::Fate(fate));
    }

    #[inline]
    pub(crate) fn spread(self) {
        if let Some(items) = self.items {
            items.spread();
        }
    }
}

impl Items {
    #[cold]
    fn spread(self: Box<Self>) {
        for item in self.list {
            match item {
                Item::Wake(waker) => waker.wake(),
                Item::Old(waker) => drop(waker),
                Item::Fate(fate) => drop(fate),
            }
        }
    }
}
