//! Models of the tasks that poll a supervisor.

use std::{future::poll_fn, sync::Arc, task::Poll};

use loom::{future::block_on, thread};

use super::{explore, online};
use crate::{
    config::OutboxSettings,
    shared::{Shared, Side},
};

/// Waits for work as the driver does: it registers its task first, and then looks at the flag.
fn wait_for_work(shared: &Shared, side: Side) {
    block_on(poll_fn(|cx| {
        shared.tasks.set(side, cx.waker());
        if shared.has_work() { Poll::Ready(()) } else { Poll::Pending }
    }));
}

/// Fails if `Shared::notify` calls the wakers before it sets the flag, or if `TaskWakers::wake` wakes
/// one side only.
#[test]
fn both_halves_see_the_work_of_a_handle() {
    explore(2, || {
        let (shared, handle) = online(OutboxSettings::new());
        let stream = thread::spawn({
            let shared = Arc::clone(&shared);
            move || wait_for_work(&shared, Side::Stream)
        });
        let sink = thread::spawn({
            let shared = Arc::clone(&shared);
            move || wait_for_work(&shared, Side::Sink)
        });
        handle.probe_now();
        stream.join().unwrap();
        sink.join().unwrap();
        shared.tasks.clear();
    });
}

/// Each of two commands is taken, although the second may find the flag of the first. Fails if
/// `Shared::notify` calls the wakers before it sets the flag, or if the driver clears the flag after
/// it has taken the commands.
#[test]
fn no_command_is_lost_between_two_looks() {
    explore(2, || {
        let (shared, handle) = online(OutboxSettings::new());
        let other = handle.clone();
        let first = thread::spawn(move || handle.probe_now());
        let second = thread::spawn(move || other.reconnect_now());
        let (mut probe, mut reconnect) = (false, false);
        block_on(poll_fn(|cx| {
            shared.tasks.set(Side::Stream, cx.waker());
            while shared.take_work() {
                let commands = shared.with(|state, _| std::mem::take(&mut state.commands));
                probe |= commands.probe;
                reconnect |= commands.reconnect;
            }
            if probe && reconnect { Poll::Ready(()) } else { Poll::Pending }
        }));
        first.join().unwrap();
        second.join().unwrap();
        shared.tasks.clear();
    });
}
