//! Receipts over the outbox alone: what they are told, and what they leave behind.

use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use crate::{
    config::OutboxSettings,
    event::Fate,
    message::Outgoing,
    outbox::{Fates, Offered, Online, Outbox, entry::Entry, receipt::Receipt},
    sync::Garbage,
    time::Timestamp,
};

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn queue(policy: OutboxSettings) -> Outbox {
    let mut queue = Outbox::new(policy);
    queue.set_online(Online::Yes(1), &mut Garbage::default());
    queue
}

fn receipt(queue: &mut Outbox, text: &str) -> Receipt {
    let mut outgoing = Some(Outgoing::new(text));
    let offered = queue.offer(&mut outgoing, None, 0, &mut Garbage::default());
    assert_eq!(offered, Offered::Accepted);
    queue.receipt().unwrap()
}

fn hand_over(queue: &mut Outbox) -> usize {
    let mut to = VecDeque::new();
    queue.expire(Timestamp::EPOCH, &mut Garbage::default());
    queue.hand_over(&mut to);
    to.len()
}

fn written(queue: &mut Outbox, connection: u64) {
    let mut garbage = Garbage::default();
    queue.written(connection, &mut VecDeque::new(), &mut garbage);
    drop(garbage);
}

fn reconnect(queue: &mut Outbox, from: u64, to: u64) {
    let mut garbage = Garbage::default();
    queue.lost(from, &mut garbage);
    queue.set_online(Online::No, &mut garbage);
    queue.set_online(Online::Yes(to), &mut garbage);
    drop(garbage);
}

fn poll(receipt: &mut Receipt, waker: &Waker) -> Poll<Fate> {
    Pin::new(receipt).poll(&mut Context::from_waker(waker))
}

fn look(receipt: &mut Receipt) -> Poll<Fate> {
    poll(receipt, Waker::noop())
}

fn fates(queue: &Outbox) -> Arc<Fates> {
    Arc::clone(queue.fates.as_ref().unwrap())
}

#[test]
fn a_receipt_knows_the_connection_however_late_it_is_asked() {
    let mut queue = queue(OutboxSettings::new());
    let mut first = receipt(&mut queue, "a");
    assert_eq!(hand_over(&mut queue), 1);
    written(&mut queue, 1);
    let mut second = receipt(&mut queue, "queued when the connection is lost");
    reconnect(&mut queue, 1, 2);
    let mut third = receipt(&mut queue, "b");
    assert_eq!(hand_over(&mut queue), 2);
    assert_eq!(look(&mut second), Poll::Pending);
    written(&mut queue, 2);
    reconnect(&mut queue, 2, 3);
    for (receipt, connection) in [(&mut first, 1), (&mut second, 2), (&mut third, 2)] {
        assert_eq!(look(receipt), Poll::Ready(Fate::Written { connection }));
        assert_eq!(look(receipt), Poll::Pending, "once");
    }
    assert!(queue.extra.as_ref().unwrap().earlier.is_empty(), "all are told");
}

#[test]
fn one_fate_against_the_rule_leaves_the_others_theirs() {
    let policy = OutboxSettings::new().max_age(Duration::from_secs(1));
    let mut queue = queue(policy);
    let mut first = receipt(&mut queue, "a");
    assert_eq!(hand_over(&mut queue), 1);
    let mut expired = receipt(&mut queue, "b");
    queue.expire(Timestamp::EPOCH, &mut Garbage::default());
    queue.expire(Timestamp::from_epoch(Duration::from_secs(2)), &mut Garbage::default());
    assert_eq!(look(&mut first), Poll::Pending);
    written(&mut queue, 1);
    let mut last = receipt(&mut queue, "c");
    assert_eq!(hand_over(&mut queue), 1);
    written(&mut queue, 1);
    assert_eq!(look(&mut first), Poll::Ready(Fate::Written { connection: 1 }));
    assert_eq!(look(&mut last), Poll::Ready(Fate::Written { connection: 1 }));
    assert!(matches!(look(&mut expired), Poll::Ready(Fate::Dropped { .. })));
    assert!(fates(&queue).is_clean());
}

#[test]
fn a_batch_wakes_a_task_once() {
    let mut queue = queue(OutboxSettings::new());
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(Arc::clone(&wakes));
    let mut receipts: Vec<_> = (0..64).map(|_| receipt(&mut queue, "a")).collect();
    hand_over(&mut queue);
    for receipt in &mut receipts {
        assert_eq!(poll(receipt, &waker), Poll::Pending);
    }
    written(&mut queue, 1);
    assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
    assert!(receipts.iter_mut().all(|receipt| poll(receipt, &waker).is_ready()));
}

#[test]
fn a_dropped_receipt_leaves_nothing_behind_whenever_it_is_dropped() {
    let mut queue = queue(OutboxSettings::new());
    let unpolled = receipt(&mut queue, "a");
    let mut awaited = receipt(&mut queue, "b");
    let late = receipt(&mut queue, "c");
    let kept = fates(&queue);
    assert_eq!(look(&mut awaited), Poll::Pending);
    drop((unpolled, awaited));
    hand_over(&mut queue);
    reconnect(&mut queue, 1, 2);
    drop(late);
    assert!(kept.is_clean(), "unknown, and nobody asks");

    let written_one = receipt(&mut queue, "d");
    drop(receipt(&mut queue, "e"));
    hand_over(&mut queue);
    written(&mut queue, 2);
    drop(written_one);
    assert!(fates(&queue).is_clean(), "written, and nobody asks");
}

#[test]
fn a_resting_session_gives_back_the_room_of_a_burst_and_a_busy_one_keeps_it() {
    let mut queue = queue(OutboxSettings::new());
    let burst = |queue: &mut Outbox| {
        let receipts: Vec<_> = (0..200).map(|_| receipt(queue, "a")).collect();
        hand_over(queue);
        written(queue, 1);
        drop(receipts);
    };
    for _ in 0..20 {
        burst(&mut queue);
        queue.rest();
        assert!(queue.list.capacity() >= 200, "busy");
    }
    for _ in 0..5 {
        queue.rest();
    }
    assert_eq!(queue.list.capacity(), 0);
    assert!(queue.fates.is_none() && queue.extra.is_none());
}

#[cfg(target_pointer_width = "64")]
#[test]
fn what_every_session_has_is_small() {
    assert!(size_of::<Outbox>() <= 200, "{}", size_of::<Outbox>());
    assert!(size_of::<Entry>() <= 96, "{}", size_of::<Entry>());
    assert_eq!(size_of::<Receipt>(), 24);
}
