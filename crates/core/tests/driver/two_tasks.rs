//! The halves of a `split` in two tasks: each `Pending` is followed by a wake of that task (P24),
//! and nobody is woken much more than there is news.

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

use crate::stage::{Counter, Session, Stage, millis, secs, texts};

/// Two halves polled by hand, each by a task of its own.
struct Halves {
    sink: SplitSink<Session, Message>,
    stream: futures::stream::SplitStream<Session>,
    writer: Arc<Counter>,
    reader: Arc<Counter>,
}

impl Halves {
    fn of(session: Session) -> Self {
        let (sink, stream) = session.split();
        Self { sink, stream, writer: Counter::new(), reader: Counter::new() }
    }

    fn sink(
        &mut self,
        poll: impl FnOnce(
            Pin<&mut SplitSink<Session, Message>>,
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

    /// Hands a message over; true if it has come through the slot that `SplitSink` itself has.
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

/// An open session over a server that says nothing of its own.
fn open(outbox: OutboxSettings) -> (Stage, Halves, Peer, Handle) {
    let (stage, settings) = Stage::new(|_| Script::accept());
    let session = settings.outbox(outbox).build().unwrap();
    let handle = session.handle();
    let mut halves = Halves::of(session);
    assert_eq!(halves.settle().len(), 2, "connecting, open");
    let peer = stage.remote.last_peer().unwrap();
    (stage, halves, peer, handle)
}

#[test]
fn a_message_that_arrives_wakes_the_stream_half() {
    let (_stage, mut halves, peer, _) = open(OutboxSettings::new());
    assert!(halves.reader.next(&mut halves.stream).is_pending());
    peer.send("news");
    assert!(halves.reader.take() > 0);
    assert!(matches!(halves.reader.next(&mut halves.stream), Poll::Ready(Some(Event::Message(_)))));
}

#[test]
fn a_message_read_by_the_sink_half_wakes_the_stream_half() {
    let (_stage, mut halves, peer, _) = open(OutboxSettings::new());
    peer.stall_writes();
    assert!(halves.hand("a"));
    assert!(halves.flush().is_pending());
    assert!(halves.reader.next(&mut halves.stream).is_pending());
    peer.send("news");
    halves.reader.take();
    // The sink's task runs first and takes the message off the line.
    assert!(halves.flush().is_pending());
    assert!(halves.reader.take() > 0, "the message is for the stream half");
    assert!(halves.reader.next(&mut halves.stream).is_ready());
}

#[test]
fn room_in_the_outbox_wakes_the_sink_half_though_the_stream_half_made_it() {
    let (_stage, mut halves, peer, _) = open(OutboxSettings::new().count(1));
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
fn a_flush_that_completes_wakes_the_sink_half_though_the_stream_half_did_it() {
    let (_stage, mut halves, peer, _) = open(OutboxSettings::new());
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
fn a_connection_that_opens_wakes_a_sink_half_that_waits_for_it() {
    let (stage, settings) = Stage::manual();
    let outbox = OutboxSettings::new().offline(Offline::Refuse);
    let mut halves = Halves::of(settings.outbox(outbox).build().unwrap());
    assert!(!halves.hand("a"), "nothing is accepted offline");
    halves.settle();
    stage.remote.try_next_dial().unwrap().accept();
    halves.writer.take();
    halves.settle();
    assert!(halves.writer.take() > 0);
    assert_eq!(halves.ready(), Poll::Ready(Ok(())));
}

#[test]
fn closing_by_the_sink_half_wakes_the_stream_half_and_the_end_wakes_the_sink_half() {
    let (_stage, mut halves, _, _) = open(OutboxSettings::new());
    assert!(halves.reader.next(&mut halves.stream).is_pending());
    let _ = halves.sink(|sink, cx| sink.poll_close(cx));
    assert!(halves.reader.take() > 0);
    let events = halves.settle();
    assert!(matches!(events.last(), Some(Event::Closed(_))));
    assert_eq!(halves.sink(|sink, cx| sink.poll_close(cx)), Poll::Ready(Ok(())));
}

#[test]
fn the_end_of_a_close_that_takes_time_wakes_the_sink_half() {
    let (stage, settings) = Stage::new(|_| Script::accept().ignore_close());
    let mut halves = Halves::of(settings.close_timeout(secs(5)).build().unwrap());
    halves.settle();
    assert!(halves.sink(|sink, cx| sink.poll_close(cx)).is_pending());
    halves.settle();
    halves.writer.take();
    stage.clock.advance(secs(5));
    halves.settle();
    assert!(halves.writer.take() > 0);
    assert_eq!(halves.sink(|sink, cx| sink.poll_close(cx)), Poll::Ready(Ok(())));
}

#[test]
fn a_message_fed_and_not_flushed_does_not_swallow_the_wake_of_a_command() {
    let (_stage, mut halves, _, handle) = open(OutboxSettings::new());
    assert!(halves.reader.next(&mut halves.stream).is_pending());
    assert!(halves.hand("fed"));
    halves.reader.take();
    handle.close();
    assert!(halves.reader.take() > 0, "the close must be seen");
}

#[test]
fn the_halves_in_two_tasks_lose_nothing_under_many_interleavings() {
    for seed in 0..300 {
        let mut rng = Rng::new(seed);
        let count = 20 + rng.below(80) as usize;
        let hesitant = rng.once_in(2);
        let latency = rng.duration(millis(0)..millis(30));
        let rate = 1 + rng.below(400);
        let (mut stage, settings) = Stage::new(move |_| {
            let script = Script::accept().echo().latency(latency);
            let script = script.write_rate(rate, millis(10));
            if hesitant { script.hesitant() } else { script }
        });
        let outbox = OutboxSettings::new().count(1 + rng.below(8) as usize);
        let (mut sink, mut stream) = settings.outbox(outbox).build().unwrap().split();
        let timer = stage.clock.timer();
        let mut pauses = rng.clone();
        let writing = stage.runner.spawn(async move {
            for number in 0..count {
                if pauses.once_in(2) {
                    sink.feed(Message::text(number.to_string())).await.unwrap();
                } else {
                    sink.send(Message::text(number.to_string())).await.unwrap();
                }
                if pauses.once_in(4) {
                    let until = pauses.duration(millis(0)..millis(40));
                    rest(&timer, until).await;
                }
            }
            sink.flush().await.unwrap();
            sink
        });
        let timer = stage.clock.timer();
        let reading = stage.runner.spawn(async move {
            let mut echoes = Vec::new();
            while echoes.len() < count {
                if let Event::Message(message) = stream.next().await.unwrap() {
                    echoes.push(message);
                    if rng.once_in(4) {
                        let until = rng.duration(millis(0)..millis(40));
                        rest(&timer, until).await;
                    }
                }
            }
            (echoes, stream)
        });
        stage.runner.set_time_limit(secs(600));
        let (_sink, (echoes, _stream)) =
            stage.runner.run_until(async { (writing.await, reading.await) });
        let expected: Vec<_> = (0..count).map(|number| number.to_string()).collect();
        assert_eq!(texts(&echoes), expected, "seed {seed}");
        assert_eq!(stage.remote.dials().len(), 1, "seed {seed}");
    }
}

/// Waits that long.
pub(crate) async fn rest(timer: &websocket_heartbeat_mock::MockTimer, time: std::time::Duration) {
    use websocket_heartbeat::Timer;
    let until = timer.now().checked_add(time).unwrap();
    timer.sleep_until(until).await;
}

#[test]
fn nobody_is_polled_much_more_than_there_is_news() {
    let (mut stage, settings) = Stage::new(|_| Script::accept().chatter(millis(100), "tick"));
    let (mut sink, mut stream) = settings.build().unwrap().split();
    let reading = stage.runner.spawn(async move { while stream.next().await.is_some() {} });
    let timer = stage.clock.timer();
    let writing = stage.runner.spawn(async move {
        loop {
            sink.send(Message::text("tock")).await.unwrap();
            rest(&timer, secs(1)).await;
        }
    });
    stage.runner.run_for(secs(100));
    // 1 000 messages in, 100 out.
    assert!(reading.polls() < 1_400, "{}", reading.polls());
    // The slot of the sink half is not cleared when it is ready, so that a task that only sends
    // keeps the session going; it pays for it with a poll for each message in.
    assert!(writing.polls() < 1_400, "{}", writing.polls());
}

/// The side that drives had stopped reading; it must not wait for the next deadline to go on.
#[test]
fn a_message_taken_from_a_full_backlog_calls_the_sink_side() {
    let (mut stage, settings) = Stage::new(|_| Script::accept());
    let mut halves = Halves::of(settings.heartbeat(Heartbeat::off()).build().unwrap());
    assert_eq!(halves.flush(), Poll::Ready(Ok(())));
    stage.runner.settle();
    let peer = stage.remote.last_peer().unwrap();
    (0..300).for_each(|number| peer.send(format!("{number}")));
    while halves.writer.take() > 0 {
        let _ = halves.flush();
    }
    let unread = peer.unread();
    assert!(unread > 0, "the backlog is full");
    let taken = halves.reader.drain_at_most(&mut halves.stream, 3);
    assert!(matches!(taken.last(), Some(Event::Message(_))));
    assert!(halves.writer.take() > 0, "there is room, and the sink side drives");
    let _ = halves.flush();
    assert_eq!(peer.unread(), unread - 1);
}
