//! The clock, its timers and their quirks.

use std::{
    cell::RefCell,
    pin::pin,
    rc::Rc,
    sync::{Arc, Mutex},
    task::{Context, Poll, Wake, Waker},
};

use futures::future::join_all;
use websocket_heartbeat::Timer;
use websocket_heartbeat_mock::{Clock, Runner, Script, run};

use crate::client::{Counter, at, ms, open};

/// A waker that records the time of each wake.
struct Witness {
    clock: Clock,
    seen: Mutex<Vec<websocket_heartbeat::Timestamp>>,
}

impl Wake for Witness {
    fn wake(self: Arc<Self>) {
        self.seen.lock().unwrap().push(self.clock.now());
    }
}

fn witness(clock: &Clock) -> Arc<Witness> {
    Arc::new(Witness { clock: clock.clone(), seen: Mutex::default() })
}

#[test]
fn advance_stops_at_each_instant_and_jump_does_not() {
    for (jumps, expected) in [(false, [at(10), at(20), at(20)]), (true, [at(50); 3])] {
        let clock = Clock::new();
        let witness = witness(&clock);
        let waker = Waker::from(witness.clone());
        let mut sleeps: Vec<_> =
            [20, 10, 20].map(|due| Box::pin(clock.timer().sleep_until(at(due)))).into();
        for sleep in &mut sleeps {
            assert!(sleep.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        }
        if jumps {
            clock.jump(ms(50));
        } else {
            clock.advance(ms(50));
        }
        assert_eq!(clock.now(), at(50));
        assert_eq!(*witness.seen.lock().unwrap(), expected);
    }
}

#[test]
fn sleeps_end_in_order_of_deadline_then_of_creation() {
    let clock = Clock::new();
    let order = Rc::new(RefCell::new(Vec::new()));
    let sleeps = [("c", 20), ("a", 10), ("d", 20), ("b", 15)].map(|(name, due)| {
        let (clock, order) = (clock.clone(), order.clone());
        let sleep = clock.timer().sleep_until(at(due));
        async move {
            sleep.await;
            order.borrow_mut().push((name, clock.now()));
        }
    });
    let mut runner = Runner::new(&clock);
    for sleep in sleeps {
        runner.spawn(sleep).detach();
    }
    runner.run_for(ms(20));
    assert_eq!(*order.borrow(), [("a", at(10)), ("b", at(15)), ("c", at(20)), ("d", at(20))]);
}

#[test]
fn a_dropped_sleep_has_no_waker() {
    let clock = Clock::new();
    let counter = Counter::new();
    {
        let waker = Waker::from(counter.clone());
        let mut sleep = pin!(clock.timer().sleep_until(at(10)));
        assert!(sleep.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        let counts = clock.sleeps();
        assert_eq!((counts.created, counts.alive, counts.waiting, counts.wakes), (1, 1, 1, 0));
        assert_eq!(clock.next_instant(), Some(at(10)));
    }
    assert_eq!(clock.next_instant(), None);
    clock.advance(ms(20));
    let counts = clock.sleeps();
    assert_eq!((counts.created, counts.alive, counts.waiting, counts.wakes), (1, 0, 0, 0));
    assert_eq!(counter.wakes(), 0);
    // No clone of the waker is left.
    assert_eq!(Arc::strong_count(&counter), 1);
}

#[test]
fn a_sleep_wakes_only_the_last_waker() {
    let clock = Clock::new();
    let (first, last) = (Counter::new(), Counter::new());
    let mut sleep = pin!(clock.timer().sleep_until(at(10)));
    for counter in [&first, &last] {
        let waker = Waker::from(counter.clone());
        assert!(sleep.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    clock.advance(ms(10));
    assert_eq!((first.wakes(), last.wakes()), (0, 1));
}

#[test]
fn a_past_sleep_ends_at_once_and_an_endless_one_never() {
    let clock = Clock::new();
    clock.advance(ms(10));
    clock.set_timer_lateness(ms(5));
    run(&clock, clock.timer().sleep_until(at(10)));
    assert_eq!(clock.now(), at(10));

    let never = websocket_heartbeat::Timestamp::from_epoch(std::time::Duration::MAX);
    let mut sleep = pin!(clock.timer().sleep_until(never));
    let waker = Waker::noop();
    assert_eq!(sleep.as_mut().poll(&mut Context::from_waker(waker)), Poll::Pending);
    assert_eq!(clock.next_instant(), None);
}

#[test]
fn timers_can_be_late_and_coarse() {
    let clock = Clock::new();
    clock.set_timer_lateness(ms(3));
    run(&clock, clock.timer().sleep_until(at(10)));
    assert_eq!(clock.now(), at(13));

    clock.set_timer_granularity(ms(60_000));
    run(&clock, clock.timer().sleep_until(at(20)));
    assert_eq!(clock.now(), at(60_000));
    run(&clock, clock.timer().sleep_until(at(119_997)));
    assert_eq!(clock.now(), at(120_000));
}

#[test]
fn repeated_early_sleeps_reach_the_deadline() {
    let clock = Clock::new();
    clock.set_timer_early(true);
    run(&clock, clock.timer().sleep_until(at(1000)));
    assert_eq!(clock.now(), at(500));
    run(&clock, async {
        while clock.now() < at(1000) {
            clock.timer().sleep_until(at(1000)).await;
        }
    });
    assert_eq!(clock.now(), at(1000));
    assert!(clock.sleeps().created < 12);
}

#[test]
fn timers_can_show_a_time_that_runs_backward() {
    let clock = Clock::new();
    let timer = clock.timer();
    clock.advance(ms(1000));
    assert_eq!(timer.now(), at(1000));
    clock.set_timer_back(ms(400));
    assert_eq!(timer.now(), at(600));
    run(&clock, timer.sleep_until(at(700)));
    assert_eq!((timer.now(), clock.now()), (at(700), at(1100)));
    clock.set_timer_back(ms(0));
    assert_eq!(timer.now(), at(1100));
}

#[test]
fn servers_act_before_the_sleeps_of_the_same_instant() {
    let clock = Clock::new();
    let script = Script::accept().send_after(ms(10), "early").send_after(ms(20), "late");
    let (_connection, peer, _) = open(&clock, script);
    let counter = Counter::new();
    let waker = Waker::from(counter.clone());
    let mut sleep = pin!(clock.timer().sleep_until(at(20)));
    assert!(sleep.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    clock.jump(ms(15));
    assert_eq!((peer.unread(), counter.wakes()), (1, 0));
    clock.jump(ms(5));
    assert_eq!((peer.unread(), counter.wakes()), (2, 1));
}

#[test]
fn servers_act_on_a_frozen_clock_but_sleeps_do_not_end() {
    let clock = Clock::new();
    let (_connection, peer, _) = open(&clock, Script::accept().chatter(ms(10), "tick"));
    clock.advance(ms(5));
    let sleep = clock.timer().sleep_until(at(12));
    clock.freeze(ms(1000));
    assert_eq!((clock.now(), peer.unread()), (at(5), 100));
    // The next tick is due at 1010 on the servers' clock, which is 10 on the client's clock.
    assert_eq!(clock.next_instant(), Some(at(10)));
    run(&clock, sleep);
    assert_eq!((clock.now(), peer.unread()), (at(12), 101));
}

#[test]
fn each_sleep_costs_one_wake() {
    let clock = Clock::new();
    let sleeps = (1..=100).map(|due| clock.timer().sleep_until(at(due % 7)));
    run(&clock, join_all(sleeps));
    assert_eq!(clock.now(), at(6));
    let counts = clock.sleeps();
    // The sleeps that were due at 0 had ended before their first poll.
    assert_eq!((counts.created, counts.alive, counts.wakes), (100, 0, 86));
}
