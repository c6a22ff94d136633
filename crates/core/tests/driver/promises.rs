//! What a sink is promised between its two steps, who keeps it, and what becomes of a message that
//! finds no room.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use futures::{FutureExt, Sink, SinkExt, StreamExt};
use websocket_heartbeat::{
    DropReason, ErrorKind, Event, Fate, Handle, Inbox, Message, OutboxSettings, QueueError,
    SessionClosed, TransportError, WhenFull,
};
use websocket_heartbeat_mock::{Peer, Script};

use crate::stage::{Counter, Session, Stage, secs, texts};

/// An open session over a line that takes nothing.
fn stalled(outbox: OutboxSettings) -> (Stage, Session, Peer) {
    let (stage, settings) = Stage::new(|_| Script::accept());
    let mut session = settings.outbox(outbox).build().unwrap();
    Counter::new().drain(&mut session);
    let peer = stage.remote.last_peer().unwrap();
    peer.write_quota(0);
    (stage, session, peer)
}

fn ready(sink: &mut (impl Sink<Message, Error = SessionClosed> + Unpin)) -> bool {
    Counter::new().poll(|cx| Pin::new(sink).poll_ready(cx)).is_ready()
}

fn flushed(sink: &mut (impl Sink<Message, Error = SessionClosed> + Unpin)) -> bool {
    Counter::new().poll(|cx| Pin::new(sink).poll_flush(cx)).is_ready()
}

fn unsent(events: &[Event]) -> Vec<Fate> {
    let Some(Event::Closed(closed)) = events.last() else { panic!("{events:?}") };
    closed.unsent.clone()
}

#[test]
fn a_place_given_up_by_a_message_that_is_too_large_goes_to_who_waits_for_it() {
    let (_stage, settings) = Stage::new(|_| Script::accept());
    let mut session = settings.outbox(OutboxSettings::new().count(1).bytes(10)).build().unwrap();
    Counter::new().drain(&mut session);
    let (mut sink, handle) = (session.handle(), session.handle());
    assert!(ready(&mut sink));
    let counter = Counter::new();
    let mut waiting = Box::pin(handle.queue("waits"));
    assert!(counter.poll(|cx| waiting.as_mut().poll(cx)).is_pending());
    counter.take();
    sink.start_send_unpin(Message::text("eleven bytes")).unwrap();
    assert!(counter.take() > 0);
    assert_eq!(counter.poll(|cx| waiting.as_mut().poll(cx)), Poll::Ready(Ok(())));
}

/// Ten of twenty bytes are on a line that takes nothing.
fn half_full() -> (Stage, Session, Handle) {
    let outbox = OutboxSettings::new().bytes(20).when_full(WhenFull::DropOldest);
    let (stage, mut session, _peer) = stalled(outbox);
    let handle = session.handle();
    handle.try_queue("0123456789").unwrap();
    Counter::new().drain(&mut session);
    (stage, session, handle)
}

#[test]
fn a_message_that_is_refused_costs_no_other() {
    let (_stage, mut session, handle) = half_full();
    handle.try_queue("aa").unwrap();
    handle.try_queue("bb").unwrap();
    let refused = handle.try_queue("fifteen bytes!!");
    assert!(matches!(refused, Err(QueueError::Full(_))), "{refused:?}");
    let mut sink = session.handle();
    assert!(ready(&mut sink));
    sink.start_send_unpin("fifteen bytes!!".into()).unwrap();
    Counter::new().drain(&mut session);
    let status = session.status();
    assert_eq!((status.queued_messages, status.counters.dropped), (3, 0));
}

#[test]
fn a_message_that_waits_costs_no_other() {
    let (_stage, mut session, handle) = half_full();
    let counter = Counter::new();
    let mut waiting = pin!(handle.queue("fifteen bytes!!"));
    assert!(counter.poll(|cx| waiting.as_mut().poll(cx)).is_pending());
    for _ in 0..10 {
        handle.try_queue("aa").unwrap();
        // As `select!` and `join!` do whenever anything else happens in the task.
        assert!(counter.poll(|cx| waiting.as_mut().poll(cx)).is_pending());
    }
    counter.drain(&mut session);
    assert_eq!(session.status().counters.dropped, 5, "five of ten find room beside ten bytes");
}

#[test]
fn sinks_that_were_all_ready_stay_inside_the_bound_in_bytes_and_lose_nothing() {
    const SINKS: usize = 64;
    const LARGE: usize = 1 << 20;
    let (mut stage, session, peer) = stalled(OutboxSettings::new().bytes(LARGE));
    let mut sinks: Vec<_> = (0..SINKS).map(|_| session.handle()).collect();
    let handle = session.handle();
    assert!(sinks.iter_mut().all(ready));
    for (sink, byte) in sinks.iter_mut().zip(0..) {
        sink.start_send_unpin(Message::binary(vec![byte; LARGE])).unwrap();
    }
    assert!(!sinks.iter_mut().any(flushed) && !sinks.iter_mut().any(ready));
    let log = stage.read(session);
    stage.runner.settle();
    assert_eq!(handle.status().queued_bytes, LARGE);
    peer.resume_writes();
    stage.runner.settle();
    let received = peer.received_messages();
    let first_bytes: Vec<_> = received.iter().map(|message| message.as_bytes()[0]).collect();
    assert_eq!(first_bytes, (0..SINKS as u8).collect::<Vec<_>>(), "in the order of sending");
    assert!(sinks.iter_mut().all(flushed));
    assert_eq!(handle.status().counters.dropped, 0);
    assert!(log.events().iter().all(|event| !matches!(event, Event::Lost(_))));
}

#[test]
fn a_sink_that_is_ready_and_idle_keeps_a_place_and_no_bytes() {
    let (_stage, session, _peer) = stalled(OutboxSettings::new().bytes(10).count(2));
    let mut idle = session.handle();
    assert!(ready(&mut idle));
    let handle = session.handle();
    assert_eq!(handle.try_queue("ten bytes!"), Ok(()));
    assert!(matches!(handle.try_queue(""), Err(QueueError::Full(_))));
    drop(idle);
    assert_eq!(handle.try_queue(""), Ok(()));
}

#[test]
fn a_parked_message_is_let_in_by_the_session_though_nobody_polls_its_sink() {
    let (_stage, mut session, peer) = stalled(OutboxSettings::new().bytes(10));
    let mut sink = session.handle();
    session.handle().try_queue("ten bytes!").unwrap();
    // It did not ask whether the sink is ready.
    sink.start_send_unpin("parked".into()).unwrap();
    let counter = Counter::new();
    let handle = session.handle();
    let mut behind = pin!(handle.queue("behind"));
    assert!(counter.poll(|cx| behind.as_mut().poll(cx)).is_pending());
    peer.resume_writes();
    Counter::new().drain(&mut session);
    assert_eq!(counter.poll(|cx| behind.as_mut().poll(cx)), Poll::Ready(Ok(())));
    Counter::new().drain(&mut session);
    assert_eq!(texts(&peer.received_messages()), ["ten bytes!", "parked", "behind"]);
    assert!(flushed(&mut sink));
}

#[test]
fn a_parked_message_goes_with_its_sink_and_a_second_one_has_no_place() {
    let (_stage, mut session, peer) = stalled(OutboxSettings::new().bytes(20).give_back(false));
    let mut sink = session.handle();
    sink.start_send_unpin("twenty bytes are all".into()).unwrap();
    Counter::new().drain(&mut session);
    sink.start_send_unpin("parked".into()).unwrap();
    sink.start_send_unpin("second".into()).unwrap();
    drop(sink);
    peer.fail_writes(TransportError::new(ErrorKind::Reset, "gone"));
    session.handle().abort();
    let events = Counter::new().drain(&mut session);
    let overflow =
        |text: &str| Fate::Dropped { reason: DropReason::Overflow, message: text.into() };
    assert_eq!(unsent(&events)[..2], [overflow("second"), overflow("parked")]);
}

#[test]
fn a_graceful_close_writes_what_is_parked_as_well() {
    let (mut stage, mut session, peer) = stalled(OutboxSettings::new().bytes(10).count(2));
    let (mut sink, mut idle) = (session.handle(), session.handle());
    assert!(ready(&mut sink) && ready(&mut idle));
    session.handle().try_queue("never").unwrap_err();
    sink.start_send_unpin("ten bytes!".into()).unwrap();
    sink.start_send_unpin("parked".into()).unwrap();
    Counter::new().drain(&mut session);
    session.handle().close();
    peer.resume_writes();
    stage.runner.run_until(session.close()).unwrap();
    assert_eq!(stage.clock.now().since_epoch(), Duration::ZERO, "nothing held it up");
    assert_eq!(texts(&peer.received_messages()), ["ten bytes!", "parked"]);
    assert!(flushed(&mut sink));
}

#[test]
fn the_sink_of_a_supervisor_parks_and_writes_what_has_no_room() {
    let (mut stage, settings) = Stage::new(|_| Script::accept());
    let mut session = settings.outbox(OutboxSettings::new().bytes(10)).build().unwrap();
    let sent = async {
        for text in ["seven..", "eight...", "nine....."] {
            session.feed(text.into()).await.unwrap();
        }
        session.flush().await.unwrap();
    };
    stage.runner.run_until(sent);
    let peer = stage.remote.last_peer().unwrap();
    assert_eq!(texts(&peer.received_messages()), ["seven..", "eight...", "nine....."]);
}

#[test]
fn a_place_promised_to_the_sink_side_goes_on_to_the_first_handle_of_the_driver() {
    let (mut stage, settings) = Stage::new(|_| Script::accept());
    let mut session = settings.outbox(OutboxSettings::new().count(1)).build().unwrap();
    assert!(ready(&mut session));
    let (driver, _inbox) = session.into_driver(Inbox::new(1)).unwrap();
    let (mut first, mut second) = (driver.handle(), driver.handle());
    assert!(ready(&mut first), "as it was");
    assert!(!ready(&mut second));
    assert!(matches!(second.try_queue("x"), Err(QueueError::Full(_))));
    assert_eq!(first.try_queue("by another way"), Ok(()));
    stage.runner.spawn(driver).detach();
    stage.runner.settle();
    assert!(ready(&mut second));
    drop(second);
    // Where the one place is its own, it need not wait for it.
    assert!(ready(&mut first));
    assert_eq!(first.queue("x").now_or_never(), Some(Ok(())));
}

#[test]
fn a_promise_that_no_handle_takes_over_keeps_no_place_from_others() {
    let (mut stage, settings) = Stage::new(|_| Script::accept());
    let mut session = settings.outbox(OutboxSettings::new().count(1)).build().unwrap();
    assert!(ready(&mut session));
    let handle = session.handle();
    let (driver, _inbox) = session.into_driver(Inbox::new(1)).unwrap();
    assert_eq!(handle.try_queue("x"), Ok(()));
    // It is ready all the same, and its message waits for room.
    let mut sink = driver.handle();
    assert!(ready(&mut sink));
    sink.start_send_unpin("y".into()).unwrap();
    stage.runner.spawn(driver).detach();
    stage.runner.settle();
    assert_eq!(texts(&stage.remote.last_peer().unwrap().received_messages()), ["x", "y"]);
}

#[test]
fn what_the_sink_side_has_sent_is_flushed_by_the_first_handle_of_the_driver() {
    let (mut stage, mut session, peer) = stalled(OutboxSettings::new().bytes(10));
    session.start_send_unpin("ten bytes!".into()).unwrap();
    session.start_send_unpin("parked".into()).unwrap();
    let (driver, _inbox) = session.into_driver(Inbox::new(1)).unwrap();
    let mut sink = driver.handle();
    stage.runner.spawn(driver).detach();
    stage.runner.settle();
    assert!(!flushed(&mut sink));
    peer.resume_writes();
    stage.runner.settle();
    assert!(flushed(&mut sink));
    assert_eq!(texts(&peer.received_messages()), ["ten bytes!", "parked"]);
}

#[test]
fn the_task_that_used_the_sink_side_before_is_left_in_peace() {
    let (mut stage, settings) = Stage::new(|_| Script::accept().chatter(secs(1), "tick"));
    let mut session = settings.build().unwrap();
    let before = Counter::new();
    let _ = before.poll(|cx| session.send("a".into()).poll_unpin(cx));
    let (driver, inbox) = session.into_driver(Inbox::new(1)).unwrap();
    stage.runner.spawn(driver).detach();
    stage.read(inbox);
    stage.runner.settle();
    before.take();
    stage.runner.run_for(secs(100));
    assert_eq!(before.take(), 0);
}

/// Each of two tasks sends to both sessions, and both sessions have room for one message.
#[test]
fn sessions_that_are_joined_never_wait_for_each_other() {
    let outbox = OutboxSettings::new().bytes(10).count(2);
    let (mut stage, settings) = Stage::new(|_| Script::accept());
    let (second, others) = Stage::new(|_| Script::accept());
    let (first, other) = (settings.outbox(outbox).build(), others.outbox(outbox).build());
    let (first, other) = (first.unwrap(), other.unwrap());
    for order in [false, true] {
        let (one, two) = (first.handle(), other.handle());
        let (one, two) = if order { (two, one) } else { (one, two) };
        stage
            .runner
            .spawn(async move {
                let mut both = one.fanout(two);
                for _ in 0..20 {
                    both.send("ten bytes!".into()).await.unwrap();
                }
            })
            .detach();
    }
    stage.runner.spawn(first.for_each(|_| async {})).detach();
    stage.runner.spawn(other.for_each(|_| async {})).detach();
    stage.runner.settle();
    assert_eq!(stage.remote.last_peer().unwrap().received_messages().len(), 40);
    assert_eq!(second.remote.last_peer().unwrap().received_messages().len(), 40);
}

#[test]
fn what_is_sent_after_the_end_is_refused_and_counted_nowhere() {
    let (_stage, settings) = Stage::new(|_| Script::accept());
    let mut session = settings.build().unwrap();
    Counter::new().drain(&mut session);
    let mut sink = session.handle();
    assert!(ready(&mut sink));
    sink.abort();
    sink.start_send_unpin("told with the end".into()).unwrap_err();
    let events = Counter::new().drain(&mut session);
    assert_eq!(unsent(&events).len(), 1);
    assert_eq!(session.status().counters.dropped, 1);
    sink.start_send_unpin("told by the error alone".into()).unwrap_err();
    assert_eq!(session.status().counters.dropped, 1);
}

/// As a waker of a broken executor may do.
struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("a waker of the application");
    }
}

#[test]
fn a_waker_that_panics_keeps_nobody_else_waiting() {
    let (stage, mut session, peer) = stalled(OutboxSettings::new().count(4));
    let driver = Counter::new();
    let handle = session.handle();
    let bad = Waker::from(Arc::new(Panics));
    let mut receipts: Vec<_> =
        (0..4).map(|_| handle.queue_with_receipt("x").now_or_never().unwrap().unwrap()).collect();
    let (mut first, mut second) = (session.handle(), session.handle());
    driver.drain(&mut session);
    let (mut changes, mut others) = (handle.status_changes(), handle.status_changes());
    let counter = Counter::new();
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
    stage.clock.advance(Duration::from_millis(1));
    driver.drain(&mut session);
    assert_eq!(session.status().counters.messages_out, 4, "the session goes on");
    assert!(counter.take() >= 3, "receipt, sink and status");
}

#[test]
fn what_waits_in_the_sink_of_a_dropped_session_ends_as_all_others_do() {
    for driven in [false, true] {
        let (_stage, mut session, _peer) = stalled(OutboxSettings::new().bytes(10));
        session.start_send_unpin("ten bytes!".into()).unwrap();
        session.start_send_unpin("parked".into()).unwrap();
        let handle = session.handle();
        if driven {
            drop(session.into_driver(Inbox::new(1)).unwrap());
        } else {
            drop(session);
        }
        let status = handle.status();
        assert_eq!((status.queued_messages, status.counters.dropped), (0, 2));
    }
}
