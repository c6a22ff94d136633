//! Models of the tasks that wait for room in the outbox.

use std::{future::poll_fn, pin::Pin, sync::Arc};

use futures_sink::Sink;
use loom::{future::block_on, thread};

use super::{Trace, explore, hand_over, now, once, online, written};
use crate::{config::OutboxSettings, handle::Handle, outbox::QueueError, shared::Shared};

/// A session whose outbox has one place, which is taken. The message was handed over.
fn full() -> (Arc<Shared>, Handle) {
    let (shared, handle) = online(OutboxSettings::new().count(1));
    now(handle.queue("first")).unwrap();
    hand_over(&shared);
    (shared, handle)
}

fn write(shared: &Shared) {
    hand_over(shared);
    written(shared, 1);
}

/// Fails if `Outbox::settle_waiting` does not wake the tasks that have room.
#[test]
fn a_task_gets_the_room_that_becomes_free() {
    explore(2, || {
        let (shared, handle) = full();
        let driver = thread::spawn(move || write(&shared));
        block_on(handle.queue("second")).unwrap();
        driver.join().unwrap();
    });
}

/// Fails if the drop of a `Queuing` does not leave the queue.
#[test]
fn a_dropped_task_passes_its_turn_on() {
    explore(2, || {
        let trace = Trace::default();
        let (shared, handle) = full();
        let other = handle.clone();
        let mut first = handle.queue(trace.message());
        assert!(trace.poll(&mut first).is_pending());
        let driver = thread::spawn({
            let shared = Arc::clone(&shared);
            move || write(&shared)
        });
        let second = thread::spawn(move || block_on(other.queue("second")).unwrap());
        drop(first);
        driver.join().unwrap();
        second.join().unwrap();
        trace.assert_none();
        drop(shared);
    });
}

/// Fails if `Outbox::forget_sink` does not release the reservation.
#[test]
fn a_dropped_sink_passes_its_place_on() {
    explore(2, || {
        let (shared, handle) = full();
        let mut sink = handle.clone();
        let driver = thread::spawn(move || write(&shared));
        let ready = thread::spawn(move || {
            block_on(once(&mut poll_fn(|cx| Pin::new(&mut sink).poll_ready(cx))));
            drop(sink);
        });
        block_on(handle.queue("second")).unwrap();
        driver.join().unwrap();
        ready.join().unwrap();
    });
}

/// Fails if `Outbox::settle` does nothing once the session is being closed.
#[test]
fn a_task_that_waits_for_room_is_refused_when_the_session_closes() {
    explore(2, || {
        let (_shared, handle) = full();
        let closing = handle.clone();
        let closer = thread::spawn(move || closing.close());
        let refused = block_on(handle.queue("second"));
        assert!(matches!(refused, Err(QueueError::Closed(_))), "{refused:?}");
        closer.join().unwrap();
    });
}

/// Fails if `Outbox::settle_waiting` does not wake the sinks that are flushed.
#[test]
fn a_sink_is_flushed_when_its_message_is_written() {
    explore(2, || {
        let (shared, handle) = online(OutboxSettings::new());
        let mut sink = handle.clone();
        now(poll_fn(|cx| Pin::new(&mut sink).poll_ready(cx))).unwrap();
        Pin::new(&mut sink).start_send("a".into()).unwrap();
        hand_over(&shared);
        let driver = thread::spawn(move || written(&shared, 1));
        block_on(poll_fn(|cx| Pin::new(&mut sink).poll_flush(cx))).unwrap();
        driver.join().unwrap();
    });
}
