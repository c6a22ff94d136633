//! The budget alone: the times at which attempts may begin, and the attempts that are woken.

mod grants;

use std::task::Wake;

use super::*;
use crate::sync::WakeCounter;

const SECOND: Duration = Duration::from_secs(1);

fn at(ms: u64) -> Timestamp {
    Timestamp::from_epoch(Duration::from_millis(ms))
}

/// A place in a budget, and how often its waker was called.
struct Session {
    place: Place,
    calls: Arc<WakeCounter>,
}

impl Session {
    fn new(budget: &DialBudget) -> Self {
        Self { place: Place::new(budget.clone()), calls: Arc::default() }
    }

    /// Asks for an attempt. Returns `None` if the attempt begins. Otherwise returns the planned
    /// time and the time of the next look.
    fn ask(&mut self, ms: u64) -> Option<[Option<Timestamp>; 2]> {
        match self.place.ask(at(ms), &self.calls.waker()) {
            Turn::Now => {
                self.place.use_up();
                None
            }
            Turn::Later(planned) => Some([planned, self.place.look()]),
        }
    }

    fn was_called(&self) -> bool {
        self.calls.take() > 0
    }
}

fn sessions(budget: &DialBudget, count: usize) -> Vec<Session> {
    (0..count).map(|_| Session::new(budget)).collect()
}

#[test]
fn no_window_holds_more_than_the_budget() {
    let budget = DialBudget::new(3, SECOND).unwrap();
    let mut all = sessions(&budget, 8);
    let mut waits = |ms: u64| {
        let mut one = all.pop().unwrap();
        let planned = one.ask(ms).map(|[planned, _]| planned.unwrap());
        (planned, one)
    };
    assert_eq!(waits(0).0, None);
    assert_eq!(waits(0).0, None);
    assert_eq!(waits(500).0, None);
    let (first, mut a) = waits(600);
    let (second, mut b) = waits(600);
    let (third, mut c) = waits(600);
    let (fourth, mut d) = waits(600);
    assert_eq!(
        [first, second, third, fourth].map(Option::unwrap),
        [1_000, 1_000, 1_500, 2_000].map(at)
    );
    assert_eq!(a.ask(1_000), None);
    assert_eq!(b.ask(1_000), None);
    assert_eq!(c.ask(1_000).unwrap()[0], Some(at(1_500)));
    assert_eq!(c.ask(1_500), None);
    assert_eq!(d.ask(1_500).unwrap()[0], Some(at(2_000)));
}

#[test]
fn attempts_begin_in_the_order_in_which_they_asked() {
    let budget = DialBudget::new(1, SECOND).unwrap();
    let mut all = sessions(&budget, 4);
    for session in &mut all {
        session.ask(0);
    }
    // The last one always asks first.
    for ms in [1_000, 1_500, 1_999] {
        assert!(all[3].ask(ms).is_some());
        assert!(all[2].ask(ms).is_some());
    }
    assert_eq!(all[1].ask(1_999), None);
    assert_eq!(all[2].ask(1_999).unwrap()[0], Some(at(2_999)));
    assert_eq!(all[3].ask(1_999).unwrap()[0], Some(at(3_999)));
}

#[test]
fn attempts_behind_one_that_leaves_move_up_and_are_woken() {
    let budget = DialBudget::new(1, SECOND * 10).unwrap();
    let mut all = sessions(&budget, 5);
    for session in &mut all {
        session.ask(0);
    }
    let mut gone = all.remove(2);
    gone.place.leave();
    let called: Vec<_> = all.iter().map(Session::was_called).collect();
    assert_eq!(called, [false, false, true, true], "only those behind");
    assert_eq!(all[2].ask(0).unwrap()[0], Some(at(20_000)));
    drop(all.remove(1));
    assert!(all[1].was_called());
    assert_eq!(all[1].ask(0).unwrap()[0], Some(at(10_000)));
    assert!(!all[2].was_called(), "it was woken before and has not asked since");
}

#[test]
fn a_grant_that_is_not_used_is_given_back() {
    let budget = DialBudget::new(1, SECOND * 10).unwrap();
    let mut all = sessions(&budget, 2);
    let waker = all[0].calls.waker();
    assert_eq!(all[0].place.ask(at(0), &waker), Turn::Now);
    assert!(all[1].ask(0).is_some());
    all[0].place.leave();
    assert!(all[1].was_called());
    assert_eq!(all[1].ask(0), None);
}

#[test]
fn a_turn_that_is_not_used_goes_to_the_next_after_a_second() {
    let budget = DialBudget::new(1, SECOND * 10).unwrap();
    let mut all = sessions(&budget, 4);
    for session in &mut all {
        session.ask(0);
    }
    // The next two are not polled any more. The last one asks at the returned times.
    let mut looks = Vec::new();
    let mut now = 0;
    while let Some([planned, look]) = all[3].ask(now) {
        let next = look.into_iter().chain(planned).min().unwrap();
        now = next.since_epoch().as_millis() as u64;
        looks.push(now);
        assert!(looks.len() < 20, "{looks:?}");
    }
    assert_eq!(now, 22_000, "{looks:?}");
    // A session that is polled again asks again, behind all others.
    assert_eq!(all[1].ask(22_000).unwrap()[0], Some(at(32_000)));
}

#[test]
fn a_turn_may_be_used_late_if_nothing_else_took_it() {
    let budget = DialBudget::new(1, SECOND).unwrap();
    let mut all = sessions(&budget, 3);
    for session in &mut all {
        session.ask(0);
    }
    // All sessions stalled for an hour. The last one is polled first.
    assert!(all[2].ask(3_600_000).is_some());
    assert!(all[1].was_called());
    assert_eq!(all[1].ask(3_600_000), None);
}

#[test]
fn thousands_of_dropped_places_leave_nothing_behind() {
    let budget = DialBudget::new(2, SECOND).unwrap();
    let mut all = sessions(&budget, 5_000);
    for session in &mut all {
        session.ask(0);
    }
    drop(all);
    let left = budget.state.with(|state, _| {
        let Source::Window(window) = &state.source else { panic!("it has a window") };
        (state.waiters.len(), window.begun.len())
    });
    assert_eq!(left, (0, 2));
}

#[test]
fn a_waker_that_panics_harms_no_other() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("a bug of the waker");
        }
    }
    let budget = DialBudget::new(1, SECOND).unwrap();
    let mut all = sessions(&budget, 4);
    all[0].ask(0);
    all[1].ask(0);
    all[2].place.ask(at(0), &Waker::from(Arc::new(Panics)));
    all[3].ask(0);
    all[1].place.leave();
    assert!(all[3].was_called());
}

#[test]
fn a_window_without_end_means_never() {
    let budget = DialBudget::new(1, Duration::MAX).unwrap();
    let mut all = sessions(&budget, 3);
    assert_eq!(all[0].ask(0), None);
    assert_eq!(all[1].ask(0), Some([None, None]));
    assert_eq!(all[2].ask(0), Some([None, None]));
}

#[test]
fn a_count_or_window_of_zero_is_refused_by_name() {
    assert_eq!(DialBudget::new(0, Duration::MAX).unwrap_err().setting(), "dial budget");
    let window = DialBudget::new(1, Duration::ZERO).unwrap_err();
    assert_eq!(window.setting(), "dial budget window");
}
