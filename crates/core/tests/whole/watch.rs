//! [`Watchers`]: futures whose wakes are checked. A future without a wake must still be pending.

use std::{
    cell::RefCell,
    pin::Pin,
    rc::{Rc, Weak},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

/// All watched futures.
#[derive(Clone, Default)]
pub(crate) struct Watchers {
    all: Rc<RefCell<Vec<Weak<dyn Check>>>>,
}

impl Watchers {
    pub(crate) fn watch<T: 'static>(
        &self,
        what: &'static str,
        future: impl Future<Output = T> + 'static,
    ) -> Watched<T> {
        let call = Arc::new(Call { called: AtomicBool::new(true), task: Mutex::default() });
        let place = Place { what, future: Some(Box::pin(future)), call };
        let place = Rc::new(RefCell::new(place));
        let weak: Weak<dyn Check> = Rc::downgrade(&(Rc::clone(&place) as Rc<dyn Check>));
        self.all.borrow_mut().push(weak);
        Watched { place }
    }

    /// Polls all futures without a wake since their last poll. They must be pending.
    pub(crate) fn check(&self) {
        let all: Vec<_> = {
            let mut all = self.all.borrow_mut();
            all.retain(|weak| weak.strong_count() > 0);
            all.iter().filter_map(Weak::upgrade).collect()
        };
        all.iter().for_each(|place| place.check());
    }
}

pub(crate) struct Watched<T> {
    place: Rc<RefCell<Place<T>>>,
}

struct Place<T> {
    what: &'static str,
    /// `None` after it is done or dropped.
    future: Option<Pin<Box<dyn Future<Output = T>>>>,
    call: Arc<Call>,
}

struct Call {
    called: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl Wake for Call {
    fn wake(self: Arc<Self>) {
        self.called.store(true, Ordering::SeqCst);
        let task = self.task.lock().unwrap().take();
        if let Some(task) = task {
            task.wake();
        }
    }
}

impl<T> Place<T> {
    fn poll(&mut self) -> Poll<T> {
        let future = self.future.as_mut().expect("polled after it was ready");
        let waker = Waker::from(Arc::clone(&self.call));
        let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
        if polled.is_ready() {
            self.future = None;
        }
        polled
    }
}

trait Check {
    fn check(&self);
}

impl<T> Check for RefCell<Place<T>> {
    fn check(&self) {
        let mut place = self.borrow_mut();
        if place.future.is_some() && !place.call.called.load(Ordering::SeqCst) {
            let ready = place.poll().is_ready();
            assert!(!ready, "{} was possible, and its task was not woken", place.what);
        }
    }
}

impl<T> Future for Watched<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let mut place = self.place.borrow_mut();
        *place.call.task.lock().unwrap() = Some(cx.waker().clone());
        place.call.called.store(false, Ordering::SeqCst);
        place.poll()
    }
}

impl<T> Drop for Watched<T> {
    fn drop(&mut self) {
        // Dropped after the cell is released, since its values may be code of the application.
        let future = self.place.borrow_mut().future.take();
        drop(future);
    }
}
