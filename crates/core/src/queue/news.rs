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
    wakes: Vec<Waker>,
    /// Wakers that are not needed any more.
    old: Vec<Waker>,
    /// Fates that nobody will fetch.
    fates: Vec<Fate>,
}

impl News {
    fn items(&mut self) -> &mut Items {
        self.items.get_or_insert_default()
    }

    pub(super) fn wake(&mut self, waker: Waker) {
        let items = self.items();
        // One task often waits for several things that happen together.
        let known = items.wakes.last().is_some_and(|last| last.will_wake(&waker));
        if known { items.old.push(waker) } else { items.wakes.push(waker) }
    }

    pub(super) fn drop_waker(&mut self, waker: Waker) {
        self.items().old.push(waker);
    }

    pub(super) fn drop_fate(&mut self, fate: Fate) {
        self.items().fates.push(fate);
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
    fn spread(self) {
        let Self { wakes, old, fates } = self;
        wakes.into_iter().for_each(Waker::wake);
        drop((old, fates));
    }
}
