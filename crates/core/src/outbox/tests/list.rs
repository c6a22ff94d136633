//! The list of messages: the cost of its removals and deadlines.

use std::{collections::VecDeque, time::Duration};

use super::{at, hand_over, offer, online_outbox, written};
use crate::{
    config::{OutboxSettings, WhenFull},
    message::{Message, Outgoing},
    outbox::{Admission, Outbox, list::MOVES},
    sync::Deferred,
};

/// Offers a message with this maximum age in seconds.
fn offer_for(outbox: &mut Outbox, age: usize) {
    let message = Outgoing::new("x").max_age(Duration::from_secs(age as u64));
    let admission = outbox.offer(&mut Some(message), None, 0, &mut Deferred::default());
    assert_eq!(admission, Admission::Accepted);
}

#[test]
fn the_cost_of_expiry_does_not_grow_with_waiting_messages() {
    const MANY: usize = 20_000;
    let policy = OutboxSettings::new().count(2 * MANY).resend(1);
    let mut outbox = online_outbox(policy);
    // Each message has another maximum age, in no order.
    (0..MANY).for_each(|index| offer_for(&mut outbox, 1 + (index * 7_919) % MANY));
    outbox.expire(at(0), &mut Deferred::default());
    let mut held = MANY;
    for seconds in 1..=MANY {
        assert_eq!(outbox.expiry(), Some(at(seconds as u64)), "that of the next message");
        outbox.expire(at(seconds as u64), &mut Deferred::default());
        held -= 1;
        assert_eq!(outbox.held().count, held);
        // Empty entries do not accumulate, and removing them is rare.
        assert!(outbox.list.entries() <= 2 * held + 32);
    }
    assert!(MOVES.get() <= 3 * MANY, "{} entries were visited", MOVES.get());
}

/// A message that is handed over and taken back gets a deadline again.
#[test]
fn deadlines_that_are_out_of_date_do_not_accumulate() {
    const MANY: usize = 1_000;
    for waiting in [1, 2, MANY] {
        MOVES.set(0);
        let policy = OutboxSettings::new().count(4 * MANY).max_age(Duration::from_secs(60));
        let mut outbox = online_outbox(policy);
        (0..waiting).for_each(|_| offer(&mut outbox, "x"));
        for round in 0..MANY {
            (0..=round % 2).for_each(|_| offer(&mut outbox, "x"));
            outbox.expire(at(0), &mut Deferred::default());
            assert!(outbox.list.deadlines() <= 2 * outbox.list.entries() + 32);
            let mut window = VecDeque::new();
            outbox.hand_over(&mut window);
            window.drain(..window.len().min(1 + round % 2));
            outbox.take_back(&mut window);
            written(&mut outbox, 1);
        }
        assert!(MOVES.get() <= 5 * MANY, "{} entries were visited", MOVES.get());
    }
}

/// Newer messages expire earlier, so no expiry frees the deadlines of older ones, which are dropped.
#[test]
fn deadlines_of_dropped_messages_do_not_accumulate() {
    const ROUNDS: usize = 1_000;
    const BATCH: usize = 7;
    for waiting in [BATCH, 1_000] {
        MOVES.set(0);
        let policy = OutboxSettings::new().count(waiting).when_full(WhenFull::DropOldest);
        let mut outbox = online_outbox(policy);
        for round in 0..ROUNDS {
            (0..BATCH).for_each(|_| offer_for(&mut outbox, 1 + ROUNDS - round));
            outbox.expire(at(0), &mut Deferred::default());
            assert!(outbox.list.deadlines() <= 2 * outbox.list.entries() + 32);
        }
        assert_eq!(outbox.held().count, waiting);
        assert!(MOVES.get() <= 2 * ROUNDS * BATCH, "{} entries were visited", MOVES.get());
    }
}

/// Withdrawn messages in the middle leave empty entries, which are removed all at once.
#[test]
fn removing_empty_entries_does_not_stamp_a_new_message() {
    let mut outbox = online_outbox(OutboxSettings::new().max_age(Duration::from_secs(60)));
    let mut deferred = Deferred::default();
    offer(&mut outbox, "old");
    let mut of_layer: Vec<Message> = (0..100).map(|_| "x".into()).collect();
    let first = outbox.queue_on(1, &mut of_layer).unwrap();
    outbox.expire(at(0), &mut deferred);
    offer(&mut outbox, "new");
    MOVES.set(0);
    for ticket in first..first + 100 {
        assert!(outbox.withdraw(ticket, &mut deferred));
    }
    assert!(MOVES.get() > 0, "empty entries were removed");
    assert_eq!(hand_over(&mut outbox), ["old"], "the new message is not stamped");
    written(&mut outbox, 1);
    for (now, held) in [(5, 1), (64, 1), (65, 0)] {
        outbox.expire(at(now), &mut deferred);
        assert_eq!(outbox.held().count, held, "after {now} s");
    }
}

#[test]
fn all_queued_messages_may_be_removed_behind_one_that_was_handed_over() {
    let mut outbox = online_outbox(OutboxSettings::new());
    let mut deferred = Deferred::default();
    offer(&mut outbox, "a");
    outbox.expire(at(0), &mut deferred);
    assert_eq!(hand_over(&mut outbox), ["a"]);
    let first = outbox.queue_on(1, &mut vec!["x".into(), "y".into()]).unwrap();
    assert!(outbox.withdraw(first, &mut deferred) && outbox.withdraw(first + 1, &mut deferred));
    offer(&mut outbox, "b");
    assert_eq!(hand_over(&mut outbox), [""; 0], "it is not stamped");
    outbox.expire(at(0), &mut deferred);
    assert_eq!(hand_over(&mut outbox), ["b"]);
    assert_eq!(outbox.held().count, 2);
    written(&mut outbox, 1);
    assert!(outbox.is_settled());
}
