//! The place for the waker of one task: [`WakerSlot`].

use std::{cell::RefCell, rc::Rc, task::Waker};

/// The waker of the task that polled last. Clones share the place.
#[derive(Clone, Debug, Default)]
pub(crate) struct WakerSlot {
    waker: Rc<RefCell<Option<Waker>>>,
}

impl WakerSlot {
    pub(crate) fn register(&self, waker: &Waker) {
        self.waker.replace(Some(waker.clone()));
    }

    pub(crate) fn wake(&self) {
        // The borrow has ended when the waker runs, since it may poll at once.
        let waker = self.waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
