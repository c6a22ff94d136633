//! The place that a ready sink holds, and parked messages.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use futures::{FutureExt, Sink, SinkExt, StreamExt};
use websocket_heartbeat::{
    DropReason, ErrorKind, Event, Fate, Handle, Message, OutboxSettings, QueueError, SessionClosed,
    TransportError, WhenFull,
};
use websocket_heartbeat_mock::{Peer, Script};

use crate::harness::{Fixture, MockSupervisor, WakeCounter, secs, texts};

/// An open session over a link that accepts no bytes.
fn stalled(outbox: OutboxSettings) -> (Fixture, MockSupervisor, Peer) {
    let (fixture, builder) = Fixture::new(|_| Script::accept());
    let mut session = builder.outbox(outbox).build().unwrap();
    WakeCounter::new().drain(&mut session);
    let peer = fixture.remote.last_peer().unwrap();
    peer.write_quota(0);
    (fixture, session, peer)
}

fn ready(sink: &mut (impl Sink<Message, Error = SessionClosed> + Unpin)) -> bool {
    WakeCounter::new().poll(|cx| Pin::new(sink).poll_ready(cx)).is_ready()
}

fn flushed(sink: &mut (impl Sink<Message, Error = SessionClosed> + Unpin)) -> bool {
    WakeCounter::new().poll(|cx| Pin::new(sink).poll_flush(cx)).is_ready()
}

fn unsent(events: &[Event]) -> Vec<Fate> {
    let Some(Event::Closed(closed)) = events.last() else { panic!("{events:?}") };
    closed.unsent.clone()
}

#[test]
fn a_too_large_message_passes_its_place_to_the_next_sender() {
    let (_fixture, builder) = Fixture::new(|_| Script::accept());
    let mut session = builder.outbox(OutboxSettings::new().count(1).bytes(10)).build().unwrap();
    WakeCounter::new().drain(&mut session);
    let (mut sink, handle) = (session.handle(), session.handle());
    assert!(ready(&mut sink));
    let counter = WakeCounter::new();
    let mut waiting = Box::pin(handle.queue("waits"));
    assert!(counter.poll(|cx| waiting.as_mut().poll(cx)).is_pending());
    counter.take();
    sink.start_send_unpin(Message::text("eleven bytes")).unwrap();
    assert!(counter.take() > 0);
    assert_eq!(counter.poll(|cx| waiting.as_mut().poll(cx)), Poll::Ready(Ok(())));
}

/// Ten of the outbox's twenty bytes are handed to a link that accepts no bytes.
fn half_full() -> (Fixture, MockSupervisor, Handle) {
    let outbox = OutboxSettings::new().bytes(20).when_full(WhenFull::DropOldest);
    let (fixture, mut session, _peer) = stalled(outbox);
    let handle = session.handle();
    handle.try_queue("0123456789").unwrap();
    WakeCounter::new().drain(&mut session);
    (fixture, session, handle)
}

#[test]
fn a_refused_message_drops_no_other() {
    let (_fixture, mut session, handle) = half_full();
    handle.try_queue("aa").unwrap();
    handle.try_queue("bb").unwrap();
    let refused = handle.try_queue("fifteen bytes!!");
    assert!(matches!(refused, Err(QueueError::Full(_))), "{refused:?}");
    let mut sink = session.handle();
    assert!(ready(&mut sink));
    sink.start_send_unpin("fifteen bytes!!".into()).unwrap();
    WakeCounter::new().drain(&mut session);
    let status = session.status();
    assert_eq!((status.queued_messages, status.counters.dropped), (3, 0));
}

#[test]
fn a_waiting_message_drops_no_other() {
    let (_fixture, mut session, handle) = half_full();
    let counter = WakeCounter::new();
    let mut waiting = pin!(handle.queue("fifteen bytes!!"));
    assert!(counter.poll(|cx| waiting.as_mut().poll(cx)).is_pending());
    for _ in 0..10 {
        handle.try_queue("aa").unwrap();
        // `select!` and `join!` do this when another future of the task is woken.
        assert!(counter.poll(|cx| waiting.as_mut().poll(cx)).is_pending());
    }
    counter.drain(&mut session);
    assert_eq!(session.status().counters.dropped, 5, "five of ten find room beside ten bytes");
}

#[test]
fn many_ready_sinks_stay_in_the_bound_and_lose_nothing() {
    const SINKS: usize = 64;
    const LARGE: usize = 1 << 20;
    let (mut fixture, session, peer) = stalled(OutboxSettings::new().bytes(LARGE));
    let mut sinks: Vec<_> = (0..SINKS).map(|_| session.handle()).collect();
    let handle = session.handle();
    assert!(sinks.iter_mut().all(ready));
    for (sink, byte) in sinks.iter_mut().zip(0..) {
        sink.start_send_unpin(Message::binary(vec![byte; LARGE])).unwrap();
    }
    assert!(!sinks.iter_mut().any(flushed) && !sinks.iter_mut().any(ready));
    let log = fixture.read(session);
    fixture.runner.settle();
    assert_eq!(handle.status().queued_bytes, LARGE);
    peer.resume_writes();
    fixture.runner.settle();
    let received = peer.received_messages();
    let first_bytes: Vec<_> = received.iter().map(|message| message.as_bytes()[0]).collect();
    assert_eq!(first_bytes, (0..SINKS as u8).collect::<Vec<_>>(), "in the order of sending");
    assert!(sinks.iter_mut().all(flushed));
    assert_eq!(handle.status().counters.dropped, 0);
    assert!(log.events().iter().all(|event| !matches!(event, Event::Lost(_))));
}

#[test]
fn an_idle_ready_sink_holds_a_place_but_no_bytes() {
    let (_fixture, session, _peer) = stalled(OutboxSettings::new().bytes(10).count(2));
    let mut idle = session.handle();
    assert!(ready(&mut idle));
    let handle = session.handle();
    assert_eq!(handle.try_queue("ten bytes!"), Ok(()));
    assert!(matches!(handle.try_queue(""), Err(QueueError::Full(_))));
    drop(idle);
    assert_eq!(handle.try_queue(""), Ok(()));
}

#[test]
fn a_parked_message_enters_without_a_poll_of_its_sink() {
    let (_fixture, mut session, peer) = stalled(OutboxSettings::new().bytes(10));
    let mut sink = session.handle();
    session.handle().try_queue("ten bytes!").unwrap();
    // There was no `poll_ready` before.
    sink.start_send_unpin("parked".into()).unwrap();
    let counter = WakeCounter::new();
    let handle = session.handle();
    let mut behind = pin!(handle.queue("behind"));
    assert!(counter.poll(|cx| behind.as_mut().poll(cx)).is_pending());
    peer.resume_writes();
    WakeCounter::new().drain(&mut session);
    assert_eq!(counter.poll(|cx| behind.as_mut().poll(cx)), Poll::Ready(Ok(())));
    WakeCounter::new().drain(&mut session);
    assert_eq!(texts(&peer.received_messages()), ["ten bytes!", "parked", "behind"]);
    assert!(flushed(&mut sink));
}

#[test]
fn a_parked_message_is_dropped_with_its_sink() {
    let (_fixture, mut session, peer) = stalled(OutboxSettings::new().bytes(20).give_back(false));
    let mut sink = session.handle();
    sink.start_send_unpin("twenty bytes are all".into()).unwrap();
    WakeCounter::new().drain(&mut session);
    sink.start_send_unpin("parked".into()).unwrap();
    sink.start_send_unpin("second".into()).unwrap();
    drop(sink);
    peer.fail_writes(TransportError::new(ErrorKind::Reset, "gone"));
    session.handle().abort();
    let events = WakeCounter::new().drain(&mut session);
    let overflow =
        |text: &str| Fate::Dropped { reason: DropReason::Overflow, message: text.into() };
    assert_eq!(unsent(&events)[..2], [overflow("second"), overflow("parked")]);
}

#[test]
fn a_graceful_close_writes_parked_messages() {
    let (mut fixture, mut session, peer) = stalled(OutboxSettings::new().bytes(10).count(2));
    let (mut sink, mut idle) = (session.handle(), session.handle());
    assert!(ready(&mut sink) && ready(&mut idle));
    session.handle().try_queue("never").unwrap_err();
    sink.start_send_unpin("ten bytes!".into()).unwrap();
    sink.start_send_unpin("parked".into()).unwrap();
    WakeCounter::new().drain(&mut session);
    session.handle().close();
    peer.resume_writes();
    fixture.runner.run_until(session.close()).unwrap();
    assert_eq!(fixture.clock.now().since_epoch(), Duration::ZERO, "the close had no delay");
    assert_eq!(texts(&peer.received_messages()), ["ten bytes!", "parked"]);
    assert!(flushed(&mut sink));
}

#[test]
fn the_sink_of_a_supervisor_parks_and_writes_messages() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept());
    let mut session = builder.outbox(OutboxSettings::new().bytes(10)).build().unwrap();
    let sent = async {
        for text in ["seven..", "eight...", "nine....."] {
            session.feed(text.into()).await.unwrap();
        }
        session.flush().await.unwrap();
    };
    fixture.runner.run_until(sent);
    let peer = fixture.remote.last_peer().unwrap();
    assert_eq!(texts(&peer.received_messages()), ["seven..", "eight...", "nine....."]);
}

#[test]
fn a_place_of_the_sink_side_passes_to_the_drivers_first_handle() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept());
    let mut session = builder.outbox(OutboxSettings::new().count(1)).build().unwrap();
    assert!(ready(&mut session));
    let (driver, _inbox) = session.into_driver(1).unwrap();
    let (mut first, mut second) = (driver.handle(), driver.handle());
    assert!(ready(&mut first), "as before");
    assert!(!ready(&mut second));
    assert!(matches!(second.try_queue("x"), Err(QueueError::Full(_))));
    assert_eq!(first.try_queue("queued"), Ok(()));
    fixture.runner.spawn(driver).detach();
    fixture.runner.settle();
    assert!(ready(&mut second));
    drop(second);
    // It holds the only place itself, so it need not wait.
    assert!(ready(&mut first));
    assert_eq!(first.queue("x").now_or_never(), Some(Ok(())));
}

#[test]
fn an_unclaimed_promise_blocks_no_place() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept());
    let mut session = builder.outbox(OutboxSettings::new().count(1)).build().unwrap();
    assert!(ready(&mut session));
    let handle = session.handle();
    let (driver, _inbox) = session.into_driver(1).unwrap();
    assert_eq!(handle.try_queue("x"), Ok(()));
    // The sink is ready, and its message waits for room.
    let mut sink = driver.handle();
    assert!(ready(&mut sink));
    sink.start_send_unpin("y".into()).unwrap();
    fixture.runner.spawn(driver).detach();
    fixture.runner.settle();
    assert_eq!(texts(&fixture.remote.last_peer().unwrap().received_messages()), ["x", "y"]);
}

#[test]
fn the_drivers_first_handle_flushes_messages_of_the_sink_side() {
    let (mut fixture, mut session, peer) = stalled(OutboxSettings::new().bytes(10));
    session.start_send_unpin("ten bytes!".into()).unwrap();
    session.start_send_unpin("parked".into()).unwrap();
    let (driver, _inbox) = session.into_driver(1).unwrap();
    let mut sink = driver.handle();
    fixture.runner.spawn(driver).detach();
    fixture.runner.settle();
    assert!(!flushed(&mut sink));
    peer.resume_writes();
    fixture.runner.settle();
    assert!(flushed(&mut sink));
    assert_eq!(texts(&peer.received_messages()), ["ten bytes!", "parked"]);
}

#[test]
fn a_former_task_of_the_sink_side_is_not_woken() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept().chatter(secs(1), "tick"));
    let mut session = builder.build().unwrap();
    let before = WakeCounter::new();
    let _ = before.poll(|cx| session.send("a".into()).poll_unpin(cx));
    let (driver, inbox) = session.into_driver(1).unwrap();
    fixture.runner.spawn(driver).detach();
    fixture.read(inbox);
    fixture.runner.settle();
    before.take();
    fixture.runner.run_for(secs(100));
    assert_eq!(before.take(), 0);
}

/// Each of two tasks sends to both sessions, and both sessions have room for one message.
#[test]
fn joined_sessions_never_wait_for_each_other() {
    let outbox = OutboxSettings::new().bytes(10).count(2);
    let (mut fixture, builder) = Fixture::new(|_| Script::accept());
    let (second, others) = Fixture::new(|_| Script::accept());
    let (first, other) = (builder.outbox(outbox).build(), others.outbox(outbox).build());
    let (first, other) = (first.unwrap(), other.unwrap());
    for order in [false, true] {
        let (one, two) = (first.handle(), other.handle());
        let (one, two) = if order { (two, one) } else { (one, two) };
        fixture
            .runner
            .spawn(async move {
                let mut both = one.fanout(two);
                for _ in 0..20 {
                    both.send("ten bytes!".into()).await.unwrap();
                }
            })
            .detach();
    }
    fixture.runner.spawn(first.for_each(|_| async {})).detach();
    fixture.runner.spawn(other.for_each(|_| async {})).detach();
    fixture.runner.settle();
    assert_eq!(fixture.remote.last_peer().unwrap().received_messages().len(), 40);
    assert_eq!(second.remote.last_peer().unwrap().received_messages().len(), 40);
}

#[test]
fn a_message_after_the_end_is_refused_and_not_counted() {
    let (_fixture, builder) = Fixture::new(|_| Script::accept());
    let mut session = builder.build().unwrap();
    WakeCounter::new().drain(&mut session);
    let mut sink = session.handle();
    assert!(ready(&mut sink));
    sink.abort();
    sink.start_send_unpin("reported with the end".into()).unwrap_err();
    let events = WakeCounter::new().drain(&mut session);
    assert_eq!(unsent(&events).len(), 1);
    assert_eq!(session.status().counters.dropped, 1);
    sink.start_send_unpin("reported only by the error".into()).unwrap_err();
    assert_eq!(session.status().counters.dropped, 1);
}

/// A waker of a broken executor.
struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("a waker of the application");
    }
}

#[test]
fn a_panicking_waker_blocks_no_other_task() {
    let (fixture, mut session, peer) = stalled(OutboxSettings::new().count(4));
    let driver = WakeCounter::new();
    let handle = session.handle();
    let bad = Waker::from(Arc::new(Panics));
    let mut receipts: Vec<_> =
        (0..4).map(|_| handle.queue_with_receipt("x").now_or_never().unwrap().unwrap()).collect();
    let (mut first, mut second) = (session.handle(), session.handle());
    driver.drain(&mut session);
    let (mut changes, mut others) = (handle.status_changes(), handle.status_changes());
    let counter = WakeCounter::new();
    assert!(counter.next(&mut changes).is_ready() && counter.next(&mut others).is_ready());
    let good = Waker::from(Arc::clone(&counter));
    for (index, waker) in [&bad, &good].into_iter().enumerate() {
        let cx = &mut Context::from_waker(waker);
        assert!(receipts[index].poll_unpin(cx).is_pending());
        let sink = if index == 0 { &mut first } else { &mut second };
        assert!(Pin::new(sink).poll_ready(cx).is_pending());
    }
    assert!(others.poll_next_unpin(&mut Context::from_waker(&bad)).is_pending());
    assert!(counter.next(&mut changes).is_pending());
    counter.take();
    peer.resume_writes();
    fixture.clock.advance(Duration::from_millis(1));
    driver.drain(&mut session);
    assert_eq!(session.status().counters.messages_out, 4, "the session continues");
    assert!(counter.take() >= 3, "receipt, sink and status");
}

#[test]
fn parked_messages_of_a_dropped_session_are_dropped() {
    for driven in [false, true] {
        let (_fixture, mut session, _peer) = stalled(OutboxSettings::new().bytes(10));
        session.start_send_unpin("ten bytes!".into()).unwrap();
        session.start_send_unpin("parked".into()).unwrap();
        let handle = session.handle();
        if driven {
            drop(session.into_driver(1).unwrap());
        } else {
            drop(session);
        }
        let status = handle.status();
        assert_eq!((status.queued_messages, status.counters.dropped), (0, 2));
    }
}
