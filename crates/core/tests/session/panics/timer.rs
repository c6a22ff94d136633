//! A panic of the timer passes through `poll`, and the session then ends in order.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use futures::{FutureExt, StreamExt, executor::block_on};
use websocket_heartbeat::{CloseReason, Fate, Preset, Supervisor, Timer, Timestamp};
use websocket_heartbeat_mock::{Clock, MockTimer, mock};

/// A timer that panics on request.
struct Faulty {
    timer: MockTimer,
    panics: Arc<AtomicBool>,
}

impl Timer for Faulty {
    type Sleep = <MockTimer as Timer>::Sleep;

    fn now(&self) -> Timestamp {
        assert!(!self.panics.load(Ordering::Relaxed), "a fault of the timer");
        self.timer.now()
    }

    fn sleep_until(&self, deadline: Timestamp) -> Self::Sleep {
        self.timer.sleep_until(deadline)
    }
}

#[test]
fn a_session_whose_timer_panics_can_be_dropped() {
    let clock = Clock::new();
    let (transport, _remote) = mock(&clock);
    let panics = Arc::new(AtomicBool::new(false));
    let timer = Faulty { timer: clock.timer(), panics: Arc::clone(&panics) };
    let mut session =
        Supervisor::builder(transport, timer).preset(Preset::Resilient).build().unwrap();
    let handle = session.handle();
    let receipt = handle.queue_with_receipt("waits").now_or_never().unwrap().unwrap();
    panics.store(true, Ordering::Relaxed);
    // The unwinding drops the session. A second panic would abort the process.
    let polled = catch_unwind(AssertUnwindSafe(move || block_on(session.next())));
    assert!(polled.is_err());
    assert!(matches!(receipt.now_or_never(), Some(Fate::Dropped { .. })));
    assert_eq!(block_on(handle.closed()), CloseReason::Dropped);
}
