//! Attempts that are granted from outside.

use std::task::{Context, Poll};

use super::*;

const VALID: Duration = Duration::from_secs(2);

/// A budget, its grants, and sessions that wait since 0 ms.
fn waiting(count: usize) -> (DialGrants, Vec<Session>, DialBudget) {
    let (budget, grants) = DialBudget::granted();
    let mut all = sessions(&budget, count);
    for session in &mut all {
        assert_eq!(session.ask(0), Some([None, None]));
    }
    (grants, all, budget)
}

fn wanted(grants: &mut DialGrants) -> usize {
    match grants.poll_wanted(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(wanted) => wanted,
        Poll::Pending => 0,
    }
}

#[test]
fn attempts_begin_as_they_are_granted_and_in_order() {
    let (mut grants, mut all, _) = waiting(4);
    assert_eq!(wanted(&mut grants), 4);
    grants.grant(2, at(100), VALID);
    assert_eq!(wanted(&mut grants), 2);
    let called: Vec<_> = all.iter().map(Session::was_called).collect();
    assert_eq!(called, [true, true, true, false], "the third one observes the others");
    // The last one asks first.
    let looks_again = Some([None, Some(at(1_100))]);
    let asked: Vec<_> = (0..4).rev().map(|index| all[index].ask(100)).collect();
    assert_eq!(asked, [looks_again, looks_again, None, None]);
    assert_eq!(wanted(&mut grants), 2);
}

#[test]
fn grants_that_nothing_waits_for_are_used_later_or_expire() {
    let (budget, mut grants) = DialBudget::granted();
    grants.grant(3, at(0), VALID);
    assert_eq!(Session::new(&budget).ask(0), None);
    assert_eq!(Session::new(&budget).ask(1_999), None);
    assert_eq!(wanted(&mut grants), 0);
    let mut late = Session::new(&budget);
    assert_eq!(late.ask(2_000), Some([None, None]));
    assert_eq!(wanted(&mut grants), 1);
}

#[test]
fn the_feeder_is_woken_when_a_grant_is_missing() {
    let (budget, mut grants) = DialBudget::granted();
    let calls = Arc::new(WakeCounter::default());
    let poll = |grants: &mut DialGrants| {
        let waker = calls.waker();
        grants.poll_wanted(&mut Context::from_waker(&waker))
    };
    let called = || calls.take();
    grants.grant(1, at(0), VALID);
    assert_eq!(poll(&mut grants), Poll::Pending);
    assert_eq!(Session::new(&budget).ask(0), None);
    assert_eq!(called(), 0, "it had a grant");
    let mut all = sessions(&budget, 2);
    all.iter_mut().for_each(|session| assert!(session.ask(0).is_some()));
    assert_eq!(called(), 1);
    assert_eq!(poll(&mut grants), Poll::Ready(2));
    all.iter_mut().for_each(|session| session.place.leave());
    assert_eq!(poll(&mut grants), Poll::Pending);
}

#[test]
fn a_grant_that_is_given_back_goes_to_the_next_until_it_expires() {
    let (mut grants, mut all, _) = waiting(3);
    grants.grant(1, at(0), VALID);
    let waker = all[0].calls.waker();
    assert_eq!(all[0].place.ask(at(0), &waker), Turn::Now);
    assert_eq!(wanted(&mut grants), 2);
    all[0].place.leave();
    assert_eq!(wanted(&mut grants), 1, "one of them has the grant that was given back");
    assert!(all[1].was_called());
    assert_eq!(all[1].place.ask(at(1_500), &waker), Turn::Now);
    // The grant has expired when it is given back again.
    assert!(all[2].ask(2_000).is_some());
    all[1].place.leave();
    assert!(all[2].ask(2_000).is_some());
    assert_eq!(wanted(&mut grants), 1);
}

#[test]
fn a_granted_turn_that_is_not_used_goes_to_the_next_after_a_second() {
    let (mut grants, mut all, _) = waiting(4);
    grants.grant(2, at(100), VALID);
    // The first two are not polled any more. The third one was woken, and looks again.
    assert_eq!(all[2].ask(100), Some([None, Some(at(1_100))]));
    assert!(!all[3].was_called());
    assert_eq!(all[2].ask(1_100), None);
    assert!(all[3].was_called());
    assert_eq!(all[3].ask(1_100), None);
    // One that is polled again asks again.
    assert!(all[0].ask(1_100).is_some());
    assert_eq!(wanted(&mut grants), 1);
}

#[test]
fn an_attempt_whose_grant_expired_keeps_its_order_for_a_second() {
    let (mut grants, mut all, _) = waiting(2);
    grants.grant(1, at(0), Duration::from_millis(500));
    assert_eq!(all[1].ask(600), Some([None, None]));
    assert_eq!(wanted(&mut grants), 2);
    grants.grant(1, at(700), VALID);
    assert!(all[1].ask(700).is_some());
    assert_eq!(all[0].ask(700), None);
    // The next grant is not used, too.
    let (mut grants, mut all, _) = waiting(2);
    for ms in [0, 1_100] {
        grants.grant(1, at(ms), Duration::from_millis(1_050));
    }
    assert_eq!(all[1].ask(1_100), None, "a second after the first one had its turn");
    assert!(all[0].was_called());
}

#[test]
fn without_grants_to_come_the_budget_has_no_limit() {
    let (mut grants, mut all, budget) = waiting(3);
    grants.grant(1, at(0), VALID);
    let waker = all[0].calls.waker();
    assert_eq!(all[0].place.ask(at(0), &waker), Turn::Now);
    drop(grants);
    assert!(all[1].was_called() && all[2].was_called());
    all[0].place.leave();
    assert_eq!(all[2].ask(0), None);
    assert_eq!(all[1].ask(3_600_000), None);
    assert_eq!(Session::new(&budget).ask(3_600_000), None);
}

#[test]
fn the_time_of_a_grant_is_not_known_before() {
    let (mut grants, mut all, budget) = waiting(1);
    let place = Place::new(budget);
    assert_eq!(place.earliest(at(500)), Some(at(500)));
    assert!(all[0].place.is_queued());
    grants.grant(1, at(0), Duration::MAX);
    assert_eq!(all[0].ask(u64::MAX / 1_000_000), None, "this grant never expires");
}

#[test]
fn a_huge_number_of_grants_is_one_entry() {
    let (budget, mut grants) = DialBudget::granted();
    for _ in 0..3 {
        grants.grant(usize::MAX, at(0), VALID);
    }
    assert_eq!(Session::new(&budget).ask(0), None);
    assert_eq!(wanted(&mut grants), 0);
}
