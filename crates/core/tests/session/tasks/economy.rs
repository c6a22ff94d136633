//! The driver does not read the clock or the connection, and does not set the sleep, without need.

use std::{cell::Cell, mem::size_of_val, pin::Pin, rc::Rc, sync::Arc, task::Poll};

use futures::SinkExt;
use websocket_heartbeat::{Event, Heartbeat, Message, Supervisor, Timer, Timestamp, Transport};
use websocket_heartbeat_mock::{Clock, MockTimer, Script, mock};

use crate::harness::{Behaviour, Method, WakeCounter, secs, wrap_connections};

/// The number of calls to the clock, the sleep and the connection. `shrinks`: a connection may free its
/// buffers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Tally {
    looks: usize,
    sleeps: usize,
    reads: usize,
    flushes: usize,
    shrinks: usize,
}

#[derive(Clone, Default)]
struct Tallies {
    now: Rc<Cell<Tally>>,
}

impl Tallies {
    fn add(&self, change: impl FnOnce(&mut Tally)) {
        let mut tally = self.now.take();
        change(&mut tally);
        self.now.set(tally);
    }

    /// The calls since the last `take`.
    fn take(&self) -> Tally {
        self.now.take()
    }
}

struct TalliedTimer {
    timer: MockTimer,
    tallies: Tallies,
}

impl Timer for TalliedTimer {
    type Sleep = <MockTimer as Timer>::Sleep;

    fn now(&self) -> Timestamp {
        self.tallies.add(|tally| tally.looks += 1);
        self.timer.now()
    }

    fn sleep_until(&self, deadline: Timestamp) -> Self::Sleep {
        self.tallies.add(|tally| tally.sleeps += 1);
        self.timer.sleep_until(deadline)
    }
}

impl Behaviour for Tallies {
    fn before(&self, method: Method) {
        self.add(|tally| match method {
            Method::Next => tally.reads += 1,
            Method::Flush => tally.flushes += 1,
            Method::Shrink => tally.shrinks += 1,
            _ => {}
        });
    }
}

/// An open, idle session and its task: pings after 15 s of silence, answered after 1 s.
fn at_rest(
    clock: &Clock,
    tallies: &Tallies,
) -> (Supervisor<impl Transport, TalliedTimer>, Arc<WakeCounter>) {
    let (transport, remote) = mock(clock);
    remote.script(|_| Script::accept().echo().pong_after(secs(1)));
    let of_connection = tallies.clone();
    let transport = wrap_connections(transport, move || of_connection.clone());
    let timer = TalliedTimer { timer: clock.timer(), tallies: tallies.clone() };
    let mut session = Supervisor::builder(transport, timer)
        .heartbeat(Heartbeat::idle(secs(15)).timeout(secs(10)).ping())
        .build()
        .unwrap();
    let task = WakeCounter::new();
    let events = task.drain(&mut session);
    assert!(matches!(events[..], [Event::Connecting(_), Event::Open(_)]), "{events:?}");
    tallies.take();
    (session, task)
}

#[test]
fn a_heartbeat_takes_two_polls_clock_reads_and_sleeps() {
    let (clock, tallies) = (Clock::new(), Tallies::default());
    let (mut session, task) = at_rest(&clock, &tallies);
    for _ in 0..3 {
        // The silence has ended. The poll that finds the probe due sends it, and reads nothing.
        clock.advance(secs(15));
        assert_eq!(task.take(), 1);
        assert!(task.drain(&mut session).is_empty());
        assert_eq!(tallies.take(), Tally { looks: 1, sleeps: 1, reads: 0, flushes: 1, shrinks: 1 });
        // One poll reads the pong, and then finds nothing.
        clock.advance(secs(1));
        assert_eq!(task.take(), 1);
        assert!(task.drain(&mut session).is_empty());
        assert_eq!(tallies.take(), Tally { looks: 1, sleeps: 1, reads: 2, flushes: 0, shrinks: 0 });
    }
    assert_eq!(session.status().counters.probes_answered, 3);
}

#[test]
fn a_spurious_poll_reads_nothing() {
    let (clock, tallies) = (Clock::new(), Tallies::default());
    let (mut session, task) = at_rest(&clock, &tallies);
    for _ in 0..10 {
        assert!(task.drain(&mut session).is_empty());
    }
    assert_eq!(tallies.take(), Tally::default());
}

#[test]
fn a_paused_session_is_not_woken() {
    let (clock, tallies) = (Clock::new(), Tallies::default());
    let (mut session, task) = at_rest(&clock, &tallies);
    session.handle().pause();
    assert!(task.drain(&mut session).is_empty());
    task.take();
    clock.advance(secs(3_600));
    assert_eq!(task.take(), 0);
}

/// A request and its reply: after each message there may be more to read.
#[test]
fn a_flushed_message_takes_one_clock_read_and_one_flush() {
    let (clock, tallies) = (Clock::new(), Tallies::default());
    let (mut session, task) = at_rest(&clock, &tallies);
    for reads in [0, 1, 1] {
        let mut sending = session.send(Message::text("x"));
        assert!(task.poll(|cx| Pin::new(&mut sending).poll(cx)).is_ready());
        assert_eq!(tallies.take(), Tally { looks: 1, sleeps: 0, reads, flushes: 1, shrinks: 0 });
        assert!(matches!(task.next(&mut session), Poll::Ready(Some(Event::Message(_)))));
        assert_eq!(tallies.take(), Tally { looks: 0, sleeps: 0, reads: 1, flushes: 0, shrinks: 0 });
    }
}

/// Thousands of idle sessions multiply each byte.
#[test]
fn a_session_is_small() {
    let (clock, tallies) = (Clock::new(), Tallies::default());
    let (session, _) = at_rest(&clock, &tallies);
    // Each of the two observers is one pointer.
    let observers =
        8 * (usize::from(cfg!(feature = "metrics")) + usize::from(cfg!(feature = "tracing")));
    assert!(size_of_val(&session) <= 1_216 + observers, "{} bytes", size_of_val(&session));
}
