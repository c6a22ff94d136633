//! The halves of a `split` in two tasks. Each `Pending` is followed by a wake of its task, and
//! there are few unneeded wakes.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures::{Sink, SinkExt, StreamExt, stream::SplitSink};
use websocket_heartbeat::{
    Event, Handle, Heartbeat, Message, Offline, OutboxSettings, SessionClosed,
};
use websocket_heartbeat_mock::{Peer, Rng, Script};

use crate::harness::{Fixture, MockSupervisor, WakeCounter, ms, secs, sleep, texts};

/// Two halves that the test polls, each with the waker of its own task.
struct Halves {
    sink: SplitSink<MockSupervisor, Message>,
    stream: futures::stream::SplitStream<MockSupervisor>,
    writer: Arc<WakeCounter>,
    reader: Arc<WakeCounter>,
}

impl Halves {
    fn of(session: MockSupervisor) -> Self {
        let (sink, stream) = session.split();
        Self { sink, stream, writer: WakeCounter::new(), reader: WakeCounter::new() }
    }

    fn sink(
        &mut self,
        poll: impl FnOnce(
            Pin<&mut SplitSink<MockSupervisor, Message>>,
            &mut Context<'_>,
        ) -> Poll<Result<(), SessionClosed>>,
    ) -> Poll<Result<(), SessionClosed>> {
        let sink = Pin::new(&mut self.sink);
        self.writer.poll(|cx| poll(sink, cx))
    }

    fn ready(&mut self) -> Poll<Result<(), SessionClosed>> {
        self.sink(|sink, cx| sink.poll_ready(cx))
    }

    fn flush(&mut self) -> Poll<Result<(), SessionClosed>> {
        self.sink(|sink, cx| sink.poll_flush(cx))
    }

    /// Sends a message. Returns true if it has passed through the slot of `SplitSink`.
    fn hand(&mut self, text: &str) -> bool {
        assert_eq!(self.ready(), Poll::Ready(Ok(())));
        Pin::new(&mut self.sink).start_send(text.into()).unwrap();
        self.ready().is_ready()
    }

    /// Polls both halves until neither is woken.
    fn settle(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            events.extend(self.reader.drain(&mut self.stream));
            if self.reader.take() == 0 {
                return events;
            }
        }
    }
}

/// An open session with a server that sends nothing unasked.
fn open(outbox: OutboxSettings) -> (Fixture, Halves, Peer, Handle) {
    let (fixture, builder) = Fixture::new(|_| Script::accept());
    let session = builder.outbox(outbox).build().unwrap();
    let handle = session.handle();
    let mut halves = Halves::of(session);
    assert_eq!(halves.settle().len(), 2, "connecting, open");
    let peer = fixture.remote.last_peer().unwrap();
    (fixture, halves, peer, handle)
}

#[test]
fn a_message_that_arrives_wakes_the_stream_half() {
    let (_fixture, mut halves, peer, _) = open(OutboxSettings::new());
    assert!(halves.reader.next(&mut halves.stream).is_pending());
    peer.send("data");
    assert!(halves.reader.take() > 0);
    assert!(matches!(halves.reader.next(&mut halves.stream), Poll::Ready(Some(Event::Message(_)))));
}

#[test]
fn a_message_read_by_the_sink_half_wakes_the_stream_half() {
    let (_fixture, mut halves, peer, _) = open(OutboxSettings::new());
    peer.stall_writes();
    assert!(halves.hand("a"));
    assert!(halves.flush().is_pending());
    assert!(halves.reader.next(&mut halves.stream).is_pending());
    peer.send("data");
    halves.reader.take();
    // The sink's task runs first and reads the message.
    assert!(halves.flush().is_pending());
    assert!(halves.reader.take() > 0, "the message is for the stream half");
    assert!(halves.reader.next(&mut halves.stream).is_ready());
}

#[test]
fn room_made_by_the_stream_half_wakes_the_sink_half() {
    let (_fixture, mut halves, peer, _) = open(OutboxSettings::new().count(1));
    peer.stall_writes();
    assert!(halves.hand("a"));
    assert!(!halves.hand("b"), "the outbox is full");
    halves.settle();
    peer.resume_writes();
    halves.writer.take();
    // The stream's task runs first and flushes.
    assert!(halves.reader.next(&mut halves.stream).is_pending());
    assert!(halves.writer.take() > 0, "there is room");
    assert_eq!(halves.ready(), Poll::Ready(Ok(())));
}

#[test]
fn a_flush_by_the_stream_half_wakes_the_sink_half() {
    let (_fixture, mut halves, peer, _) = open(OutboxSettings::new());
    peer.stall_writes();
    assert!(halves.hand("a"));
    assert!(halves.flush().is_pending());
    peer.resume_writes();
    halves.writer.take();
    halves.settle();
    assert!(halves.writer.take() > 0, "all is flushed");
    assert_eq!(halves.flush(), Poll::Ready(Ok(())));
}

#[test]
fn an_open_connection_wakes_a_waiting_sink_half() {
    let (fixture, builder) = Fixture::manual();
    let outbox = OutboxSettings::new().offline(Offline::Refuse);
    let mut halves = Halves::of(builder.outbox(outbox).build().unwrap());
    assert!(!halves.hand("a"), "nothing is accepted offline");
    halves.settle();
    fixture.remote.try_next_dial().unwrap().accept();
    halves.writer.take();
    halves.settle();
    assert!(halves.writer.take() > 0);
    assert_eq!(halves.ready(), Poll::Ready(Ok(())));
}

#[test]
fn a_close_wakes_the_stream_half_and_its_end_the_sink_half() {
    let (_fixture, mut halves, _, _) = open(OutboxSettings::new());
    assert!(halves.reader.next(&mut halves.stream).is_pending());
    let _ = halves.sink(|sink, cx| sink.poll_close(cx));
    assert!(halves.reader.take() > 0);
    let events = halves.settle();
    assert!(matches!(events.last(), Some(Event::Closed(_))));
    assert_eq!(halves.sink(|sink, cx| sink.poll_close(cx)), Poll::Ready(Ok(())));
}

#[test]
fn the_end_of_a_slow_close_wakes_the_sink_half() {
    let (fixture, builder) = Fixture::new(|_| Script::accept().ignore_close());
    let mut halves = Halves::of(builder.close_timeout(secs(5)).build().unwrap());
    halves.settle();
    assert!(halves.sink(|sink, cx| sink.poll_close(cx)).is_pending());
    halves.settle();
    halves.writer.take();
    fixture.clock.advance(secs(5));
    halves.settle();
    assert!(halves.writer.take() > 0);
    assert_eq!(halves.sink(|sink, cx| sink.poll_close(cx)), Poll::Ready(Ok(())));
}

#[test]
fn an_unflushed_message_does_not_hide_the_wake_of_a_command() {
    let (_fixture, mut halves, _, handle) = open(OutboxSettings::new());
    assert!(halves.reader.next(&mut halves.stream).is_pending());
    assert!(halves.hand("fed"));
    halves.reader.take();
    handle.close();
    assert!(halves.reader.take() > 0, "the close is read");
}

#[test]
fn two_halves_in_two_tasks_lose_nothing() {
    for seed in 0..300 {
        let mut rng = Rng::new(seed);
        let count = 20 + rng.below(80) as usize;
        let hesitant = rng.once_in(2);
        let latency = rng.duration(ms(0)..ms(30));
        let rate = 1 + rng.below(400);
        let (mut fixture, builder) = Fixture::new(move |_| {
            let script = Script::accept().echo().latency(latency);
            let script = script.write_rate(rate, ms(10));
            if hesitant { script.hesitant() } else { script }
        });
        let outbox = OutboxSettings::new().count(1 + rng.below(8) as usize);
        let (mut sink, mut stream) = builder.outbox(outbox).build().unwrap().split();
        let timer = fixture.clock.timer();
        let mut pauses = rng.clone();
        let writing = fixture.runner.spawn(async move {
            for number in 0..count {
                if pauses.once_in(2) {
                    sink.feed(Message::text(number.to_string())).await.unwrap();
                } else {
                    sink.send(Message::text(number.to_string())).await.unwrap();
                }
                if pauses.once_in(4) {
                    let until = pauses.duration(ms(0)..ms(40));
                    sleep(&timer, until).await;
                }
            }
            sink.flush().await.unwrap();
            sink
        });
        let timer = fixture.clock.timer();
        let reading = fixture.runner.spawn(async move {
            let mut echoes = Vec::new();
            while echoes.len() < count {
                if let Event::Message(message) = stream.next().await.unwrap() {
                    echoes.push(message);
                    if rng.once_in(4) {
                        let until = rng.duration(ms(0)..ms(40));
                        sleep(&timer, until).await;
                    }
                }
            }
            (echoes, stream)
        });
        fixture.runner.set_time_limit(secs(600));
        let (_sink, (echoes, _stream)) =
            fixture.runner.run_until(async { (writing.await, reading.await) });
        let expected: Vec<_> = (0..count).map(|number| number.to_string()).collect();
        assert_eq!(texts(&echoes), expected, "seed {seed}");
        assert_eq!(fixture.remote.dials().len(), 1, "seed {seed}");
    }
}

#[test]
fn the_halves_have_few_unneeded_polls() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept().chatter(ms(100), "tick"));
    let (mut sink, mut stream) = builder.build().unwrap().split();
    let reading = fixture.runner.spawn(async move { while stream.next().await.is_some() {} });
    let timer = fixture.clock.timer();
    let writing = fixture.runner.spawn(async move {
        loop {
            sink.send(Message::text("tock")).await.unwrap();
            sleep(&timer, secs(1)).await;
        }
    });
    fixture.runner.run_for(secs(100));
    // 1 000 messages are received, and 100 are sent.
    assert!(reading.polls() < 1_400, "{}", reading.polls());
    // The sink half's waker is not removed when the sink is ready, so that a task that only sends
    // keeps the session going. This costs one poll for each received message.
    assert!(writing.polls() < 1_400, "{}", writing.polls());
}

/// The sink half drives and had stopped reading. It must continue before the next deadline.
#[test]
fn a_message_taken_from_a_full_backlog_wakes_the_sink_half() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept());
    let mut halves = Halves::of(builder.heartbeat(Heartbeat::off()).build().unwrap());
    assert_eq!(halves.flush(), Poll::Ready(Ok(())));
    fixture.runner.settle();
    let peer = fixture.remote.last_peer().unwrap();
    (0..300).for_each(|number| peer.send(format!("{number}")));
    while halves.writer.take() > 0 {
        let _ = halves.flush();
    }
    let unread = peer.unread();
    assert!(unread > 0, "the backlog is full");
    let taken = halves.reader.drain_at_most(&mut halves.stream, 3);
    assert!(matches!(taken.last(), Some(Event::Message(_))));
    assert!(halves.writer.take() > 0, "there is room, and the sink side drives");
    let taken = halves.reader.drain_at_most(&mut halves.stream, 3);
    assert!(taken.len() == 3 && halves.writer.take() == 0, "there was room already");
    let _ = halves.flush();
    assert_eq!(peer.unread(), unread - 4);
}
