//! Models of the calls that callers and the layer share, see [`models`](crate::models).

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use loom::{future::block_on, thread};

use super::{
    settings::Answer,
    table::{Options, Table},
};
use crate::{
    config::OutboxSettings,
    handle::Handle,
    models::{explore, hand_over, online, written},
    shared::Shared,
    time::Timestamp,
};

const OPTIONS: Options = Options { timeout: Duration::from_secs(1), idempotent: false };

/// Adds a call, sends its request as the layer does, and hands it to the connection.
fn call(shared: &Shared, handle: &Handle, table: &Table<&'static str, u32>) -> u64 {
    let id = table.add("request", OPTIONS).unwrap();
    table.stamp(Timestamp::EPOCH);
    let (_, request) = table.take_unsent().unwrap();
    table.put_back(id, request);
    let receipts = handle.queue_on_with_receipts(1, vec![request.into()]).unwrap();
    assert!(table.record_sent([id].into_iter().zip(receipts)).is_empty());
    hand_over(shared);
    id
}

/// Takes an answer as the layer does. Returns whether a call has taken it.
fn answer(handle: &Handle, table: &Table<&'static str, u32>, id: u64) -> bool {
    let answer = Answer::new(id, 42);
    let unclaimed =
        table.answer(answer, |receipt, deferred| handle.is_handed_over(receipt, deferred));
    unclaimed.is_none()
}

/// The locks of the table, the session and the fates are taken in this order. Fails if
/// `Handle::is_handed_over` does not look at the receipt again. Without the check in `Guarded::with`, it
/// also fails if the driver of the model looks at the table under the lock of the session.
#[test]
fn a_call_gets_its_answer_while_the_request_is_written() {
    explore(2, || {
        let (shared, handle) = online(OutboxSettings::new());
        let table = Arc::new(Table::new(8, u64::MAX));
        let id = call(&shared, &handle, &table);
        let driver = thread::spawn(move || written(&shared, 1));
        let layer = thread::spawn({
            let table = Arc::clone(&table);
            move || assert!(answer(&handle, &table, id))
        });
        let result = block_on(poll_fn(|cx| table.poll(id, cx)));
        assert!(matches!(result, Ok(42)), "{result:?}");
        driver.join().unwrap();
        layer.join().unwrap();
        assert!(table.is_empty());
    });
}

/// An answer and the drop of its call: one of them takes the call. Fails if `Table::forget` leaves
/// the outcome.
#[test]
fn a_dropped_call_leaves_nothing() {
    explore(2, || {
        let (shared, handle) = online(OutboxSettings::new());
        let table = Arc::new(Table::new(8, u64::MAX));
        let id = call(&shared, &handle, &table);
        let layer = thread::spawn({
            let table = Arc::clone(&table);
            move || answer(&handle, &table, id)
        });
        drop(table.forget(id));
        layer.join().unwrap();
        assert!(table.is_empty());
        written(&shared, 1);
    });
}

/// Fails if `Table::notify` sets the flag after it has called the waker.
#[test]
fn the_layer_sees_every_new_call() {
    explore(2, || {
        let table = Arc::new(Table::<_, ()>::new(8, u64::MAX));
        let callers = [1, 2].map(|request| {
            let table = Arc::clone(&table);
            thread::spawn(move || table.add(request, OPTIONS).unwrap())
        });
        let mut seen = Vec::new();
        block_on(poll_fn(|cx: &mut Context<'_>| {
            table.set_layer(cx.waker());
            while table.take_new() {
                table.stamp(Timestamp::EPOCH);
                while let Some((_, request)) = table.take_unsent() {
                    seen.push(request);
                }
            }
            if seen.len() == 2 { Poll::Ready(()) } else { Poll::Pending }
        }));
        for caller in callers {
            caller.join().unwrap();
        }
    });
}
