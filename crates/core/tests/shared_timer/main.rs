//! `SharedTimer`: many sleeps over one sleep of an inner timer. It is a process of its own, since
//! it runs real threads and measures real time.

#![allow(clippy::disallowed_types, reason = "a test may have a plain lock of its own")]

mod odd;

use std::{
    cell::RefCell,
    future::Future,
    iter,
    pin::Pin,
    rc::Rc,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    task::{Context, Wake, Waker},
    thread,
    time::Duration,
};

use futures::future;
use websocket_heartbeat::{
    Heartbeat, Preset, Supervisor, Timer, Timestamp,
    backend::{SharedSleep, SharedTimer},
};
use websocket_heartbeat_mock::{Clock, MockTimer, Rng, Runner, Script, mock, run};

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_epoch(ms(millis))
}

/// A waker that counts its calls.
#[derive(Default)]
struct Wakes(AtomicU64);

impl Wakes {
    fn new() -> (Arc<Self>, Waker) {
        let wakes = Arc::new(Self::default());
        (Arc::clone(&wakes), Waker::from(wakes))
    }

    fn count(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn poll<F: Future<Output = ()> + Unpin>(sleep: &mut F, waker: &Waker) -> bool {
    Pin::new(sleep).poll(&mut Context::from_waker(waker)).is_ready()
}

/// One sleep of a random script, under either timer, with two tasks that may poll it.
struct Place<S> {
    sleep: Option<S>,
    tasks: [(Arc<Wakes>, Waker); 2],
}

impl<S: Future<Output = ()> + Unpin> Place<S> {
    fn new() -> Self {
        Self { sleep: None, tasks: [Wakes::new(), Wakes::new()] }
    }

    /// Whether there is a sleep and it has ended.
    fn poll(&mut self, task: usize) -> bool {
        self.sleep.as_mut().is_some_and(|sleep| poll(sleep, &self.tasks[task].1))
    }

    fn wakes(&self) -> [u64; 2] {
        [0, 1].map(|task| self.tasks[task].0.count())
    }
}

#[test]
fn a_shared_timer_wakes_as_the_plain_timer_does() {
    let mut wakes = 0;
    for seed in 0..300 {
        let mut rng = Rng::new(seed);
        let clock = Clock::new();
        let (plain, shared) = (clock.timer(), SharedTimer::new(clock.timer()));
        let mut places: Vec<_> =
            iter::repeat_with(|| (Place::new(), Place::new())).take(8).collect();
        for step in 0..300 {
            let (a, b) = &mut places[usize::try_from(rng.below(8)).unwrap()];
            match rng.below(8) {
                0..=2 => {
                    // Sometimes in the past.
                    let now = u64::try_from(clock.now().since_epoch().as_millis()).unwrap();
                    let deadline = at((now + rng.below(40)).saturating_sub(5));
                    a.sleep = Some(plain.sleep_until(deadline));
                    b.sleep = Some(shared.sleep_until(deadline));
                }
                3..=5 => {
                    let task = usize::try_from(rng.below(2)).unwrap();
                    assert_eq!(a.poll(task), b.poll(task), "seed {seed}, step {step}");
                }
                6 => (a.sleep, b.sleep) = (None, None),
                _ => clock.advance(ms(rng.below(12))),
            }
            for (index, (a, b)) in places.iter().enumerate() {
                assert_eq!(a.wakes(), b.wakes(), "seed {seed}, step {step}, place {index}");
            }
        }
        wakes += places.iter().map(|(_, b)| b.wakes().iter().sum::<u64>()).sum::<u64>();
    }
    assert!(wakes > 3_000, "{wakes}");
}

#[test]
fn sleeps_in_any_order_end_at_their_deadlines() {
    let clock = Clock::new();
    let timer = SharedTimer::new(clock.timer());
    let mut runner = Runner::new(&clock);
    let ends = Rc::new(RefCell::new(Vec::new()));
    let mut rng = Rng::new(1);
    let mut deadlines: Vec<_> = (0..2_000).map(|_| at(rng.below(10_000))).collect();
    for &deadline in &deadlines {
        let (timer, clock, ends) = (timer.clone(), clock.clone(), Rc::clone(&ends));
        let task = async move {
            timer.sleep_until(deadline).await;
            assert_eq!(clock.now(), deadline);
            ends.borrow_mut().push(deadline);
        };
        runner.spawn(task).detach();
    }
    runner.run_for(ms(10_000));
    deadlines.sort();
    assert_eq!(*ends.borrow(), deadlines);
    let sleeps = clock.sleeps();
    assert_eq!((sleeps.alive, sleeps.waiting), (0, 0), "the last one is dropped");
}

#[test]
fn only_an_earlier_deadline_sets_the_inner_timer() {
    let clock = Clock::new();
    let timer = SharedTimer::new(clock.timer());
    let (wakes, waker) = Wakes::new();
    let mut sleeps: Vec<_> = (0..1_000).map(|index| timer.sleep_until(at(100 + index))).collect();
    assert_eq!(clock.sleeps().created, 0, "never polled, it costs nothing");
    for sleep in &mut sleeps {
        assert!(!poll(sleep, &waker));
        assert!(!poll(sleep, &waker));
    }
    assert_eq!(clock.sleeps().created, 1);
    // Set again to a later deadline, as after an answered probe.
    for (sleep, index) in sleeps.iter_mut().zip(0..) {
        *sleep = timer.sleep_until(at(5_000 + index));
        assert!(!poll(sleep, &waker));
    }
    assert_eq!((clock.sleeps().created, clock.sleeps().alive), (1, 1));
    let mut earlier = timer.sleep_until(at(50));
    assert!(!poll(&mut earlier, &waker));
    assert_eq!((clock.sleeps().created, clock.sleeps().alive), (2, 1));
    clock.advance(ms(50));
    assert_eq!((wakes.count(), clock.sleeps().created), (1, 3));
    // Sleeps of one instant have one wake, and their one task is woken once.
    let mut twins = [(); 3].map(|()| timer.sleep_until(at(60)));
    for twin in &mut twins {
        assert!(!poll(twin, &waker));
    }
    clock.advance(ms(10));
    assert_eq!((wakes.count(), clock.sleeps().created), (2, 5));
}

#[test]
fn a_sleep_is_small_and_send() {
    fn goes_anywhere<T: Send + Sync + Unpin + 'static>() {}
    goes_anywhere::<SharedTimer<MockTimer>>();
    goes_anywhere::<SharedSleep<MockTimer>>();
    assert!(size_of::<SharedSleep<MockTimer>>() <= 3 * size_of::<u64>());
}

#[test]
fn sleeps_of_one_slot_end_together() {
    let clock = Clock::new();
    let timer = SharedTimer::with_slot(clock.timer(), ms(100));
    let mut sleeps: Vec<_> = (0..=1_000)
        .rev()
        .map(|millis| (millis, timer.sleep_until(at(millis)), Wakes::new()))
        .collect();
    for (millis, sleep, (_, waker)) in &mut sleeps {
        assert_eq!(poll(sleep, waker), *millis == 0);
    }
    assert_eq!(clock.sleeps().created, 10, "one each time that a slot is the earliest");
    for now in 1..=1_000 {
        clock.advance(ms(1));
        for (millis, sleep, (wakes, waker)) in &mut sleeps {
            let ended = *millis > 0 && millis.next_multiple_of(100) <= now;
            assert_eq!(wakes.count(), u64::from(ended), "{millis} at {now}");
            if *millis % 100 == 50 {
                assert_eq!(poll(sleep, waker), *millis <= now, "{millis} at {now}");
                // Polled between its deadline and the end of the slot, it has ended.
                if *millis == now {
                    *sleep = timer.sleep_until(at(*millis + 1_000_000));
                    *millis += 1_000_000;
                }
            }
        }
    }
    assert_eq!(clock.sleeps().created, 20, "one more for each slot that ends");
}

#[test]
fn a_wake_without_waiting_sleeps_sets_the_next_wake() {
    let clock = Clock::new();
    let timer = SharedTimer::new(clock.timer());
    let ((first, first_waker), (second, second_waker)) = (Wakes::new(), Wakes::new());
    let mut earliest = timer.sleep_until(at(10));
    let mut later = timer.sleep_until(at(20));
    assert!(!poll(&mut earliest, &first_waker) && !poll(&mut later, &second_waker));
    drop(earliest);
    assert_eq!(Arc::strong_count(&first), 2, "its waker is dropped with it");
    clock.advance(ms(19));
    assert_eq!((first.count(), second.count()), (0, 0));
    clock.advance(ms(1));
    assert_eq!((first.count(), second.count()), (0, 1));
    assert!(poll(&mut later, &second_waker));
}

#[test]
fn the_inner_sleep_is_dropped_with_the_last_sleep() {
    let clock = Clock::new();
    let timer = SharedTimer::new(clock.timer());
    let (_wakes, waker) = Wakes::new();
    let mut sleep = timer.clone().sleep_until(at(10));
    assert!(!poll(&mut sleep, &waker));
    drop(timer);
    assert_eq!(clock.sleeps().alive, 1);
    drop(sleep);
    assert_eq!((clock.sleeps().alive, clock.sleeps().waiting), (0, 0));
}

#[test]
#[allow(clippy::disallowed_methods, reason = "a deadlock must fail, not hang")]
fn a_waker_may_drop_sleeps() {
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || {
        drop_sleeps_by_wakers();
        done.send(()).unwrap();
    });
    assert_eq!(is_done.recv_timeout(PATIENCE), Ok(()));
}

fn drop_sleeps_by_wakers() {
    /// Dropping it or waking it drops a sleep, as the end of a task does.
    struct Owner(Mutex<Option<SharedSleep<MockTimer>>>);
    impl Wake for Owner {
        fn wake(self: Arc<Self>) {
            *self.0.lock().unwrap() = None;
        }
    }
    let clock = Clock::new();
    let timer = SharedTimer::new(clock.timer());
    let (wakes, waker) = Wakes::new();
    let owner = |millis| {
        let mut owned = timer.sleep_until(at(millis));
        assert!(!poll(&mut owned, &waker));
        Waker::from(Arc::new(Owner(Mutex::new(Some(owned)))))
    };
    // Dropped by a wake.
    let mut sleep = timer.sleep_until(at(10));
    assert!(!poll(&mut sleep, &owner(40)));
    clock.advance(ms(10));
    assert!(poll(&mut sleep, &waker));
    // The waker is replaced by another, and dropped with its sleep.
    let mut sleep = timer.sleep_until(at(30));
    assert!(!poll(&mut sleep, &owner(50)));
    assert!(!poll(&mut sleep, &owner(60)));
    drop(sleep);
    clock.advance(ms(100));
    assert_eq!((wakes.count(), clock.sleeps().alive), (0, 0));
}

#[test]
fn a_session_has_the_same_trace_as_over_the_plain_timer() {
    fn trace<K: Timer + 'static>(clock: &Clock, timer: K) -> (Vec<u64>, String) {
        let (transport, remote) = mock(clock);
        remote.script(|dial| match dial {
            1 => Script::accept().pong_after(ms(80)).half_open_after(ms(40_000)),
            _ => Script::accept().pong_after(ms(80)),
        });
        let heartbeat = Heartbeat::idle(ms(15_000)).timeout(ms(10_000)).ping();
        let mut supervisor = Supervisor::builder(transport, timer)
            .preset(Preset::Original)
            .heartbeat(heartbeat)
            .build()
            .unwrap();
        let reported = Rc::new(RefCell::new(String::new()));
        let (events, now) = (Rc::clone(&reported), clock.clone());
        let mut runner = Runner::new(clock);
        let session = async move {
            while let Some(event) = supervisor.next().await {
                *events.borrow_mut() += &format!("{} {event:?}\n", now.now());
            }
        };
        runner.spawn(session).detach();
        runner.run_for(ms(200_000));
        let reported = reported.borrow().clone();
        (remote.trace().times("-> ping"), reported)
    }
    let clock = Clock::new();
    let plain = trace(&clock, clock.timer());
    assert!(plain.1.contains("Lost") && plain.0.len() > 10, "{plain:?}");
    let clock = Clock::new();
    assert_eq!(trace(&clock, SharedTimer::new(clock.timer())), plain);
}

#[test]
fn each_timer_has_its_own_epoch_and_clones_share_it() {
    let clock = Clock::new();
    let timer = SharedTimer::new(clock.timer());
    clock.advance(ms(400));
    let later = timer.from_now();
    for timer in [later.clone(), later] {
        let now = timer.now();
        run(&clock, timer.sleep_until(now.checked_add(ms(100)).unwrap()));
    }
    assert_eq!((timer.now(), timer.from_now().now()), (at(600), Timestamp::EPOCH));
    let later = timer.from_now().clone();
    run(&clock, later.sleep_until(at(100)));
    assert_eq!((clock.now(), later.now()), (at(700), at(100)));
}

#[test]
fn a_sleep_without_end_is_like_any_other() {
    let clock = Clock::new();
    let timer = SharedTimer::new(clock.timer());
    let (_wakes, waker) = Wakes::new();
    let mut never = timer.sleep_until(Timestamp::from_epoch(Duration::MAX));
    assert!(!poll(&mut never, &waker));
    let in_slots = SharedTimer::with_slot(clock.timer(), ms(1));
    let mut never = in_slots.sleep_until(Timestamp::from_epoch(Duration::MAX));
    assert!(!poll(&mut never, &waker));
    run(&clock, timer.sleep_until(at(10)));
    assert_eq!(clock.now(), at(10));
}

#[cfg(feature = "futures-timer")]
#[test]
fn no_sleep_is_forgotten_across_threads() {
    use futures::{executor::block_on, future::Either};
    use websocket_heartbeat::FuturesTimer;

    let plain = FuturesTimer::new();
    let timer = SharedTimer::with_slot(plain.clone(), Duration::from_micros(50));
    let in_micros = |micros| plain.now().checked_add(Duration::from_micros(micros)).unwrap();
    let end = plain.now().checked_add(PATIENCE).unwrap();
    let wait = |sleep: &mut SharedSleep<FuturesTimer>| {
        let ended = block_on(future::select(sleep, plain.sleep_until(end)));
        assert!(matches!(ended, Either::Left(_)), "left waiting");
    };
    let round = |rng: &mut Rng| {
        let deadline = in_micros(rng.below(300));
        let mut sleep = timer.sleep_until(deadline);
        // Dropped in any state, and on another thread.
        let mut other = timer.sleep_until(in_micros(rng.below(600)));
        let either = future::select(&mut sleep, &mut other);
        let ended = block_on(future::select(either, plain.sleep_until(end)));
        assert!(matches!(ended, Either::Left(_)), "left waiting");
        if rng.once_in(2) {
            wait(&mut sleep);
            assert!(timer.now() >= deadline);
        }
        other
    };
    thread::scope(|scope| {
        let (given, taken) = mpsc::channel();
        for seed in 0..3 {
            let given = given.clone();
            scope.spawn(move || {
                let mut rng = Rng::new(seed);
                for _ in 0..1_000 {
                    given.send(round(&mut rng)).unwrap();
                }
            });
        }
        drop(given);
        scope.spawn(move || {
            for (index, mut sleep) in taken.into_iter().enumerate() {
                // The test waits for half of the sleeps, and drops the others.
                if index % 2 == 0 {
                    wait(&mut sleep);
                }
            }
        });
    });
}

/// A sleep that would have to wait this long never ends.
const PATIENCE: Duration = Duration::from_secs(30);
