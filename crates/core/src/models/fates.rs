//! Models of the hand-over of fates to receipts.

use loom::{future::block_on, thread};

use super::{Trace, explore, hand_over, lost, now, once, online, set_online, written};
use crate::{
    config::OutboxSettings,
    event::{DropReason, Fate},
    outbox::{Online, QueueError},
};

/// Fails if `Fates::written` stores `settled` after it has read the wakers, or with `Relaxed`.
#[test]
fn a_receipt_gets_the_fate_of_a_written_message() {
    explore(2, || {
        let (shared, handle) = online(OutboxSettings::new());
        let receipt = now(handle.queue_with_receipt("a")).unwrap();
        hand_over(&shared);
        let driver = thread::spawn(move || written(&shared, 1));
        let fate = block_on(receipt);
        assert!(matches!(fate, Fate::Written { connection: 1 }), "{fate:?}");
        driver.join().unwrap();
    });
}

/// Fails if `Fates::set_exception` does not set `has_exceptions`, or `Fates::poll_lists` looks at
/// `settled` before it looks at the exceptions.
#[test]
fn each_of_two_messages_gets_its_own_fate() {
    explore(2, || {
        let (shared, handle) = online(OutboxSettings::new());
        let first = now(handle.queue_with_receipt("a")).unwrap();
        hand_over(&shared);
        let driver = thread::spawn(move || {
            lost(&shared, 1);
            set_online(&shared, Online::Yes(2));
            let second = now(handle.queue_with_receipt("b")).unwrap();
            hand_over(&shared);
            written(&shared, 2);
            now(second)
        });
        let fate = block_on(first);
        assert!(matches!(fate, Fate::Unknown { connection: 1, .. }), "{fate:?}");
        let fate = driver.join().unwrap();
        assert!(matches!(fate, Fate::Written { connection: 2 }), "{fate:?}");
    });
}

/// Fails if `Fates::forget_in_lists` does not look for the fate, or drops no waker.
#[test]
fn a_receipt_that_is_dropped_leaves_nothing() {
    explore(2, || {
        let trace = Trace::default();
        let (shared, handle) = online(OutboxSettings::new());
        let mut receipt = now(handle.queue_with_receipt(trace.message())).unwrap();
        let mut other = now(handle.queue_with_receipt("b")).unwrap();
        hand_over(&shared);
        assert!(trace.poll(&mut other).is_pending());
        let driver = thread::spawn({
            let shared = std::sync::Arc::clone(&shared);
            move || lost(&shared, 1)
        });
        block_on(once(&mut receipt));
        drop((receipt, other));
        driver.join().unwrap();
        trace.assert_none();
        drop(shared);
    });
}

/// A message of a session that ends is refused, or accepted and dropped. Fails if `Outbox::close`
/// does not drop the queued messages.
#[test]
fn a_message_has_one_fate_while_the_session_ends() {
    explore(2, || {
        let (shared, handle) = online(OutboxSettings::new());
        let counted = std::sync::Arc::clone(&shared);
        let driver = thread::spawn(move || {
            shared.with(|state, deferred| state.outbox.close(deferred));
        });
        let dropped = match block_on(handle.send_confirmed("a")) {
            Ok(Fate::Dropped { reason: DropReason::SessionEnded, .. }) => 1,
            Err(QueueError::Closed(_)) => 0,
            other => panic!("{other:?}"),
        };
        driver.join().unwrap();
        counted.with(|state, _| assert_eq!(state.outbox.counts().dropped, dropped));
    });
}
