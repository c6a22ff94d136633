//! Panics of the timer: one of the clock passes through `poll`, and one of a sleep ends the session.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use futures::{FutureExt, StreamExt, executor::block_on};
use websocket_heartbeat::{
    CloseReason, Event, Fate, Preset, Supervisor, Timer, Timestamp, UserFunction,
};
use websocket_heartbeat_mock::{Clock, MockTimer, mock, run};

/// A timer that panics on request.
struct Faulty {
    timer: MockTimer,
    panics: Arc<AtomicBool>,
    /// Only sleeps panic, as those of a runtime do outside of it.
    sleeps_only: bool,
}

impl Timer for Faulty {
    type Sleep = <MockTimer as Timer>::Sleep;

    fn now(&self) -> Timestamp {
        assert!(self.sleeps_only || !self.panics.load(Ordering::Relaxed), "a fault of the timer");
        self.timer.now()
    }

    fn sleep_until(&self, deadline: Timestamp) -> Self::Sleep {
        assert!(!self.panics.load(Ordering::Relaxed), "no runtime");
        self.timer.sleep_until(deadline)
    }
}

#[test]
fn a_session_whose_timer_panics_can_be_dropped() {
    let clock = Clock::new();
    let (transport, _remote) = mock(&clock);
    let panics = Arc::new(AtomicBool::new(false));
    let timer = Faulty { timer: clock.timer(), panics: Arc::clone(&panics), sleeps_only: false };
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

#[test]
fn a_panic_of_a_sleep_ends_the_session_with_its_words() {
    let clock = Clock::new();
    let (transport, remote) = mock(&clock);
    let panics = Arc::new(AtomicBool::new(true));
    let timer = Faulty { timer: clock.timer(), panics, sleeps_only: true };
    let mut session =
        Supervisor::builder(transport, timer).preset(Preset::Resilient).build().unwrap();
    let events: Vec<Event> = run(&clock, session.by_ref().collect());
    let Some(Event::Closed(closed)) = events.last() else { panic!("{events:?}") };
    let CloseReason::Panicked(panic) = &closed.reason else { panic!("{closed:?}") };
    assert_eq!((panic.function, &*panic.words), (UserFunction::Timer, "no runtime"));
    assert_eq!(closed.to_string(), "session ended: the timer function panicked: no runtime");
    assert_eq!((remote.dials().len(), remote.live()), (1, 0));
}
