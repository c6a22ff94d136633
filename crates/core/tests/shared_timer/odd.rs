//! Inner timers that end early or call wakers at unusual times.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    task::{Poll, Wake, Waker},
};

use websocket_heartbeat::{Timer, Timestamp, backend::SharedTimer};
use websocket_heartbeat_mock::{Clock, MockTimer, Runner};

use super::{Wakes, at, ms, poll};

#[test]
fn an_early_inner_timer_ends_no_sleep_early() {
    let clock = Clock::new();
    clock.set_timer_early(true);
    let timer = SharedTimer::new(clock.timer());
    let mut runner = Runner::new(&clock);
    let tasks: Vec<_> = [500, 20, 1, 20, 300]
        .map(|millis| {
            let (timer, clock) = (timer.clone(), clock.clone());
            runner.spawn(async move {
                timer.sleep_until(at(millis)).await;
                assert_eq!(clock.now(), at(millis));
            })
        })
        .into_iter()
        .collect();
    for task in tasks {
        runner.run_until(task);
    }
}

#[test]
fn a_panicking_waker_delays_no_other_sleep() {
    struct Panics;

    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("a waker of another session");
        }
    }

    let clock = Clock::new();
    let timer = SharedTimer::new(clock.timer());
    let (wakes, good) = Wakes::new();
    let mut sleeps = [(); 5].map(|()| timer.sleep_until(at(10)));
    for (index, sleep) in sleeps.iter_mut().enumerate() {
        let bad = Waker::from(Arc::new(Panics));
        assert!(!poll(sleep, if index % 2 == 0 { &bad } else { &good }));
    }
    clock.advance(ms(10));
    assert_eq!(wakes.count(), 2);
    // The timer continues to work.
    let mut next = timer.sleep_until(at(20));
    assert!(!poll(&mut next, &good));
    clock.advance(ms(10));
    assert_eq!(wakes.count(), 3);
}

/// The unusual behaviour of an inner timer.
#[derive(Clone, Copy)]
enum Habit {
    /// Each sleep ends at once.
    Hurried,
    /// Each sleep calls its waker during its first poll, and is pending.
    CallsOnce,
    /// Each sleep calls its waker during every poll.
    CallsAlways,
}

struct Odd {
    timer: MockTimer,
    habit: Habit,
    polls: Arc<AtomicU64>,
}

impl Odd {
    fn over(clock: &Clock, habit: Habit) -> (SharedTimer<Self>, Arc<AtomicU64>) {
        let polls = Arc::<AtomicU64>::default();
        let odd = Self { timer: clock.timer(), habit, polls: Arc::clone(&polls) };
        (SharedTimer::new(odd), polls)
    }
}

impl Timer for Odd {
    type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

    fn now(&self) -> Timestamp {
        self.timer.now()
    }

    fn sleep_until(&self, deadline: Timestamp) -> Self::Sleep {
        let (habit, polls) = (self.habit, Arc::clone(&self.polls));
        let mut sleep = Box::pin(self.timer.sleep_until(deadline));
        let mut polled = false;
        // An async block, which panics when it is polled after its end.
        Box::pin(async move {
            poll_fn(|cx| {
                assert!(polls.fetch_add(1, Ordering::SeqCst) < 1_000, "polled without end");
                let first = !std::mem::replace(&mut polled, true);
                match habit {
                    Habit::Hurried => return Poll::Ready(()),
                    Habit::CallsOnce if first => {
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    Habit::CallsAlways => cx.waker().wake_by_ref(),
                    Habit::CallsOnce => {}
                }
                sleep.as_mut().poll(cx)
            })
            .await;
        })
    }
}

#[test]
fn an_inner_timer_may_wake_during_a_poll() {
    let clock = Clock::new();
    let (timer, polls) = Odd::over(&clock, Habit::CallsOnce);
    let (wakes, waker) = Wakes::new();
    let mut sleeps: Vec<_> = (1..=100).map(|millis| timer.sleep_until(at(millis))).collect();
    for sleep in sleeps.iter_mut().rev() {
        assert!(!poll(sleep, &waker));
    }
    assert_eq!((wakes.count(), polls.load(Ordering::SeqCst)), (0, 200));
    for millis in 1..=100 {
        clock.advance(ms(1));
        assert_eq!(wakes.count(), millis);
    }
    assert!(sleeps.iter_mut().all(|sleep| poll(sleep, &waker)));
}

#[test]
fn no_inner_timer_blocks_a_poll() {
    for habit in [Habit::Hurried, Habit::CallsAlways] {
        let clock = Clock::new();
        let (timer, _polls) = Odd::over(&clock, habit);
        let mut tasks =
            [30, 10, 20].map(|millis| (millis, timer.sleep_until(at(millis)), Wakes::new()));
        for now in 0..=30 {
            // Each task polls after a wake, as with an executor, but a limited number of times.
            for (millis, sleep, (wakes, waker)) in &mut tasks {
                let before = wakes.count();
                assert_eq!(poll(sleep, waker), *millis <= now);
                assert!(*millis <= now || wakes.count() > before, "left waiting");
            }
            clock.advance(ms(1));
        }
    }
}

type Act = Box<dyn FnOnce() + Send>;

/// Runs a function during a poll, as another thread can.
#[derive(Clone)]
struct Interrupted {
    timer: MockTimer,
    act: Arc<Mutex<Option<Act>>>,
}

impl Timer for Interrupted {
    type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

    fn now(&self) -> Timestamp {
        self.timer.now()
    }

    fn sleep_until(&self, deadline: Timestamp) -> Self::Sleep {
        let (mut sleep, act) = (Box::pin(self.timer.sleep_until(deadline)), Arc::clone(&self.act));
        Box::pin(poll_fn(move |cx| {
            let act = act.lock().unwrap().take();
            act.into_iter().for_each(|act| act());
            sleep.as_mut().poll(cx)
        }))
    }
}

#[test]
fn a_sleep_added_while_the_inner_timer_is_set_is_served() {
    let clock = Clock::new();
    let inner = Interrupted { timer: clock.timer(), act: Arc::default() };
    let timer = SharedTimer::new(inner.clone());
    let ((late, late_waker), (early, early_waker)) = (Wakes::new(), Wakes::new());
    let mut earlier = timer.sleep_until(at(10));
    let (coming, come) = mpsc::channel();
    *inner.act.lock().unwrap() = Some(Box::new(move || {
        assert!(!poll(&mut earlier, &early_waker));
        coming.send(earlier).unwrap();
    }));
    let mut later = timer.sleep_until(at(20));
    assert!(!poll(&mut later, &late_waker));
    let _earlier = come.recv().unwrap();
    clock.advance(ms(10));
    assert_eq!((early.count(), late.count()), (1, 0));
    clock.advance(ms(10));
    assert_eq!((early.count(), late.count()), (1, 1));

    // The same for a sleep that is dropped, even if it is the only one.
    let mut other = timer.sleep_until(at(30));
    assert!(!poll(&mut other, &late_waker));
    let mut only = Some(other);
    let (_wakes, waker) = Wakes::new();
    *inner.act.lock().unwrap() = Some(Box::new(move || drop(only.take())));
    let mut last = timer.sleep_until(at(25));
    assert!(!poll(&mut last, &waker));
    drop(last);
    clock.advance(ms(10));
    assert_eq!((late.count(), clock.sleeps().alive), (1, 0));
}
