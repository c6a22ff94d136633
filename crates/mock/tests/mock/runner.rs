//! The executor polls tasks while any can run, then moves time, and never hangs.

use std::{cell::Cell, future::poll_fn, rc::Rc, task::Poll};

use futures::FutureExt;
use websocket_heartbeat::Timer;
use websocket_heartbeat_mock::{Clock, Rng, Runner, Script, mock, run};

use crate::client::{at, dial, ms, open};

async fn nap(clock: &Clock, millis: u64) {
    let deadline = clock.now().checked_add(ms(millis)).unwrap();
    clock.timer().sleep_until(deadline).await;
}

#[test]
fn tasks_need_not_be_send_and_share_one_clock() {
    let clock = Clock::new();
    let mut runner = Runner::new(&clock);
    let sum = Rc::new(Cell::new(0));
    let tasks: Vec<_> = [5, 3, 8]
        .into_iter()
        .map(|millis| {
            let (clock, sum) = (clock.clone(), sum.clone());
            runner.spawn(async move {
                nap(&clock, millis).await;
                sum.set(sum.get() + millis);
                clock.now()
            })
        })
        .collect();
    let ends = runner.run_until(futures::future::join_all(tasks));
    assert_eq!((ends, sum.get()), (vec![at(5), at(3), at(8)], 16));
}

#[test]
fn run_for_includes_its_end_and_idles() {
    let clock = Clock::new();
    let mut runner = Runner::new(&clock);
    let task = {
        let clock = clock.clone();
        runner.spawn(async move { nap(&clock, 10).await })
    };
    runner.run_for(ms(9));
    assert_eq!((clock.now(), task.is_done()), (at(9), false));
    runner.run_for(ms(1));
    assert!(task.is_done());
    runner.run_for(ms(3_600_000));
    assert_eq!(clock.now(), at(3_600_010));
    assert_eq!((task.polls(), task.wakes(), runner.polls(), runner.wakes()), (2, 1, 2, 1));
}

#[test]
fn settle_moves_no_time() {
    let clock = Clock::new();
    let mut runner = Runner::new(&clock);
    let spawner = runner.spawner();
    let inner = runner.spawn(async move { spawner.spawn(async { 7 }).await });
    runner.settle();
    assert!(inner.is_done());
    let mut inner = inner;
    assert_eq!((inner.take_output(), inner.take_output(), clock.now()), (Some(7), None, at(0)));
}

#[test]
fn a_cancelled_task_is_dropped_at_once() {
    let clock = Clock::new();
    let (connection, peer, _) = open(&clock, Script::accept());
    let mut runner = Runner::new(&clock);
    let task = runner.spawn(async move {
        let _held = connection;
        std::future::pending::<()>().await;
    });
    runner.run_for(ms(10));
    assert!(peer.alive());
    task.cancel();
    assert_eq!(peer.dropped_at(), Some(at(10)));
    runner.settle();
}

#[test]
fn indices_of_finished_tasks_are_reused() {
    let clock = Clock::new();
    let mut runner = Runner::new(&clock);
    let mut wakers = Vec::new();
    for round in 0..100 {
        let mut task = runner.spawn(poll_fn(move |cx| Poll::Ready(cx.waker().clone())));
        runner.settle();
        wakers.extend(task.take_output());
        // Waking a finished task does not wake a new task with the same index.
        wakers.iter().for_each(std::task::Waker::wake_by_ref);
        assert_eq!(runner.polls(), round + 1);
    }
}

#[test]
fn tasks_continue_in_the_next_call() {
    let clock = Clock::new();
    let mut runner = Runner::new(&clock);
    let slow = {
        let clock = clock.clone();
        runner.spawn(async move { nap(&clock, 100).await })
    };
    runner.run_until(nap(&clock, 10));
    assert!(!slow.is_done());
    runner.run_until(slow);
    assert_eq!(clock.now(), at(100));
}

#[test]
fn a_future_may_borrow() {
    let clock = Clock::new();
    let words = String::from("borrowed");
    assert_eq!(run(&clock, async { words.len() }), 8);
}

#[test]
#[should_panic(expected = "livelock at 0:00:00.010000: 50 polls in one instant")]
fn a_task_that_spins_is_a_livelock() {
    let clock = Clock::new();
    let mut runner = Runner::new(&clock);
    runner.set_poll_limit(50);
    runner.run_until(async {
        nap(&clock, 10).await;
        poll_fn(|cx| {
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        })
        .await;
    });
}

#[test]
fn polls_at_different_instants_are_no_livelock() {
    let clock = Clock::new();
    let mut runner = Runner::new(&clock);
    runner.set_poll_limit(50);
    runner.run_until(async {
        for _ in 0..1000 {
            nap(&clock, 1).await;
        }
    });
    assert_eq!((clock.now(), runner.polls(), runner.wakes()), (at(1000), 1001, 1000));
}

#[test]
#[should_panic(expected = "deadlock at 0:00:00.010000: nothing can run, nothing is due; \
                           waiting: the future of crates/mock/tests/mock/runner.rs:")]
fn waiting_for_nothing_is_a_deadlock() {
    let clock = Clock::new();
    let mut runner = Runner::new(&clock);
    runner.spawn(std::future::pending::<()>()).detach();
    runner.run_until(async {
        nap(&clock, 10).await;
        std::future::pending::<()>().await;
    });
}

#[test]
#[should_panic(expected = "time limit 0:01:00.000000 reached at 0:00:59.990000: \
                           next instant 0:01:00.010000; waiting: the future of")]
fn a_run_has_a_time_limit() {
    let clock = Clock::new();
    let mut runner = Runner::new(&clock);
    runner.set_time_limit(ms(60_000));
    clock.advance(ms(9_990));
    runner.run_until(async {
        loop {
            nap(&clock, 10_000).await;
            if clock.now() == at(59_990) {
                nap(&clock, 20).await;
            }
        }
    });
}

#[test]
fn a_wake_from_another_thread_works() {
    let clock = Clock::new();
    let (sender, receiver) = futures::channel::oneshot::channel();
    let mut runner = Runner::new(&clock);
    let task = runner.spawn(receiver);
    runner.settle();
    std::thread::spawn(move || sender.send(5)).join().unwrap().unwrap();
    runner.settle();
    assert_eq!(task.now_or_never(), Some(Ok(5)));
}

#[test]
fn ten_thousand_clients_run_together() {
    let clock = Clock::new();
    let mut runner = Runner::new(&clock);
    let clients: Vec<_> = (0..10_000)
        .map(|seed| {
            let (mut transport, remote) = mock(&clock);
            let mut rng = Rng::new(seed);
            let clock = clock.clone();
            remote.script(|number| match number {
                1..=3 => Script::refuse_connection(),
                _ => Script::accept(),
            });
            runner.spawn(async move {
                let _remote = remote;
                while dial(&mut transport, 1).await.is_err() {
                    nap(&clock, rng.below(5000)).await;
                }
                clock.now()
            })
        })
        .collect();
    let opened = runner.run_until(futures::future::join_all(clients));
    assert!(opened.iter().all(|at| *at < crate::client::at(15_000)));
    assert_eq!(clock.sleeps().created, 30_000);
}
