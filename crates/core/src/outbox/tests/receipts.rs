//! Receipts over the outbox alone: their fates, and the memory that they use.

use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use super::{offer, online_outbox};
use crate::{
    config::OutboxSettings,
    event::Fate,
    message::Outgoing,
    outbox::{Admission, Fates, Online, Outbox, entry::Entry, receipt::Receipt},
    sync::{Deferred, WakeCounter},
    time::Timestamp,
};

fn receipt(outbox: &mut Outbox, text: &str) -> Receipt {
    let mut outgoing = Some(Outgoing::new(text));
    let admission = outbox.offer(&mut outgoing, None, 0, &mut Deferred::default());
    assert_eq!(admission, Admission::Accepted);
    outbox.receipt()
}

fn hand_over(outbox: &mut Outbox) -> usize {
    let mut to = VecDeque::new();
    outbox.expire(Timestamp::EPOCH, &mut Deferred::default());
    outbox.hand_over(&mut to);
    to.len()
}

fn written(outbox: &mut Outbox, connection: u64) {
    let mut deferred = Deferred::default();
    outbox.written(connection, &mut VecDeque::new(), &mut deferred);
    drop(deferred);
}

fn reconnect(outbox: &mut Outbox, from: u64, to: u64) {
    let mut deferred = Deferred::default();
    outbox.lost(from, &mut deferred);
    outbox.set_online(Online::No, &mut deferred);
    outbox.set_online(Online::Yes(to), &mut deferred);
    drop(deferred);
}

fn poll(receipt: &mut Receipt, waker: &Waker) -> Poll<Fate> {
    Pin::new(receipt).poll(&mut Context::from_waker(waker))
}

fn look(receipt: &mut Receipt) -> Poll<Fate> {
    poll(receipt, Waker::noop())
}

fn fates(outbox: &Outbox) -> Arc<Fates> {
    Arc::clone(outbox.receipts.as_ref().unwrap().all().current.as_ref().unwrap())
}

#[test]
fn a_receipt_knows_its_connection_also_when_polled_late() {
    let mut outbox = online_outbox(OutboxSettings::new());
    let mut first = receipt(&mut outbox, "a");
    assert_eq!(hand_over(&mut outbox), 1);
    written(&mut outbox, 1);
    let mut second = receipt(&mut outbox, "queued when the connection is lost");
    reconnect(&mut outbox, 1, 2);
    let mut third = receipt(&mut outbox, "b");
    assert_eq!(hand_over(&mut outbox), 2);
    assert_eq!(look(&mut second), Poll::Pending);
    written(&mut outbox, 2);
    reconnect(&mut outbox, 2, 3);
    for (receipt, connection) in [(&mut first, 1), (&mut second, 2), (&mut third, 2)] {
        assert_eq!(look(receipt), Poll::Ready(Fate::Written { connection }));
        assert_eq!(look(receipt), Poll::Pending, "once");
    }
    assert!(outbox.receipts.as_ref().unwrap().all().earlier.is_empty(), "all are resolved");
}

#[test]
fn one_expired_message_does_not_change_the_fate_of_others() {
    let policy = OutboxSettings::new().max_age(Duration::from_secs(1));
    let mut outbox = online_outbox(policy);
    let mut first = receipt(&mut outbox, "a");
    assert_eq!(hand_over(&mut outbox), 1);
    let mut expired = receipt(&mut outbox, "b");
    outbox.expire(Timestamp::EPOCH, &mut Deferred::default());
    outbox.expire(Timestamp::from_epoch(Duration::from_secs(2)), &mut Deferred::default());
    assert_eq!(look(&mut first), Poll::Pending);
    written(&mut outbox, 1);
    let mut last = receipt(&mut outbox, "c");
    assert_eq!(hand_over(&mut outbox), 1);
    written(&mut outbox, 1);
    assert_eq!(look(&mut first), Poll::Ready(Fate::Written { connection: 1 }));
    assert_eq!(look(&mut last), Poll::Ready(Fate::Written { connection: 1 }));
    assert!(matches!(look(&mut expired), Poll::Ready(Fate::Dropped { .. })));
    assert!(fates(&outbox).is_clean());
}

#[test]
fn a_batch_of_fates_wakes_a_task_once() {
    let mut outbox = online_outbox(OutboxSettings::new());
    let wakes = Arc::new(WakeCounter::default());
    let waker = wakes.waker();
    let mut receipts: Vec<_> = (0..64).map(|_| receipt(&mut outbox, "a")).collect();
    hand_over(&mut outbox);
    for receipt in &mut receipts {
        assert_eq!(poll(receipt, &waker), Poll::Pending);
    }
    written(&mut outbox, 1);
    assert_eq!(wakes.count(), 1);
    assert!(receipts.iter_mut().all(|receipt| poll(receipt, &waker).is_ready()));
}

#[test]
fn a_dropped_receipt_leaves_nothing_behind() {
    let mut outbox = online_outbox(OutboxSettings::new());
    let unpolled = receipt(&mut outbox, "a");
    let mut awaited = receipt(&mut outbox, "b");
    let late = receipt(&mut outbox, "c");
    let kept = fates(&outbox);
    assert_eq!(look(&mut awaited), Poll::Pending);
    drop((unpolled, awaited));
    hand_over(&mut outbox);
    reconnect(&mut outbox, 1, 2);
    drop(late);
    assert!(kept.is_clean(), "unknown, and all receipts are dropped");

    let written_one = receipt(&mut outbox, "d");
    drop(receipt(&mut outbox, "e"));
    hand_over(&mut outbox);
    written(&mut outbox, 2);
    drop(written_one);
    assert!(fates(&outbox).is_clean(), "written, and all receipts are dropped");
}

#[test]
fn an_idle_session_frees_its_buffers_and_a_busy_one_keeps_them() {
    let mut outbox = online_outbox(OutboxSettings::new());
    let burst = |outbox: &mut Outbox| {
        let receipts: Vec<_> = (0..200).map(|_| receipt(outbox, "a")).collect();
        hand_over(outbox);
        written(outbox, 1);
        drop(receipts);
    };
    for _ in 0..20 {
        burst(&mut outbox);
        outbox.shrink_if_idle();
        assert!(outbox.list.capacity() >= 200, "busy");
    }
    for _ in 0..4 {
        outbox.shrink_if_idle();
    }
    assert_eq!(outbox.list.capacity(), 0);
    assert!(outbox.receipts.is_none() && outbox.rare.is_none());
}

/// The receipt gets the fate, so only the number is left to report.
#[test]
fn the_number_of_unknown_messages_is_kept_until_it_is_reported() {
    let mut outbox = online_outbox(OutboxSettings::new());
    let mut receipt = receipt(&mut outbox, "a");
    hand_over(&mut outbox);
    reconnect(&mut outbox, 1, 2);
    assert!(matches!(fate(&mut receipt), Some(Fate::Unknown { .. })));
    let rest = |outbox: &mut Outbox| (0..5).for_each(|_| outbox.shrink_if_idle());
    rest(&mut outbox);
    assert_eq!(outbox.take_unsent().unknown, 1);
    rest(&mut outbox);
    assert!(outbox.rare.is_none(), "nothing is left to report");
}

#[cfg(target_pointer_width = "64")]
#[test]
fn the_outbox_of_a_session_is_small() {
    assert!(size_of::<Outbox>() <= 232, "{}", size_of::<Outbox>());
    assert!(size_of::<Entry>() <= 96, "{}", size_of::<Entry>());
    assert_eq!(size_of::<Receipt>(), 24);
}

/// Returns the fate of a message, if it has one.
fn fate(receipt: &mut Receipt) -> Option<Fate> {
    let mut cx = Context::from_waker(Waker::noop());
    match Pin::new(receipt).poll(&mut cx) {
        Poll::Ready(fate) => Some(fate),
        Poll::Pending => None,
    }
}

fn queue_on(outbox: &mut Outbox, connection: u64, texts: &[&str]) -> Vec<Receipt> {
    let mut messages = texts.iter().map(|text| (*text).into()).collect();
    outbox.queue_on_with_receipts(connection, &mut messages).unwrap()
}

#[test]
fn receipts_for_one_connection_get_the_fate_on_it() {
    let mut outbox = online_outbox(OutboxSettings::new().resend(9));
    let [mut a, mut b] = queue_on(&mut outbox, 1, &["a", "b"]).try_into().unwrap();
    assert_eq!(hand_over(&mut outbox), 2);
    let [mut c] = queue_on(&mut outbox, 1, &["c"]).try_into().unwrap();
    assert_eq!(fate(&mut a), None, "it is handed over, and not flushed");
    written(&mut outbox, 1);
    assert_eq!(fate(&mut a), Some(Fate::Written { connection: 1 }));
    assert_eq!(fate(&mut c), None);
    assert_eq!(hand_over(&mut outbox), 1);
    let [mut d] = queue_on(&mut outbox, 1, &["d"]).try_into().unwrap();
    let mut sender = receipt(&mut outbox, "sender");
    reconnect(&mut outbox, 1, 2);
    assert_eq!(fate(&mut b), Some(Fate::Written { connection: 1 }));
    assert!(matches!(fate(&mut c), Some(Fate::Unknown { connection: 1, .. })));
    assert!(matches!(fate(&mut d), Some(Fate::Dropped { .. })));
    let [mut e] = queue_on(&mut outbox, 2, &["e"]).try_into().unwrap();
    assert_eq!(hand_over(&mut outbox), 2);
    written(&mut outbox, 2);
    assert_eq!(fate(&mut sender), Some(Fate::Written { connection: 2 }));
    assert_eq!(fate(&mut e), Some(Fate::Written { connection: 2 }));
    assert!(outbox.receipts.as_ref().unwrap().all().earlier.is_empty());
    assert!(outbox.queue_on_with_receipts(1, &mut vec!["f".into()]).is_none());
}

#[test]
fn a_withdrawn_message_is_not_handed_over() {
    let mut outbox = online_outbox(OutboxSettings::new());
    let [a] = queue_on(&mut outbox, 1, &["a"]).try_into().unwrap();
    assert_eq!(hand_over(&mut outbox), 1);
    let [b, mut c] = queue_on(&mut outbox, 1, &["b", "c"]).try_into().unwrap();
    let mut deferred = Deferred::default();
    assert!(!outbox.withdraw(a.number().unwrap(), &mut deferred), "the connection has it");
    assert!(outbox.withdraw(b.number().unwrap(), &mut deferred));
    assert!(!outbox.withdraw(b.number().unwrap(), &mut deferred), "it is removed");
    drop(b);
    assert_eq!(outbox.held().count, 2);
    written(&mut outbox, 1);
    assert_eq!(hand_over(&mut outbox), 1);
    written(&mut outbox, 1);
    assert_eq!(fate(&mut c), Some(Fate::Written { connection: 1 }));
    assert!(outbox.is_settled());
}

#[test]
fn a_written_message_wakes_only_the_task_that_waits_for_it() {
    let mut outbox = online_outbox(OutboxSettings::new());
    let wakes = [Arc::new(WakeCounter::default()), Arc::new(WakeCounter::default())];
    let mut first = receipt(&mut outbox, "a");
    hand_over(&mut outbox);
    let mut second = receipt(&mut outbox, "b");
    for (receipt, wakes) in [&mut first, &mut second].into_iter().zip(&wakes) {
        assert_eq!(poll(receipt, &wakes.waker()), Poll::Pending);
    }
    written(&mut outbox, 1);
    assert_eq!(wakes.map(|wakes| wakes.count()), [1, 0]);
}

#[test]
fn a_message_was_taken_if_a_connection_wrote_it() {
    let policy = OutboxSettings::new().max_age(Duration::from_secs(1));
    let mut outbox = online_outbox(policy);
    let expired = receipt(&mut outbox, "expired");
    outbox.expire(Timestamp::EPOCH, &mut Deferred::default());
    outbox.expire(Timestamp::from_epoch(Duration::from_secs(1)), &mut Deferred::default());
    let [first, second] = ["a", "b"].map(|text| receipt(&mut outbox, text));
    hand_over(&mut outbox);
    written(&mut outbox, 1);
    let queued = receipt(&mut outbox, "queued");
    let taken =
        [expired, first, second, queued].map(|receipt| receipt.was_taken(&mut Deferred::default()));
    assert_eq!(taken, [false, true, true, false]);
}

#[test]
fn a_replay_in_the_outbox_does_not_delay_the_fate_of_a_message() {
    let mut outbox = online_outbox(OutboxSettings::new());
    outbox.set_replay("key", "replay".into(), &mut Deferred::default()).unwrap();
    let mut receipt = receipt(&mut outbox, "a");
    assert_eq!(hand_over(&mut outbox), 2);
    outbox.set_replay("key", "again".into(), &mut Deferred::default()).unwrap();
    written(&mut outbox, 1);
    assert_eq!(fate(&mut receipt), Some(Fate::Written { connection: 1 }));
}

#[test]
fn a_loss_before_anything_was_written_needs_no_further_memory() {
    let mut outbox = online_outbox(OutboxSettings::new());
    let mut receipt = receipt(&mut outbox, "a");
    for connection in 1..5 {
        reconnect(&mut outbox, connection, connection + 1);
        assert!(outbox.receipts.as_ref().unwrap().all().earlier.is_empty());
    }
    hand_over(&mut outbox);
    written(&mut outbox, 5);
    assert_eq!(fate(&mut receipt), Some(Fate::Written { connection: 5 }));
}

#[test]
fn each_message_keeps_its_own_fate_after_a_loss() {
    let settings = OutboxSettings::new();
    let begin = |outbox: &mut Outbox| {
        let mut first = receipt(outbox, "a");
        hand_over(outbox);
        written(outbox, 1);
        assert_eq!(fate(&mut first), Some(Fate::Written { connection: 1 }));
        let earlier = fates(outbox);
        offer(outbox, "without a receipt");
        let before = receipt(outbox, "before the loss");
        reconnect(outbox, 1, 2);
        (earlier, before, receipt(outbox, "after the loss"))
    };

    let mut outbox = online_outbox(settings);
    let (earlier, mut before, mut after) = begin(&mut outbox);
    assert_eq!(hand_over(&mut outbox), 3);
    written(&mut outbox, 2);
    assert!(fates(&outbox).is_clean(), "one number resolves the receipts of later messages");
    for receipt in [&mut before, &mut after] {
        assert_eq!(fate(receipt), Some(Fate::Written { connection: 2 }));
    }
    assert!(earlier.is_clean(), "nothing is kept for a message without a receipt");

    let mut outbox = online_outbox(settings);
    let (_, mut before, mut after) = begin(&mut outbox);
    outbox.close(&mut Deferred::default());
    for receipt in [&mut before, &mut after] {
        assert!(matches!(fate(receipt), Some(Fate::Dropped { .. })));
    }
}

#[test]
fn a_fate_whose_receipt_was_dropped_is_not_reported_after_a_rest() {
    let mut outbox = Outbox::new(OutboxSettings::new());
    drop(receipt(&mut outbox, "a"));
    (0..5).for_each(|_| outbox.shrink_if_idle());
    outbox.close(&mut Deferred::default());
    assert_eq!(outbox.take_unsent().fates.len(), 0);
}

#[test]
fn the_debug_output_of_a_receipt_has_no_payload() {
    let mut outbox = online_outbox(OutboxSettings::new());
    assert_eq!(format!("{:?}", receipt(&mut outbox, "secret")), "Receipt { .. }");
}
