//! The place for the waker of one task: [`WakerSlot`].

use std::{cell::RefCell, rc::Rc, task::Waker};

/// The waker of the task that polled last. Clones share the place.
#[derive(Clone, Debug, Default)]
pub(crate) struct WakerSlot {
    waker: Rc<RefCell<Option<Waker>>>,
}

impl WakerSlot {
    pub(crate) fn register(&self, waker: &Waker) {
        let mut slot = self.waker.borrow_mut();
        match &mut *slot {
            Some(registered) => registered.clone_from(waker),
            None => *slot = Some(waker.clone()),
        }
    }

    pub(crate) fn wake(&self) {
        // The borrow has ended when the waker runs, since it may poll at once.
        let waker = self.waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
