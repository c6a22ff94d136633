//! No flood keeps a poll busy: how much is handled in one turn at most, and that what the user
//! wants takes effect within a turn or two.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures::{FutureExt, Sink, Stream, StreamExt, stream};
use websocket_heartbeat::{
    Connection, Constant, Event, Frame, Heartbeat, InboxSettings, Message, Supervisor, Transport,
    TransportError, transport_fn,
};
use websocket_heartbeat_mock::{Clock, MockConnection, MockTimer, Script, mock};

use crate::stage::{Counter, Stage, secs};

/// Frames that a turn may handle: four looks of 256, and what the last of them overshoots.
const TURN: u64 = 1_024 + 256;

/// A connection that has the same frame again and again, without end.
struct Flood {
    line: MockConnection,
    frame: Frame,
    /// It calls its waker and is pending before each frame.
    hesitates: Option<bool>,
}

impl Stream for Flood {
    type Item = Result<Frame, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(hesitated) = &mut self.hesitates {
            *hesitated = !*hesitated;
            if *hesitated {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        match Pin::new(&mut self.line).poll_next(cx) {
            Poll::Pending => Poll::Ready(Some(Ok(self.frame.clone()))),
            ready => ready,
        }
    }
}

impl Sink<Frame> for Flood {
    type Error = TransportError;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Pin::new(&mut self.line).poll_ready(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, frame: Frame) -> Result<(), Self::Error> {
        Pin::new(&mut self.line).start_send(frame)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Pin::new(&mut self.line).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Pin::new(&mut self.line).poll_close(cx)
    }
}

impl Connection for Flood {}

/// A frame that never stops coming, and how many of it a turn may handle at most.
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

fn settings(
    frame: Frame,
    hesitates: bool,
) -> (Clock, websocket_heartbeat::Builder<impl Transport<Connection = Flood>, MockTimer>) {
    let clock = Clock::new();
    let (mut transport, remote) = mock(&clock);
    remote.script(|_| Script::accept().ignore_close().unrecorded());
    let transport = transport_fn(move |attempt| {
        let connect = transport.connect(attempt);
        let (frame, hesitates) = (frame.clone(), hesitates.then_some(false));
        async move { Ok(connect.await?.map(|line| Flood { line, frame, hesitates })) }
    });
    let heartbeat = Heartbeat::idle(secs(15)).timeout(secs(10)).ping();
    (clock.clone(), Supervisor::builder(transport, clock.timer()).heartbeat(heartbeat))
}

/// Polls until `Pending`: one turn. Gives the messages in it.
fn turn(counter: &Arc<Counter>, stream: &mut (impl Stream<Item = Event> + Unpin)) -> Vec<Event> {
    let mut events = Vec::new();
    while let Poll::Ready(Some(event)) = counter.next(stream) {
        events.push(event);
        assert!(events.len() < 10_000, "it is never pending");
    }
    assert!(counter.take() > 0, "it comes back");
    events
}

#[test]
fn a_turn_of_the_stream_ends_under_every_flood_and_the_status_moves_on() {
    for (name, frame, hesitates, most) in floods() {
        let is_message = matches!(frame, Frame::Message(_));
        let (clock, settings) = settings(frame, hesitates);
        let mut session = settings.build().unwrap();
        let (counter, mut all) = (Counter::new(), 0);
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
        // The user's will takes effect within two turns.
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
        let (_clock, settings) = settings(frame, hesitates);
        let mut session = settings.build().unwrap();
        let counter = Counter::new();
        for _ in 0..10 {
            let before = session.status().counters.messages_in;
            let _ = counter.poll(|cx| Pin::new(&mut session).poll_flush(cx));
            let read = session.status().counters.messages_in - before;
            assert!(read <= most.min(256), "{name}: {read}");
        }
        // After the close what comes is discarded, a turn at a time.
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
            let (_clock, settings) = settings(frame.clone(), hesitates);
            let inbox = InboxSettings::new(100_000);
            let inbox = if drop_oldest { inbox.drop_oldest() } else { inbox };
            let (mut driver, _inbox) = settings.build().unwrap().into_driver(inbox).unwrap();
            let counter = Counter::new();
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
fn messages_that_are_hidden_do_not_keep_a_turn_busy() {
    let clock = Clock::new();
    let (mut transport, remote) = mock(&clock);
    remote.script(|_| Script::accept().unrecorded());
    let transport = transport_fn(move |attempt| {
        let connect = transport.connect(attempt);
        let frame = Frame::Message(Message::text("pong"));
        async move { Ok(connect.await?.map(|line| Flood { line, frame, hesitates: None })) }
    });
    let heartbeat = Heartbeat::idle(secs(15))
        .message("ping")
        .reply(|message| message.as_text() == Some("pong"))
        .hide_replies();
    let mut session =
        Supervisor::builder(transport, clock.timer()).heartbeat(heartbeat).build().unwrap();
    let counter = Counter::new();
    for _ in 0..20 {
        let before = session.status().counters.messages_in;
        drop(turn(&counter, &mut session));
        assert!(session.status().counters.messages_in - before <= TURN);
    }
}

#[test]
fn attempts_that_fail_at_once_do_not_keep_a_turn_busy() {
    let (stage, settings) = Stage::new(|_| Script::refuse_connection());
    let settings = settings.backoff(Constant::new(std::time::Duration::from_nanos(1)));
    let mut session = settings.minimum_gap(std::time::Duration::from_nanos(1)).build().unwrap();
    let counter = Counter::new();
    // A clock that moves on while it is looked at.
    let clock = stage.clock.clone();
    let mut moving = stream::poll_fn(|cx| {
        clock.advance(std::time::Duration::from_nanos(10));
        session.poll_next_unpin(cx)
    });
    for _ in 0..20 {
        let events = counter.drain(&mut moving);
        assert!(events.len() <= 512, "{}", events.len());
    }
    assert!(stage.remote.dials().len() > 20);
}
