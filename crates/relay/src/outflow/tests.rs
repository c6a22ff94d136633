use bytes::Bytes;

use super::{MAX_BYTES, MAX_ENTRIES, Outflow, Quota};
use crate::engine::{Entry, Head};

fn entry(number: usize, size: usize) -> Entry {
    Entry {
        subject: "s".into(),
        id: number.to_string().into(),
        head: Head::Note("test"),
        payload: Bytes::from(vec![0; size]),
    }
}

fn outflow(count: usize) -> Outflow {
    let quota = Quota::new(usize::MAX);
    let mut outflow = Outflow::default();
    (0..count).for_each(|number| outflow.push(entry(number, 1), (), quota.take(1)));
    outflow
}

/// Sends all that may be sent now.
fn send(outflow: &mut Outflow) -> Vec<String> {
    let mut ids = Vec::new();
    while let Some(entry) = outflow.next() {
        ids.push(entry.id.to_string());
        outflow.sent();
    }
    ids
}

#[test]
fn entries_are_sent_in_order_without_waiting_for_answers() {
    let mut outflow = outflow(3);
    assert_eq!(send(&mut outflow), ["0", "1", "2"]);
    assert_eq!(&*outflow.acknowledge().unwrap().0.id, "0");
    assert_eq!(send(&mut outflow), [""; 0]);
    assert_eq!(outflow.len(), 2);
}

#[test]
fn after_a_refusal_the_first_entry_is_tried_alone_and_then_all_after_it() {
    let mut outflow = outflow(4);
    send(&mut outflow);
    outflow.acknowledge();
    outflow.go_back();
    assert_eq!(send(&mut outflow), ["1"]);
    outflow.go_back();
    assert_eq!(send(&mut outflow), ["1"]);
    outflow.acknowledge();
    assert_eq!(send(&mut outflow), ["2", "3"]);
}

#[test]
fn room_is_bounded_by_entries_and_by_bytes() {
    let mut full = outflow(MAX_ENTRIES);
    assert!(!full.has_room());
    full.acknowledge();
    assert!(full.has_room());

    let mut large = Outflow::default();
    let quota = Quota::new(10);
    large.push(entry(0, MAX_BYTES), (), quota.take(MAX_BYTES));
    assert!(!large.has_room() && !quota.has_room());
    large.acknowledge();
    assert!(large.has_room() && quota.has_room());
    assert_eq!(quota.used(), 0);
}

#[test]
fn a_batch_has_bounds_and_at_least_one_entry() {
    let outflow = outflow(5);
    let size = entry(0, 1).len();
    let ids = |entries, bytes| outflow.batch(entries, bytes).len();
    assert_eq!((ids(10, usize::MAX), ids(3, usize::MAX)), (5, 3));
    assert_eq!((ids(10, 2 * size), ids(10, 2 * size - 1), ids(10, 0)), (2, 1, 1));
}

#[tokio::test]
async fn a_waiting_task_goes_on_when_the_quota_has_room() {
    let quota = Quota::new(10);
    let share = quota.take(10);
    let waits = tokio::spawn({
        let quota = quota.clone();
        async move { quota.room().await }
    });
    tokio::task::yield_now().await;
    assert!(!waits.is_finished());
    drop(share);
    waits.await.unwrap();
}
