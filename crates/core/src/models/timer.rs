//! Models of the timer that sessions share.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use loom::{future::block_on, thread};

use super::{Trace, explore};
use crate::{
    sync::Guarded,
    time::{SharedTimer, Timer, Timestamp},
};

/// A timer whose time the model sets. It keeps one waker for each sleep, as timers of runtimes do.
#[derive(Clone, Default)]
pub(super) struct Manual(Arc<Guarded<Clock>>);

#[derive(Default)]
struct Clock {
    seconds: u64,
    wakers: Vec<(u64, Waker)>,
}

pub(super) struct Sleep {
    timer: Manual,
    deadline: Timestamp,
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_epoch(Duration::from_secs(seconds))
}

impl Manual {
    /// Sets the time, and wakes the sleeps that are over.
    pub(super) fn advance_to(&self, seconds: u64) {
        self.0.with(|clock, deferred| {
            clock.seconds = seconds;
            for (_, waker) in clock.wakers.extract_if(.., |(deadline, _)| *deadline <= seconds) {
                deferred.wake(waker);
            }
        });
    }
}

impl Timer for Manual {
    type Sleep = Sleep;

    fn now(&self) -> Timestamp {
        self.0.with(|clock, _| at(clock.seconds))
    }

    fn sleep_until(&self, deadline: Timestamp) -> Sleep {
        Sleep { timer: self.clone(), deadline }
    }

    fn entropy(&self) -> u64 {
        0
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let waker = cx.waker().clone();
        self.timer.0.with(|clock, _| {
            if at(clock.seconds) >= self.deadline {
                return Poll::Ready(());
            }
            clock.wakers.push((self.deadline.since_epoch().as_secs(), waker));
            Poll::Pending
        })
    }
}

/// Fails if `TimerQueue::drive` ends with a store instead of the comparison, since an event of another
/// thread is lost then, or if it ignores that a sleep is earlier.
#[test]
fn every_sleep_ends() {
    explore(2, || {
        let manual = Manual::default();
        let timer = SharedTimer::new(manual.clone());
        let late = timer.sleep_until(at(2));
        let early = timer.sleep_until(at(1));
        let sleeper = thread::spawn(move || block_on(late));
        let clock = thread::spawn(move || manual.advance_to(2));
        block_on(early);
        sleeper.join().unwrap();
        clock.join().unwrap();
    });
}

/// Fails if the drop of a sleep does not leave the queue.
#[test]
fn a_dropped_sleep_leaves_nothing_and_delays_no_other() {
    explore(2, || {
        let trace = Trace::default();
        let manual = Manual::default();
        let timer = SharedTimer::new(manual.clone());
        let mut dropped = [1, 3].map(|deadline| timer.sleep_until(at(deadline)));
        for sleep in &mut dropped {
            assert!(trace.poll(sleep).is_pending());
        }
        let late = timer.sleep_until(at(2));
        let sleeper = thread::spawn(move || block_on(late));
        let clock = thread::spawn(move || {
            manual.advance_to(1);
            manual.advance_to(2);
        });
        drop(dropped);
        sleeper.join().unwrap();
        clock.join().unwrap();
        trace.assert_none();
        drop(timer);
    });
}
