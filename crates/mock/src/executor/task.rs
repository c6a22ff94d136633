//! [`Task`]: a task of a runner. [`Spawner`]: adds tasks.

use std::{
    cell::RefCell,
    fmt,
    panic::Location,
    pin::Pin,
    rc::{Rc, Weak},
    sync::Arc,
    task::{Context, Poll, Waker},
};

use super::ready_queue::TaskWaker;

/// Adds tasks to a [`Runner`](crate::Runner) from anywhere in its thread. Clones add to the same
/// runner.
///
/// After the runner is dropped, a spawned future is dropped at once.
#[derive(Clone, Default)]
pub struct Spawner {
    /// Weak, since tasks hold spawners.
    pub(crate) new: Weak<RefCell<Vec<NewTask>>>,
}

impl Spawner {
    /// Adds a task; see [`Runner::spawn`](crate::Runner::spawn).
    #[track_caller]
    pub fn spawn<F: Future + 'static>(&self, future: F) -> Task<F::Output> {
        let place = Rc::new(RefCell::new(Place::Running(None)));
        let counts = Rc::default();
        let work: Work = {
            let place = place.clone();
            let work = async move {
                let output = future.await;
                let before = place.replace(Place::Done(output));
                if let Place::Running(Some(waker)) = before {
                    waker.wake();
                }
            };
            Rc::new(RefCell::new(Some(Box::pin(work))))
        };
        let new = NewTask { spawned_at: Location::caller(), work, counts: Rc::clone(&counts) };
        let work = Rc::downgrade(&new.work);
        if let Some(tasks) = self.new.upgrade() {
            tasks.borrow_mut().push(new);
        }
        Task { place, work, counts }
    }
}

impl fmt::Debug for Spawner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spawner").finish_non_exhaustive()
    }
}

/// A task of a [`Runner`](crate::Runner), and a future of its output.
///
/// Dropping this handle does not stop the task; [`cancel`](Self::cancel) does.
#[must_use = "a task runs on without its handle; call `detach` to say so"]
pub struct Task<T> {
    place: Rc<RefCell<Place<T>>>,
    /// Weak, since tasks hold handles of tasks.
    work: WeakWork,
    counts: Rc<RefCell<Option<Arc<TaskWaker>>>>,
}

impl<T> Task<T> {
    /// Lets the task run without its handle.
    pub fn detach(self) {}

    /// Whether the task is done, also if its output was taken.
    pub fn is_done(&self) -> bool {
        !matches!(*self.place.borrow(), Place::Running(_))
    }

    /// Takes the output, if the task is done and the output was not taken before.
    pub fn take_output(&mut self) -> Option<T> {
        match self.place.replace(Place::Taken) {
            Place::Done(output) => Some(output),
            before => {
                self.place.replace(before);
                None
            }
        }
    }

    /// Drops the task's future at once, with everything that it owns. There will be no output.
    ///
    /// # Panics
    ///
    /// If the task cancels itself.
    pub fn cancel(self) {
        let work = self.work.upgrade().and_then(|work| work.borrow_mut().take());
        drop(work);
    }

    /// The number of polls of this task.
    pub fn polls(&self) -> u64 {
        self.counts.borrow().as_ref().map_or(0, |waker| waker.polls())
    }

    /// The number of wakes of this task, including wakes while it already waits for its poll.
    /// Spawning does not count.
    pub fn wakes(&self) -> u64 {
        self.counts.borrow().as_ref().map_or(0, |waker| waker.wakes())
    }
}

impl<T> Future for Task<T> {
    type Output = T;

    /// # Panics
    ///
    /// If the output was taken before.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let mut place = self.place.borrow_mut();
        match std::mem::replace(&mut *place, Place::Taken) {
            Place::Done(output) => Poll::Ready(output),
            Place::Running(_) => {
                *place = Place::Running(Some(cx.waker().clone()));
                Poll::Pending
            }
            Place::Taken => panic!("the task's output was taken before"),
        }
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("is_done", &self.is_done())
            .field("polls", &self.polls())
            .field("wakes", &self.wakes())
            .finish_non_exhaustive()
    }
}

/// A task's output, or the waker of the task that waits for it.
enum Place<T> {
    Running(Option<Waker>),
    Done(T),
    Taken,
}

/// The future of a task. The runner polls it, and the task's handle can drop it.
pub(crate) type Work = Rc<WorkCell>;
type WeakWork = Weak<WorkCell>;
type WorkCell = RefCell<Option<Pin<Box<dyn Future<Output = ()>>>>>;

pub(crate) struct NewTask {
    pub(crate) spawned_at: &'static Location<'static>,
    pub(crate) work: Work,
    pub(crate) counts: Rc<RefCell<Option<Arc<TaskWaker>>>>,
}

/// A task in the runner.
#[derive(Clone)]
pub(crate) struct Slot {
    pub(crate) waker: Arc<TaskWaker>,
    pub(crate) work: Work,
}

impl Slot {
    /// Whether the task is neither done nor cancelled.
    pub(crate) fn is_unfinished(&self) -> bool {
        self.work.borrow().is_some()
    }

    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut work = self.work.borrow_mut();
        let Some(future) = work.as_mut() else { return Poll::Ready(()) };
        let poll = future.as_mut().poll(cx);
        if poll.is_ready() {
            *work = None;
        }
        poll
    }
}
