//! What the driver does not do: look at the clock, read, or arm the sleep for nothing.

use std::{
    cell::Cell,
    mem::size_of_val,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
};

use futures::{Sink, SinkExt, Stream};
use websocket_heartbeat::{
    Connection, Event, Frame, Heartbeat, Message, Supervisor, Timer, Timestamp, Transport,
    TransportError, transport_fn,
};
use websocket_heartbeat_mock::{Clock, MockConnection, MockTimer, Script, mock};

use crate::stage::{Counter, secs};

/// How often something was asked of the clock, the sleep and the connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Tally {
    looks: usize,
    sleeps: usize,
    reads: usize,
    flushes: usize,
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

    /// Since the last call.
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

struct TalliedLine {
    line: MockConnection,
    tallies: Tallies,
}

impl Stream for TalliedLine {
    type Item = Result<Frame, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.tallies.add(|tally| tally.reads += 1);
        Pin::new(&mut self.line).poll_next(cx)
    }
}

impl Sink<Frame> for TalliedLine {
    type Error = TransportError;

    fn poll_ready(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), TransportError>> {
        Pin::new(&mut self.line).poll_ready(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, frame: Frame) -> Result<(), TransportError> {
        Pin::new(&mut self.line).start_send(frame)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), TransportError>> {
        self.tallies.add(|tally| tally.flushes += 1);
        Pin::new(&mut self.line).poll_flush(cx)
    }

    fn poll_close(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), TransportError>> {
        Pin::new(&mut self.line).poll_close(cx)
    }
}

impl Connection for TalliedLine {}

/// A session that is open and at rest, and its task: pings after 15 s of silence, answered after 1 s.
fn at_rest(
    clock: &Clock,
    tallies: &Tallies,
) -> (Supervisor<impl Transport, TalliedTimer>, Arc<Counter>) {
    let (mut transport, remote) = mock(clock);
    remote.script(|_| Script::accept().echo().pong_after(secs(1)));
    let of_line = tallies.clone();
    let transport = transport_fn(move |attempt| {
        let (connect, tallies) = (transport.connect(attempt), of_line.clone());
        async move { Ok(connect.await?.map(|line| TalliedLine { line, tallies })) }
    });
    let timer = TalliedTimer { timer: clock.timer(), tallies: tallies.clone() };
    let mut session = Supervisor::builder(transport, timer)
        .heartbeat(Heartbeat::idle(secs(15)).timeout(secs(10)).ping())
        .build()
        .unwrap();
    let task = Counter::new();
    let events = task.drain(&mut session);
    assert!(matches!(events[..], [Event::Connecting(_), Event::Open(_)]), "{events:?}");
    tallies.take();
    (session, task)
}

#[test]
fn a_beat_takes_two_polls_two_looks_and_two_sleeps_and_reads_what_came() {
    let (clock, tallies) = (Clock::new(), Tallies::default());
    let (mut session, task) = at_rest(&clock, &tallies);
    for _ in 0..3 {
        // The silence has lasted: the probe leaves in the poll that finds it due, unread.
        clock.advance(secs(15));
        assert_eq!(task.take(), 1);
        assert!(task.drain(&mut session).is_empty());
        assert_eq!(tallies.take(), Tally { looks: 1, sleeps: 1, reads: 0, flushes: 1 });
        // The pong, and then nothing more.
        clock.advance(secs(1));
        assert_eq!(task.take(), 1);
        assert!(task.drain(&mut session).is_empty());
        assert_eq!(tallies.take(), Tally { looks: 1, sleeps: 1, reads: 2, flushes: 0 });
    }
    assert_eq!(session.status().counters.probes_answered, 3);
}

#[test]
fn a_poll_that_is_not_for_it_asks_nothing() {
    let (clock, tallies) = (Clock::new(), Tallies::default());
    let (mut session, task) = at_rest(&clock, &tallies);
    for _ in 0..10 {
        assert!(task.drain(&mut session).is_empty());
    }
    assert_eq!(tallies.take(), Tally::default());
}

/// As one does who asks and waits for the answer: after each message there may be more to read.
#[test]
fn a_flushed_message_takes_one_look_and_one_flush() {
    let (clock, tallies) = (Clock::new(), Tallies::default());
    let (mut session, task) = at_rest(&clock, &tallies);
    for reads in [0, 1, 1] {
        let mut sending = session.send(Message::text("x"));
        assert!(task.poll(|cx| Pin::new(&mut sending).poll(cx)).is_ready());
        assert_eq!(tallies.take(), Tally { looks: 1, sleeps: 0, reads, flushes: 1 });
        assert!(matches!(task.next(&mut session), Poll::Ready(Some(Event::Message(_)))));
        assert_eq!(tallies.take(), Tally { looks: 0, sleeps: 0, reads: 1, flushes: 0 });
    }
}

/// Thousands of idle sessions pay for each byte.
#[test]
fn a_session_is_small() {
    let (clock, tallies) = (Clock::new(), Tallies::default());
    let (session, _) = at_rest(&clock, &tallies);
    assert!(size_of_val(&session) <= 1_032, "{} bytes", size_of_val(&session));
}
