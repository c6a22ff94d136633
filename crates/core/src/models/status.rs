//! Models of the tasks that wait for a change of the status.

use std::sync::Arc;

use loom::{future::block_on, thread};

use super::{Trace, explore, now, online};
use crate::{config::OutboxSettings, shared::Shared, status::Phase};

fn publish(shared: &Shared, phase: Phase) {
    shared.with(|state, deferred| {
        state.published.status.phase = phase;
        state.published.renew(deferred);
    });
}

/// Fails if `Published::renew` wakes no task, or if `Shared::poll_status` registers the waker after it
/// was cloned without a second look at the version.
#[test]
fn a_task_sees_the_last_status() {
    explore(2, || {
        let (shared, handle) = online(OutboxSettings::new());
        let mut changes = handle.status_changes();
        let driver = thread::spawn(move || {
            publish(&shared, Phase::Open);
            publish(&shared, Phase::Closed);
        });
        block_on(async {
            let mut last = None;
            while let Some(status) = changes.next().await {
                last = Some(status.phase);
            }
            assert_eq!(last, Some(Phase::Closed));
        });
        driver.join().unwrap();
    });
}

/// Fails if the drop of a `StatusChanges` does not forget its waker.
#[test]
fn a_dropped_stream_of_the_status_leaves_nothing() {
    explore(2, || {
        let trace = Trace::default();
        let (shared, handle) = online(OutboxSettings::new());
        let mut changes = handle.status_changes();
        let mut others = handle.status_changes();
        now(changes.next()).unwrap();
        now(others.next()).unwrap();
        assert!(trace.poll(&mut changes.next()).is_pending());
        let driver = thread::spawn({
            let shared = Arc::clone(&shared);
            move || publish(&shared, Phase::Open)
        });
        let other = thread::spawn(move || block_on(others.next()).unwrap().phase);
        drop(changes);
        driver.join().unwrap();
        assert_eq!(other.join().unwrap(), Phase::Open);
        trace.assert_none();
        // Nothing is published after this one has registered.
        let mut last = handle.status_changes();
        now(last.next()).unwrap();
        assert!(trace.poll(&mut last.next()).is_pending());
        drop(last);
        trace.assert_none();
        drop(shared);
    });
}
