//! Functions of the application are dropped with the session, and may panic.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use futures::{FutureExt, executor::block_on};
use websocket_heartbeat::{CloseReason, Heartbeat, Supervisor, Verdict};
use websocket_heartbeat_mock::{Clock, Script, mock};

struct Bad;

impl Drop for Bad {
    fn drop(&mut self) {
        panic!("a drop of the user's");
    }
}

#[test]
fn functions_that_panic_when_dropped_are_contained() {
    let clock = Clock::new();
    let (transport, remote) = mock(&clock);
    remote.script(|_| Script::accept());
    let (verdict, probe, reply, delays) = (Bad, Bad, Bad, Bad);
    let heartbeat = Heartbeat::idle(Duration::from_secs(15))
        .message_with(move |number| {
            let _ = &probe;
            number.to_string().into()
        })
        .reply(move |_| {
            let _ = &reply;
            true
        });
    let session = Supervisor::builder(transport, clock.timer())
        .heartbeat(heartbeat)
        .verdict(move |_| {
            let _ = &verdict;
            Verdict::Retry
        })
        .backoff(move || {
            let _ = &delays;
            std::iter::repeat(Duration::from_secs(1))
        })
        .build()
        .unwrap();
    let handle = session.handle();
    let closed = handle.closed();
    let dropped = catch_unwind(AssertUnwindSafe(move || drop(session)));
    assert!(dropped.is_ok(), "a panic of a drop passed through");
    assert_eq!(block_on(closed), CloseReason::Dropped);
    assert!(handle.queue("late").now_or_never().unwrap().is_err());
}
