//! The one way to a lock: [`Guarded`], and what is done once it is released: [`Garbage`].

use std::{fmt, sync::PoisonError, task::Waker};

use crate::panics::contain_all;

#[expect(clippy::disallowed_types, reason = "this is the place where locks are made")]
type Lock<T> = std::sync::Mutex<T>;

/// A value behind a lock. Nothing of the application runs under it, and nothing of the application
/// is dropped under it: no waker is cloned, called or dropped, no closure is called, no payload, id
/// or error is dropped. Any of these may come back for the same lock, and would wait for ever.
///
/// So the work under the lock puts what it must wake or drop into a [`Garbage`], which is emptied
/// after the lock is released. What the work borrows or returns is the caller's, and so is dropped
/// outside as well; what its closure captures by value is not, unless it is moved on.
///
/// A lock whose holder panicked is used on: everything under it is whole after each step.
pub(crate) struct Guarded<T> {
    lock: Lock<T>,
}

impl<T> Guarded<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self { lock: Lock::new(value) }
    }

    /// Works on the value under the lock, then releases the lock, then empties the garbage.
    #[inline]
    pub(crate) fn with<'g, R>(&self, work: impl FnOnce(&mut T, &mut Garbage<'g>) -> R) -> R {
        Held::assert_none();
        // Dropped in the opposite order, in a panic as well: first the lock, then the garbage.
        let mut garbage = Garbage::default();
        self.inside(&mut garbage, work)
    }

    /// As [`with`](Self::with), for work that is done under another lock already: the garbage is
    /// that one's.
    #[inline]
    pub(crate) fn inside<'g, R>(
        &self,
        garbage: &mut Garbage<'g>,
        work: impl FnOnce(&mut T, &mut Garbage<'g>) -> R,
    ) -> R {
        let mut value = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let _held = Held::enter();
        work(&mut value, garbage)
    }
}

impl<T: Default> Default for Guarded<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

/// Says nothing of the value: its own `Debug` would run under the lock.
impl<T> fmt::Debug for Guarded<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded").finish_non_exhaustive()
    }
}

/// What is to be done once the lock is released: wakers to call, and values to drop.
///
/// Mostly it is empty, and then it costs one look at a pointer. All wakers are called before any
/// value is dropped. A panic of one harms none of the others; it ends here, since whoever released
/// the lock has nothing to do with it.
#[derive(Default)]
pub(crate) struct Garbage<'g> {
    items: Option<Box<Items<'g>>>,
}

#[derive(Default)]
struct Items<'g> {
    wakes: Vec<Waker>,
    drops: Vec<Box<dyn Anything + 'g>>,
}

/// What can be dropped.
trait Anything {}

impl<T> Anything for T {}

impl<'g> Garbage<'g> {
    /// Calls a waker later.
    pub(crate) fn wake(&mut self, waker: Waker) {
        let wakes = &mut self.items.get_or_insert_default().wakes;
        // One task often waits for several things that happen together.
        if wakes.last().is_some_and(|last| last.will_wake(&waker)) {
            self.drop_later(waker);
        } else {
            wakes.push(waker);
        }
    }

    /// Drops a waker later, if there is one.
    pub(crate) fn drop_waker(&mut self, waker: Option<Waker>) {
        if let Some(waker) = waker {
            self.drop_later(waker);
        }
    }

    /// Drops a value later.
    pub(crate) fn drop_later(&mut self, value: impl Sized + 'g) {
        self.items.get_or_insert_default().drops.push(Box::new(value));
    }
}

impl Drop for Garbage<'_> {
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

/// Calls a waker. A panic of it ends here.
pub(crate) fn wake(waker: &Waker) {
    contain_all(|| waker.wake_by_ref());
}

/// Drops all these values, one by one. A panic of one ends here and harms none of the others.
pub(crate) fn discard<T>(values: impl IntoIterator<Item = T>) {
    let mut values = values.into_iter();
    let mut left = true;
    while left {
        // After a panic the next value is that behind the one that panicked.
        contain_all(|| {
            values.by_ref().for_each(drop);
            left = false;
        });
    }
}

/// That this thread holds a lock: a bug of ours if something is dropped or called then, or comes
/// back for a lock. Looked at in tests and debug builds alone; elsewhere the thread would wait for
/// itself.
struct Held;

#[cfg(debug_assertions)]
mod held {
    use std::cell::Cell;

    thread_local! {
        pub(super) static LOCKS: Cell<u32> = const { Cell::new(0) };
    }
}

impl Held {
    fn enter() -> Self {
        #[cfg(debug_assertions)]
        held::LOCKS.set(held::LOCKS.get() + 1);
        Self
    }

    fn assert_none() {
        #[cfg(debug_assertions)]
        if !std::thread::panicking() {
            assert_eq!(held::LOCKS.get(), 0, "nothing of the application runs under a lock");
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        #[cfg(debug_assertions)]
        held::LOCKS.set(held::LOCKS.get() - 1);
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

    /// Comes back for the lock when it is called or dropped, then panics or not.
    struct Back {
        lock: Arc<Guarded<u32>>,
        calls: Arc<AtomicUsize>,
        panics: bool,
    }

    impl Back {
        fn come(&self) {
            self.lock.with(|value, _| *value += 1);
            self.calls.fetch_add(1, Ordering::Relaxed);
            assert!(!self.panics, "a panic of the application");
        }
    }

    impl Wake for Back {
        fn wake(self: Arc<Self>) {
            self.come();
        }
    }

    struct Dropped(Arc<Back>);

    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.come();
        }
    }

    #[test]
    fn wakes_come_before_drops_outside_of_the_lock_and_a_panic_harms_no_other() {
        let lock = Arc::new(Guarded::new(0));
        let calls = Arc::new(AtomicUsize::new(0));
        let back = |panics| {
            let (lock, calls) = (Arc::clone(&lock), Arc::clone(&calls));
            Arc::new(Back { lock, calls, panics })
        };
        lock.with(|value, garbage| {
            for panics in [true, false, true] {
                garbage.drop_later(Dropped(back(panics)));
                garbage.wake(Waker::from(back(panics)));
            }
            assert_eq!((*value, calls.load(Ordering::Relaxed)), (0, 0));
        });
        assert_eq!(calls.load(Ordering::Relaxed), 6);
        lock.with(|value, _| assert_eq!(*value, 6));
    }

    #[test]
    fn what_is_collected_before_a_panic_under_the_lock_is_done_all_the_same() {
        let lock = Arc::new(Guarded::new(0));
        let calls = Arc::new(AtomicUsize::new(0));
        let back =
            Arc::new(Back { lock: Arc::clone(&lock), calls: Arc::clone(&calls), panics: false });
        let result = catch_unwind(AssertUnwindSafe(|| {
            lock.with(|_, garbage| {
                garbage.wake(Waker::from(back));
                panic!("under the lock");
            });
        }));
        assert!(result.is_err());
        assert_eq!(calls.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn one_task_is_called_once() {
        let lock = Arc::new(Guarded::new(0));
        let calls = Arc::new(AtomicUsize::new(0));
        let back =
            Arc::new(Back { lock: Arc::clone(&lock), calls: Arc::clone(&calls), panics: false });
        let waker = Waker::from(back);
        lock.with(|_, garbage| {
            garbage.wake(waker.clone());
            garbage.wake(waker);
        });
        assert_eq!(calls.load(Ordering::Relaxed), 1);
    }

    #[test]
    #[cfg(debug_assertions)]
    fn a_lock_inside_of_another_that_keeps_garbage_of_its_own_is_found() {
        let (outer, inner) = (Guarded::new(()), Guarded::new(()));
        let result = catch_unwind(AssertUnwindSafe(|| {
            outer.with(|(), _| inner.with(|(), garbage| garbage.drop_later(1)));
        }));
        assert!(result.is_err());
        outer.with(|(), garbage| inner.inside(garbage, |(), garbage| garbage.drop_later(1)));
        let result = catch_unwind(AssertUnwindSafe(|| outer.with(|(), _| outer.with(|(), _| ()))));
        assert!(result.is_err(), "the thread would wait for itself");
    }
}
