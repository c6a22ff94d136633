//! A flood does not prolong a poll: a turn handles a limited number of frames, and commands take
//! effect within two turns.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures::{FutureExt, Sink, Stream, StreamExt, stream};
use websocket_heartbeat::{
    Builder, Constant, Event, Frame, Heartbeat, InboxSettings, Message, Supervisor, Transport,
};
use websocket_heartbeat_mock::{Clock, MockConnection, MockTimer, Script, mock};

use crate::harness::{
    Behaviour, Fixture, Read, WakeCounter, WrappedConnection, secs, wrap_connections,
};

/// The most frames in one turn: four batches of 256, and the excess of the last batch.
const TURN: u64 = 1_024 + 256;

/// The connection returns the same frame without end.
#[derive(Clone)]
struct Flood {
    frame: Frame,
    /// It is pending, and calls its waker, before each frame.
    hesitates: bool,
    hesitated: bool,
}

impl Flood {
    fn new(frame: Frame, hesitates: bool) -> Self {
        Self { frame, hesitates, hesitated: false }
    }
}

impl Behaviour for Flood {
    fn poll_next(&mut self, connection: Pin<&mut MockConnection>, cx: &mut Context<'_>) -> Read {
        self.hesitated = self.hesitates && !self.hesitated;
        if self.hesitated {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        match connection.poll_next(cx) {
            Poll::Pending => Poll::Ready(Some(Ok(self.frame.clone()))),
            ready => ready,
        }
    }
}

/// A transport, and a server that does not answer the close frame.
fn flooded(
    clock: &Clock,
    flood: Flood,
) -> impl Transport<Connection = WrappedConnection<Flood>> + use<> {
    let (transport, remote) = mock(clock);
    remote.script(|_| Script::accept().ignore_close().unrecorded());
    wrap_connections(transport, move || flood.clone())
}

/// Frames of endless floods, and the most of each in one turn.
fn floods() -> Vec<(&'static str, Frame, bool, u64)> {
    let message = |bytes: usize| Frame::Message(Message::binary(vec![0; bytes]));
    vec![
        ("small messages", message(10), false, TURN),
        ("empty messages", message(0), false, TURN),
        // 64 KiB count as 17 frames, 1 MiB as 257.
        ("large messages", message(64 * 1024), false, TURN / 17 + 1),
        ("huge messages", message(1024 * 1024), false, 5),
        ("pings", Frame::Ping(vec![1].into()), false, TURN),
        ("pongs", Frame::Pong(vec![1].into()), false, TURN),
        ("small messages that hesitate", message(10), true, TURN),
        ("pings that hesitate", Frame::Ping(vec![1].into()), true, TURN),
    ]
}

fn builder(
    frame: Frame,
    hesitates: bool,
) -> (Clock, Builder<impl Transport<Connection = WrappedConnection<Flood>>, MockTimer>) {
    let clock = Clock::new();
    let transport = flooded(&clock, Flood::new(frame, hesitates));
    let heartbeat = Heartbeat::idle(secs(15)).timeout(secs(10)).ping();
    (clock.clone(), Supervisor::builder(transport, clock.timer()).heartbeat(heartbeat))
}

/// Polls until `Pending`, which is one turn. Returns its events.
fn turn(
    counter: &Arc<WakeCounter>,
    stream: &mut (impl Stream<Item = Event> + Unpin),
) -> Vec<Event> {
    let mut events = Vec::new();
    while let Poll::Ready(Some(event)) = counter.next(stream) {
        events.push(event);
        assert!(events.len() < 10_000, "it is never pending");
    }
    assert!(counter.take() > 0, "the waker was called");
    events
}

#[test]
fn a_turn_of_the_stream_ends_under_every_flood() {
    for (name, frame, hesitates, most) in floods() {
        let is_message = matches!(frame, Frame::Message(_));
        let (clock, builder) = builder(frame, hesitates);
        let mut session = builder.build().unwrap();
        let (counter, mut all) = (WakeCounter::new(), 0);
        for _ in 0..100 {
            let messages = turn(&counter, &mut session);
            let messages =
                messages.iter().filter(|event| matches!(event, Event::Message(_))).count() as u64;
            assert!(messages <= most, "{name}: {messages} in a turn");
            all += messages;
            assert_eq!(session.status().counters.messages_in, all, "{name}");
            clock.advance(secs(1));
        }
        assert!(all > 0 || !is_message, "{name}");
        let silence = clock.now().saturating_since(session.status().last_life.unwrap());
        assert!(silence <= secs(3), "{name}: {silence:?}");
        // Commands take effect within two turns.
        let handle = session.handle();
        handle.try_queue("last words").unwrap();
        handle.close();
        (0..2).for_each(|_| drop(turn(&counter, &mut session)));
        assert_eq!(handle.status().phase, websocket_heartbeat::Phase::Closing, "{name}");
        assert_eq!(handle.status().counters.messages_out, 1, "{name}");
        // The server never answers, so the close timeout ends it.
        clock.advance(secs(60));
        let closed = (0..4).any(|_| {
            counter.drain(&mut session).iter().any(|event| matches!(event, Event::Closed(_)))
        });
        assert!(closed, "{name}");
    }
}

#[test]
fn a_turn_of_the_sink_side_ends_under_every_flood() {
    for (name, frame, hesitates, most) in floods() {
        let (_clock, builder) = builder(frame, hesitates);
        let mut session = builder.build().unwrap();
        let counter = WakeCounter::new();
        for _ in 0..10 {
            let before = session.status().counters.messages_in;
            let _ = counter.poll(|cx| Pin::new(&mut session).poll_flush(cx));
            let read = session.status().counters.messages_in - before;
            assert!(read <= most.min(256), "{name}: {read}");
        }
        // After the close, messages are discarded, one turn at a time.
        for _ in 0..10 {
            let before = session.status().counters.messages_in;
            assert!(
                counter.poll(|cx| Pin::new(&mut session).poll_close(cx)).is_pending(),
                "{name}"
            );
            let read = session.status().counters.messages_in - before;
            assert!(read <= most && counter.take() > 0, "{name}: {read}");
        }
    }
}

#[test]
fn a_turn_of_the_driver_ends_under_every_flood() {
    for (name, frame, hesitates, most) in floods() {
        for drop_oldest in [false, true] {
            let (_clock, builder) = builder(frame.clone(), hesitates);
            let inbox = InboxSettings::new(100_000);
            let inbox = if drop_oldest { inbox.drop_oldest() } else { inbox };
            let (mut driver, _inbox) = builder.build().unwrap().into_driver(inbox).unwrap();
            let counter = WakeCounter::new();
            for _ in 0..10 {
                let before = driver.handle().status().counters.messages_in;
                assert!(counter.poll(|cx| driver.poll_unpin(cx)).is_pending());
                assert!(counter.take() > 0, "{name}");
                let read = driver.handle().status().counters.messages_in - before;
                assert!(read <= 2 * most, "{name}: {read}");
            }
        }
    }
}

#[test]
fn hidden_messages_do_not_prolong_a_turn() {
    let clock = Clock::new();
    let flood = Flood::new(Frame::Message(Message::text("pong")), false);
    let transport = flooded(&clock, flood);
    let heartbeat = Heartbeat::idle(secs(15))
        .message("ping")
        .reply(|message| message.as_text() == Some("pong"))
        .hide_replies();
    let mut session =
        Supervisor::builder(transport, clock.timer()).heartbeat(heartbeat).build().unwrap();
    let counter = WakeCounter::new();
    for _ in 0..20 {
        let before = session.status().counters.messages_in;
        drop(turn(&counter, &mut session));
        assert!(session.status().counters.messages_in - before <= TURN);
    }
}

#[test]
fn attempts_that_fail_at_once_do_not_prolong_a_turn() {
    let (fixture, builder) = Fixture::new(|_| Script::refuse_connection());
    let builder = builder.backoff(Constant::new(std::time::Duration::from_nanos(1)));
    let mut session = builder.minimum_gap(std::time::Duration::from_nanos(1)).build().unwrap();
    let counter = WakeCounter::new();
    // The clock moves at each poll.
    let clock = fixture.clock.clone();
    let mut moving = stream::poll_fn(|cx| {
        clock.advance(std::time::Duration::from_nanos(10));
        session.poll_next_unpin(cx)
    });
    for _ in 0..20 {
        let events = counter.drain(&mut moving);
        assert!(events.len() <= 512, "{}", events.len());
    }
    assert!(fixture.remote.dials().len() > 20);
}
