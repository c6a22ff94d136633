//! A dial budget that many sessions share.

use std::time::Duration;

use futures::StreamExt;
use websocket_heartbeat::{Constant, DialBudget, Handle, Heartbeat, Phase, Supervisor, Timestamp};
use websocket_heartbeat_mock::{Clock, MockTimer, MockTransport, Remote, Runner, Script, mock};

use crate::harness::{Session, in_millis, ms, secs};

/// Sessions that share a budget. Each has its own server, which accepts.
struct Crowd {
    clock: Clock,
    budget: DialBudget,
    runner: Runner,
    members: Vec<(Remote, Handle)>,
}

impl Crowd {
    fn new(count: u32, window: Duration) -> Self {
        let clock = Clock::new();
        let budget = DialBudget::new(count, window).unwrap();
        Self { runner: Runner::new(&clock), clock, budget, members: Vec::new() }
    }

    fn supervisor(&mut self) -> Supervisor<MockTransport, MockTimer> {
        let (transport, remote) = mock(&self.clock);
        remote.script(|_| Script::accept());
        let supervisor = Supervisor::builder(transport, self.clock.timer())
            .heartbeat(Heartbeat::off())
            .dial_budget(self.budget.clone())
            .build()
            .unwrap();
        self.members.push((remote, supervisor.handle()));
        supervisor
    }

    fn start(&mut self, count: usize) {
        for _ in 0..count {
            let mut supervisor = self.supervisor();
            self.runner.spawn(async move { while supervisor.next().await.is_some() {} }).detach();
        }
        self.runner.settle();
    }

    fn command(&mut self, from: usize, command: impl Fn(&Handle)) {
        self.members[from..].iter().for_each(|(_, handle)| command(handle));
        self.runner.settle();
    }

    /// The seconds of all attempts, session by session.
    fn dials_of_each(&self) -> Vec<Vec<u64>> {
        let seconds = |at: Timestamp| at.since_epoch().as_secs();
        self.members
            .iter()
            .map(|(remote, _)| remote.dials().into_iter().map(seconds).collect())
            .collect()
    }

    fn dials(&self) -> Vec<u64> {
        let mut all = self.dials_of_each().concat();
        all.sort_unstable();
        all
    }
}

#[track_caller]
fn assert_within(dials: &[u64], count: usize, window: u64) {
    let over = dials.windows(count + 1).find(|these| these[count] - these[0] < window);
    assert_eq!(over, None, "{count} in any {window} s were allowed, these began: {dials:?}");
}

#[test]
fn a_pause_gives_its_grant_back() {
    let mut crowd = Crowd::new(1, secs(10));
    crowd.start(6);
    // The first session has dialled. The others wait for 10 s, 20 s, ..
    crowd.command(1, Handle::pause);
    crowd.runner.run_for(secs(1_000));
    crowd.command(1, Handle::resume);
    crowd.runner.run_for(secs(1_000));
    assert_eq!(crowd.dials(), [0, 1_000, 1_010, 1_020, 1_030, 1_040]);
}

#[test]
fn dropped_requests_use_no_budget() {
    let gone: [fn(&Handle); 3] = [Handle::close, Handle::abort, Handle::pause];
    for leave in gone {
        let mut crowd = Crowd::new(1, secs(10));
        crowd.start(360);
        crowd.command(0, leave);
        assert_eq!(crowd.dials(), [0]);
        crowd.runner.run_for(secs(60));
        crowd.start(1);
        assert_eq!(crowd.dials(), [0, 60]);
    }
}

#[test]
fn dropped_sessions_use_no_budget() {
    let mut crowd = Crowd::new(1, secs(10));
    crowd.start(1);
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let mut supervisor = crowd.supervisor();
            crowd.runner.spawn(async move { while supervisor.next().await.is_some() {} })
        })
        .collect();
    crowd.runner.settle();
    tasks.into_iter().for_each(|task| task.cancel());
    crowd.start(1);
    crowd.runner.run_for(secs(60));
    assert_eq!(crowd.dials(), [0, 10]);
}

#[test]
fn a_session_that_is_not_polled_is_passed_over() {
    let mut crowd = Crowd::new(1, secs(10));
    crowd.start(1);
    // Polled once, which sends the request, and never again.
    let mut stalled = crowd.supervisor();
    let polled = crowd.runner.run_until(futures::future::poll_fn(|cx| {
        std::task::Poll::Ready(stalled.poll_next_unpin(cx).is_pending())
    }));
    assert!(polled);
    crowd.start(3);
    crowd.runner.run_for(secs(100));
    let dials = crowd.dials();
    assert_eq!(dials.len(), 4, "{dials:?}");
    assert_eq!(dials, [0, 11, 21, 31], "a second after its turn began");
    assert_within(&dials, 1, 10);
    // It is polled again after all others have dialled.
    crowd.runner.spawn(async move { while stalled.next().await.is_some() {} }).detach();
    crowd.runner.run_for(secs(100));
    assert_within(&crowd.dials(), 1, 10);
    assert_eq!(crowd.dials().len(), 5);
}

#[test]
fn attempts_start_in_the_order_of_their_requests() {
    let mut crowd = Crowd::new(2, secs(10));
    for _ in 0..9 {
        crowd.start(1);
        crowd.runner.run_for(ms(10));
    }
    let planned: Vec<_> = crowd.members.iter().map(|(_, handle)| handle.status()).collect();
    crowd.runner.run_for(secs(100));
    let began: Vec<_> = crowd.members.iter().map(|(remote, _)| remote.dials()[0]).collect();
    assert!(began.is_sorted());
    for (status, began) in planned.iter().zip(began).skip(2) {
        assert_eq!(status.phase, Phase::Waiting);
        assert_eq!(status.next_attempt_at, Some(began));
    }
    assert_within(&crowd.dials(), 2, 10);
}

#[test]
fn waiting_sessions_learn_that_they_move_up() {
    let mut crowd = Crowd::new(1, secs(10));
    crowd.start(5);
    crowd.members[2].1.pause();
    crowd.runner.settle();
    let planned = |crowd: &Crowd| -> Vec<_> {
        let at = |at: Timestamp| at.since_epoch().as_secs();
        crowd.members.iter().map(|(_, handle)| handle.status().next_attempt_at.map(at)).collect()
    };
    assert_eq!(planned(&crowd), [None, Some(10), None, Some(20), Some(30)]);
    crowd.members[1].1.close();
    crowd.runner.settle();
    assert_eq!(planned(&crowd), [None, None, None, Some(10), Some(20)]);
    // `reconnect_now` does not overtake, and the status stays correct.
    crowd.members[4].1.reconnect_now();
    crowd.runner.settle();
    assert_eq!(planned(&crowd)[4], Some(20));
    crowd.runner.run_for(secs(60));
    assert_eq!(crowd.dials_of_each()[3..], [vec![10], vec![20]]);
}

/// A single session knows the time of its next attempt from the start.
#[test]
fn retry_and_status_include_the_wait_for_the_budget() {
    let budget = DialBudget::new(2, secs(60)).unwrap();
    let mut session = Session::new(
        |_| Script::refuse_connection(),
        |builder| builder.backoff(Constant::new(secs(1))).dial_budget(budget),
    );
    for millis in 0..130 {
        session.run_to(millis * 1_000 + 500);
        let dials = session.dials();
        let planned = session.handle.status().next_attempt_at.unwrap();
        let planned = in_millis(planned.since_epoch());
        let next = [0, 1_000, 60_000, 61_000, 120_000, 121_000, 180_000][dials.len()];
        assert_eq!(planned, next, "after {dials:?}");
    }
    let retries = session.timed_words().into_iter().filter(|(_, words)| words.starts_with("retry"));
    let delays: Vec<_> =
        retries.map(|(_, words)| words.split(' ').next_back().unwrap().to_owned()).collect();
    assert_eq!(delays, ["1s", "59s", "1s", "59s", "1s", "59s"]);
}

#[test]
fn a_replacement_waits_for_the_budget_and_reports_it() {
    let budget = DialBudget::new(1, secs(60)).unwrap();
    let mut session = Session::new(|_| Script::accept(), |builder| builder.dial_budget(budget));
    session.run_to(20_000);
    session.handle.reconnect_now();
    session.run_to(20_000);
    assert_eq!(session.last().1, "retry 0 in 40s");
    session.run_to(60_000);
    assert_eq!(session.dials(), [0, 60_000]);
}

/// At random, sessions are added, closed, paused and resumed, and `reconnect_now` is called.
#[test]
fn no_window_has_more_attempts_than_the_budget() {
    for seed in 1..=20_u64 {
        let mut state = seed;
        let mut draw = move |below: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let count = 1 + draw(3) as usize;
        let mut crowd = Crowd::new(count as u32, secs(10));
        crowd.start(5);
        for _ in 0..200 {
            let one = draw(crowd.members.len() as u64) as usize;
            let handle = crowd.members[one].1.clone();
            match draw(8) {
                0 | 1 => handle.pause(),
                2 | 3 => handle.resume(),
                4 => handle.reconnect_now(),
                5 => handle.close(),
                _ => crowd.start(1),
            }
            crowd.runner.run_for(ms(draw(4_000)));
        }
        crowd.runner.run_for(secs(5));
        let mut exact: Vec<_> =
            crowd.members.iter().flat_map(|(remote, _)| remote.dials()).collect();
        exact.sort_unstable();
        for these in exact.windows(count + 1) {
            let apart = these[count].saturating_since(these[0]);
            assert!(apart >= secs(10), "seed {seed}: {count} allowed, {these:?}");
        }
        assert!(exact.len() > 10, "seed {seed}");
    }
}
