//! The only lock of this crate: [`Guarded`], and the work that follows its release: [`Deferred`].

use std::{cell::Cell, fmt, sync::PoisonError, task::Waker, thread::panicking};

use super::primitives::{LOCKS, Lock};
use crate::panics::contain_all;

/// A value behind a lock. No code of the application runs under the lock: no waker is cloned, called
/// or dropped, no closure is called, no payload, id or error is dropped. Such code could take the
/// same lock again and would wait forever.
///
/// So the work under the lock puts wakers to call and values to drop into a [`Deferred`], which is
/// processed after the lock is released. Values that the work borrows or returns are also dropped
/// outside of the lock. A value that its closure captures by move is dropped under the lock, unless
/// the work moves it elsewhere.
///
/// A lock whose holder panicked stays usable: the value under it is consistent after each step.
pub(crate) struct Guarded<T> {
    lock: Lock<T>,
}

impl<T> Guarded<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { lock: Lock::new(value) }
    }

    /// Does the work under the lock, releases the lock, then calls the deferred wakers and drops
    /// the deferred values.
    #[inline]
    pub(crate) fn with<'g, R>(&self, work: impl FnOnce(&mut T, &mut Deferred<'g>) -> R) -> R {
        Held::assert_none();
        // Locals are dropped in reverse order, also in a panic: first the lock, then this.
        let mut deferred = Deferred::default();
        self.inside(&mut deferred, work)
    }

    /// Like [`with`](Self::with), for work under a second lock. The deferred work waits until the
    /// first lock is released, too.
    #[inline]
    pub(crate) fn inside<'g, R>(
        &self,
        deferred: &mut Deferred<'g>,
        work: impl FnOnce(&mut T, &mut Deferred<'g>) -> R,
    ) -> R {
        let mut value = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let _held = Held::enter();
        work(&mut value, deferred)
    }
}

impl<T: Default> Default for Guarded<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

/// Does not show the value, since its `Debug` would run under the lock.
impl<T> fmt::Debug for Guarded<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded").finish_non_exhaustive()
    }
}

/// Work to do after the release of a lock: wakers to call, and values to drop.
///
/// It is usually empty, and then costs one comparison of a pointer. All wakers are called before
/// any value is dropped. A panic of one does not affect the others and is caught here: the task
/// that releases the lock did not cause it.
#[derive(Default)]
pub(crate) struct Deferred<'g> {
    items: Option<Box<Items<'g>>>,
}

#[derive(Default)]
struct Items<'g> {
    wakes: Vec<Waker>,
    drops: Vec<Box<dyn Anything + 'g>>,
}

/// Any type, so that a value of any type can be boxed and dropped.
trait Anything {}

impl<T> Anything for T {}

impl<'g> Deferred<'g> {
    /// Defers the call of a waker.
    pub(crate) fn wake(&mut self, waker: Waker) {
        let wakes = &mut self.items.get_or_insert_default().wakes;
        // A task often waits for several things that happen together. It is woken once.
        if wakes.last().is_some_and(|last| last.will_wake(&waker)) {
            self.drop_later(waker);
        } else {
            wakes.push(waker);
        }
    }

    /// Defers the drop of a waker, if there is one.
    pub(crate) fn drop_waker(&mut self, waker: Option<Waker>) {
        if let Some(waker) = waker {
            self.drop_later(waker);
        }
    }

    /// Defers the drop of a value.
    pub(crate) fn drop_later(&mut self, value: impl Sized + 'g) {
        self.items.get_or_insert_default().drops.push(Box::new(value));
    }
}

impl Drop for Deferred<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(items) = self.items.take() {
            items.release();
        }
    }
}

impl Items<'_> {
    #[cold]
    fn release(self) {
        Held::assert_none();
        self.wakes.into_iter().for_each(|waker| contain_all(|| waker.wake()));
        discard(self.drops);
    }
}

/// Calls a waker. A panic of the waker is caught and ignored.
pub(crate) fn wake(waker: &Waker) {
    contain_all(|| waker.wake_by_ref());
}

/// Drops the values one by one. A panic of one drop is caught and ignored, and the other values are
/// dropped.
pub(crate) fn discard<T>(values: impl IntoIterator<Item = T>) {
    let mut values = values.into_iter();
    let mut left = true;
    while left {
        // After a panic the iterator continues with the next value.
        contain_all(|| {
            values.by_ref().for_each(drop);
            left = false;
        });
    }
}

/// Marks that this thread holds a lock, in builds with debug assertions. There, deferred work under a
/// lock, and a lock under another lock, panic. Without the check the thread would wait for itself.
struct Held;

impl Held {
    fn enter() -> Self {
        if cfg!(debug_assertions) {
            LOCKS.with(|locks| locks.set(locks.get() + 1));
        }
        Self
    }

    fn assert_none() {
        if cfg!(debug_assertions) && !panicking() {
            let held = LOCKS.with(Cell::get);
            assert_eq!(held, 0, "no code of the application runs under a lock");
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if cfg!(debug_assertions) {
            LOCKS.with(|locks| locks.set(locks.get() - 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        panic::{AssertUnwindSafe, catch_unwind},
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
        task::Wake,
    };

    use super::*;

    /// Takes the lock again when it is called or dropped, and then panics if `panics`.
    struct Relock {
        lock: Arc<Guarded<u32>>,
        calls: Arc<AtomicUsize>,
        panics: bool,
    }

    impl Relock {
        fn lock_again(&self) {
            self.lock.with(|value, _| *value += 1);
            self.calls.fetch_add(1, Ordering::Relaxed);
            assert!(!self.panics, "a panic of the application");
        }
    }

    impl Wake for Relock {
        fn wake(self: Arc<Self>) {
            self.lock_again();
        }
    }

    struct Dropped(Arc<Relock>);

    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.lock_again();
        }
    }

    #[test]
    fn deferred_work_runs_after_the_lock_whatever_panics() {
        let lock = Arc::new(Guarded::new(0));
        let calls = Arc::new(AtomicUsize::new(0));
        let relock = |panics| {
            let (lock, calls) = (Arc::clone(&lock), Arc::clone(&calls));
            Arc::new(Relock { lock, calls, panics })
        };
        lock.with(|value, deferred| {
            for panics in [true, false, true] {
                deferred.drop_later(Dropped(relock(panics)));
                deferred.wake(Waker::from(relock(panics)));
            }
            assert_eq!((*value, calls.load(Ordering::Relaxed)), (0, 0));
        });
        assert_eq!(calls.load(Ordering::Relaxed), 6);
        lock.with(|value, _| assert_eq!(*value, 6));
    }

    #[test]
    fn deferred_work_runs_after_a_panic_under_the_lock() {
        let lock = Arc::new(Guarded::new(0));
        let calls = Arc::new(AtomicUsize::new(0));
        let relock =
            Arc::new(Relock { lock: Arc::clone(&lock), calls: Arc::clone(&calls), panics: false });
        let result = catch_unwind(AssertUnwindSafe(|| {
            lock.with(|_, deferred| {
                deferred.wake(Waker::from(relock));
                panic!("under the lock");
            });
        }));
        assert!(result.is_err());
        assert_eq!(calls.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_task_is_woken_once() {
        let lock = Arc::new(Guarded::new(0));
        let calls = Arc::new(AtomicUsize::new(0));
        let relock =
            Arc::new(Relock { lock: Arc::clone(&lock), calls: Arc::clone(&calls), panics: false });
        let waker = Waker::from(relock);
        lock.with(|_, deferred| {
            deferred.wake(waker.clone());
            deferred.wake(waker);
        });
        assert_eq!(calls.load(Ordering::Relaxed), 1);
    }

    #[test]
    #[cfg(debug_assertions)]
    fn a_second_lock_with_deferred_work_of_its_own_panics() {
        let (outer, inner) = (Guarded::new(()), Guarded::new(()));
        let result = catch_unwind(AssertUnwindSafe(|| {
            outer.with(|(), _| inner.with(|(), deferred| deferred.drop_later(1)));
        }));
        assert!(result.is_err());
        outer.with(|(), deferred| inner.inside(deferred, |(), deferred| deferred.drop_later(1)));
        let result = catch_unwind(AssertUnwindSafe(|| outer.with(|(), _| outer.with(|(), _| ()))));
        assert!(result.is_err(), "the thread would wait for itself");
    }
}
