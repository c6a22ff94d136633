//! Models of the attempts that share a budget.

use std::{future::poll_fn, task::Poll, time::Duration};

use loom::{future::block_on, thread};

use super::{Trace, explore};
use crate::{
    config::dial_budget::{DialBudget, DialPlace, Place, Turn},
    time::Timestamp,
};

/// A budget of one attempt, and the place of the attempt that has it and has not begun.
fn granted() -> (DialBudget, Place) {
    let budget = DialBudget::new(1, Duration::from_secs(1)).unwrap();
    let mut place = Place::new(budget.clone());
    assert!(block_on(turn(&mut place)));
    (budget, place)
}

/// Waits for the turn of an attempt, as the engine does. The clock stands still.
async fn turn(place: &mut Place) -> bool {
    poll_fn(|cx| match place.ask(Timestamp::EPOCH, cx.waker()) {
        Turn::Now => Poll::Ready(true),
        Turn::Later(_) => Poll::Pending,
    })
    .await
}

/// Fails if `State::give_back` wakes no attempt.
#[test]
fn an_attempt_that_is_given_back_goes_to_the_next() {
    explore(2, || {
        let (budget, mut first) = granted();
        let next = thread::spawn(move || {
            let mut place = Place::new(budget);
            assert!(block_on(turn(&mut place)));
            place.use_up();
        });
        first.leave();
        next.join().unwrap();
    });
}

/// The attempt before it leaves the queue, and the one that was granted is given back. Fails if
/// `State::remove` does not wake the attempts behind it, or if the drop of a place does not leave.
#[test]
fn an_attempt_moves_up_when_the_one_before_it_is_dropped() {
    explore(2, || {
        let trace = Trace::default();
        let (budget, first) = granted();
        let mut second = Place::new(budget.clone());
        let waits = trace.poll(&mut Box::pin(turn(&mut second)));
        assert!(waits.is_pending());
        let third = thread::spawn(move || {
            let mut place = Place::new(budget);
            assert!(block_on(turn(&mut place)));
            place.use_up();
        });
        let dropper = thread::spawn(move || drop(first));
        drop(second);
        dropper.join().unwrap();
        third.join().unwrap();
        trace.assert_none();
    });
}

/// Fails if `State::ask` does not wake the feeder, if `DialGrants::grant` wakes no attempt, or if
/// `DialGrants::poll_wanted` registers the waker without a second look.
#[test]
fn an_attempt_and_its_feeder_find_each_other() {
    explore(2, || {
        let (budget, mut grants) = DialBudget::granted();
        let attempt = thread::spawn(move || {
            let mut place = Place::new(budget);
            assert!(block_on(turn(&mut place)));
            place.use_up();
        });
        let wanted = block_on(grants.wanted());
        assert_eq!(wanted, 1);
        grants.grant(wanted, Timestamp::EPOCH, Duration::from_secs(1));
        attempt.join().unwrap();
        drop(grants);
    });
}

/// Fails if the drop of `DialGrants` wakes no attempt.
#[test]
fn an_attempt_begins_when_its_feeder_is_dropped() {
    explore(2, || {
        let trace = Trace::default();
        let (budget, mut grants) = DialBudget::granted();
        assert!(trace.poll(&mut Box::pin(grants.wanted())).is_pending());
        let attempt = thread::spawn(move || {
            let mut place = Place::new(budget);
            assert!(block_on(turn(&mut place)));
            place.use_up();
        });
        drop(grants);
        attempt.join().unwrap();
        trace.assert_none();
    });
}
