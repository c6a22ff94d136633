//! A dial budget that is fed from outside.

use std::{cell::RefCell, rc::Rc, time::Duration};

use futures::FutureExt;
use websocket_heartbeat::{
    CloseReason, Constant, DialBudget, Event, Handle, Heartbeat, Phase, Supervisor,
    backend::DialGrants,
};
use websocket_heartbeat_mock::{Clock, Remote, Runner, Script, mock};

use crate::harness::{Session, in_millis, ms, secs};

/// Sessions that share granted attempts. Each has its own server, which accepts.
struct Crowd {
    clock: Clock,
    budget: DialBudget,
    grants: DialGrants,
    runner: Runner,
    members: Vec<(Remote, Handle)>,
}

impl Crowd {
    fn new(count: usize) -> Self {
        let clock = Clock::new();
        let (budget, grants) = DialBudget::granted();
        let runner = Runner::new(&clock);
        let mut crowd = Self { runner, clock, budget, grants, members: Vec::new() };
        (0..count).for_each(|_| crowd.start(true));
        crowd
    }

    /// Starts a session, which is polled on or only once.
    fn start(&mut self, polled: bool) {
        let (transport, remote) = mock(&self.clock);
        remote.script(|_| Script::accept());
        let mut supervisor = Supervisor::builder(transport, self.clock.timer())
            .heartbeat(Heartbeat::off())
            .dial_budget(self.budget.clone())
            .build()
            .unwrap();
        self.members.push((remote, supervisor.handle()));
        let task = async move {
            if polled {
                while supervisor.next().await.is_some() {}
            } else {
                assert!(supervisor.next().now_or_never().is_none());
                std::future::pending::<()>().await;
            }
        };
        self.runner.spawn(task).detach();
        self.runner.settle();
    }

    fn grant(&mut self, count: usize) {
        self.grants.grant(count, self.clock.now(), secs(2));
        self.runner.settle();
    }

    fn wanted(&mut self) -> usize {
        self.grants.wanted().now_or_never().unwrap_or(0)
    }

    /// The number of attempts of each session.
    fn dials(&self) -> Vec<usize> {
        self.members.iter().map(|(remote, _)| remote.dials().len()).collect()
    }
}

#[test]
fn sessions_wait_for_grants_in_the_order_of_their_requests() {
    let mut crowd = Crowd::new(4);
    crowd.runner.run_for(secs(3_600));
    assert_eq!((crowd.dials(), crowd.wanted()), (vec![0, 0, 0, 0], 4));
    for (_, handle) in &crowd.members {
        let status = handle.status();
        assert_eq!((status.phase, status.next_attempt_at), (Phase::Waiting, None));
    }
    crowd.members[3].1.reconnect_now();
    crowd.runner.settle();
    crowd.grant(3);
    assert_eq!((crowd.dials(), crowd.wanted()), (vec![1, 1, 1, 0], 1));
    crowd.runner.run_for(secs(3_600));
    assert_eq!(crowd.dials(), [1, 1, 1, 0]);
    crowd.grant(1);
    assert_eq!((crowd.dials(), crowd.wanted()), (vec![1, 1, 1, 1], 0));
}

#[test]
fn sessions_that_do_not_want_to_connect_use_no_grant() {
    let gone: [fn(&Handle); 3] = [Handle::close, Handle::abort, Handle::pause];
    for leave in gone {
        let mut crowd = Crowd::new(3);
        leave(&crowd.members[0].1);
        crowd.runner.settle();
        assert_eq!(crowd.wanted(), 2);
        crowd.grant(1);
        assert_eq!(crowd.dials(), [0, 1, 0]);
    }
}

#[test]
fn a_session_that_is_not_polled_loses_its_grant_to_the_next() {
    let mut crowd = Crowd::new(0);
    crowd.start(false);
    crowd.start(true);
    crowd.grant(1);
    crowd.runner.run_for(ms(999));
    assert_eq!(crowd.dials(), [0, 0]);
    crowd.runner.run_for(ms(2));
    assert_eq!(crowd.dials(), [0, 1]);
}

#[test]
fn a_grant_that_is_not_used_expires() {
    let mut crowd = Crowd::new(0);
    crowd.grant(2);
    crowd.runner.run_for(ms(1_999));
    crowd.start(true);
    assert_eq!((crowd.dials(), crowd.wanted()), (vec![1], 0));
    crowd.runner.run_for(ms(1));
    crowd.start(true);
    assert_eq!((crowd.dials(), crowd.wanted()), (vec![1, 0], 1));
}

#[test]
fn sessions_connect_when_their_feeder_is_gone() {
    let crowd = Crowd::new(3);
    let Crowd { grants, mut runner, members, .. } = crowd;
    drop(grants);
    runner.settle();
    assert!(members.iter().all(|(_, handle)| handle.status().phase == Phase::Open));
}

/// A task grants what is wanted after a second, at most three at a time.
#[test]
fn a_task_that_grants_what_is_wanted_feeds_many_sessions() {
    let Crowd { clock, budget, mut grants, mut runner, members } = Crowd::new(100);
    let timer = clock.timer();
    let asked = Rc::new(RefCell::new(Vec::new()));
    let log = Rc::clone(&asked);
    let feeder = async move {
        loop {
            let wanted = grants.wanted().await;
            log.borrow_mut().push(wanted);
            websocket_heartbeat::Timer::sleep(&timer, secs(1)).await;
            let now = websocket_heartbeat::Timer::now(&timer);
            grants.grant(wanted.min(3), now, secs(2));
        }
    };
    runner.spawn(feeder).detach();
    runner.run_for(secs(60));
    let expected: Vec<_> = (0..34).map(|round| 100 - 3 * round).collect();
    assert_eq!(*asked.borrow(), expected);
    let dials: Vec<_> = members
        .iter()
        .flat_map(|(remote, _)| remote.dials())
        .map(|at| at.since_epoch().as_secs())
        .collect();
    assert_eq!(dials, (0..100).map(|index| 1 + index / 3).collect::<Vec<_>>());
    drop(budget);
}

/// The time until a grant is not known, so the delay is that of the backoff alone.
#[test]
fn retry_does_not_include_the_wait_for_a_grant() {
    let (budget, mut grants) = DialBudget::granted();
    let mut session = Session::new(
        |_| Script::refuse_connection(),
        |builder| builder.backoff(Constant::new(secs(5))).dial_budget(budget),
    );
    grants.grant(1, session.clock.now(), secs(2));
    session.run_to(1_000);
    assert_eq!(session.last().1, "retry 1 in 5s");
    let planned = session.handle.status().next_attempt_at.unwrap();
    assert_eq!(in_millis(planned.since_epoch()), 5_000);
    session.run_to(60_000);
    assert_eq!((session.handle.status().next_attempt_at, session.dials()), (None, vec![0]));
    grants.grant(1, session.clock.now(), secs(2));
    session.run_to(60_000);
    assert_eq!(session.dials(), [0, 60_000]);
}

#[test]
fn the_outage_limit_ends_the_wait_for_a_grant() {
    for granted in [9_999, 10_000] {
        let (budget, mut grants) = DialBudget::granted();
        let mut session = Session::new(
            |_| Script::accept(),
            |builder| builder.outage_limit(secs(10)).dial_budget(budget),
        );
        session.run_to(9_999);
        assert_eq!(session.timed_events(), []);
        session.run_to(granted);
        if granted == 9_999 {
            grants.grant(1, session.clock.now(), Duration::from_secs(2));
            session.run_to(20_000);
            assert_eq!(session.dials(), [9_999]);
            continue;
        }
        let reported = session.timed_events();
        let [(10_000, Event::Closed(closed))] = &reported[..] else { panic!("{reported:?}") };
        assert_eq!(closed.reason, CloseReason::OutageLimit(None));
        assert_eq!(grants.wanted().now_or_never(), None, "it wants none any more");
    }
}
