//! [`Task`]s of a runner, and the [`Spawner`] that adds them.

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

/// Adds tasks to a [`Runner`](crate::Runner) from anywhere in its thread; clones add to the same one.
///
/// Once the runner is gone, what is spawned is dropped at once.
#[derive(Clone, Default)]
pub struct Spawner {
    /// Not kept alive, since tasks hold spawners.
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

/// A task of a [`Runner`](crate::Runner). It is a future, too: of the task's output.
///
/// Dropping it changes nothing; [`cancel`](Self::cancel) drops the task.
#[must_use = "a task says how it went"]
pub struct Task<T> {
    place: Rc<RefCell<Place<T>>>,
    /// The runner's, since tasks hold tasks.
    work: WeakWork,
    counts: Rc<RefCell<Option<Arc<TaskWaker>>>>,
}

impl<T> Task<T> {
    /// Lets the task run without anybody looking.
    pub fn detach(self) {}

    /// Whether it is done, its output taken or not.
    pub fn is_done(&self) -> bool {
        !matches!(*self.place.borrow(), Place::Running(_))
    }

    /// The output, once.
    pub fn take_output(&mut self) -> Option<T> {
        match self.place.replace(Place::Taken) {
            Place::Done(output) => Some(output),
            before => {
                self.place.replace(before);
                None
            }
        }
    }

    /// Drops the task's future at once, with all that it owns. There will be no output.
    ///
    /// # Panics
    ///
    /// If the task does this to itself.
    pub fn cancel(self) {
        let work = self.work.upgrade().and_then(|work| work.borrow_mut().take());
        drop(work);
    }

    /// How often the task was polled.
    pub fn polls(&self) -> u64 {
        self.counts.borrow().as_ref().map_or(0, |waker| waker.polls())
    }

    /// How often the task was woken, also while waiting for a poll already. Being spawned is not
    /// being woken.
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

/// A task's output, or who waits for it.
enum Place<T> {
    Running(Option<Waker>),
    Done(T),
    Taken,
}

/// The runner's, which polls it. The task's handle can drop it.
pub(crate) type Work = Rc<WorkCell>;
type WeakWork = Weak<WorkCell>;
type WorkCell = RefCell<Option<Pin<Box<dyn Future<Output = ()>>>>>;

pub(crate) struct NewTask {
    pub(crate) spawned_at: &'static Location<'static>,
    pub(crate) work: Work,
    pub(crate) counts: Rc<RefCell<Option<Arc<TaskWaker>>>>,
}

/// A task as the runner keeps it.
#[derive(Clone)]
pub(crate) struct Slot {
    pub(crate) waker: Arc<TaskWaker>,
    pub(crate) work: Work,
}

impl Slot {
    /// Neither done nor cancelled.
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
