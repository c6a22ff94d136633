//! The outbox: its bounds, its line of waiting senders, ages, outages.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
};

use futures::{FutureExt, Sink, SinkExt, StreamExt};
use websocket_heartbeat::{
    DropReason, Event, Fate, Handle, Message, Offline, OutboxSettings, Outgoing, QueueError,
    WhenFull,
};
use websocket_heartbeat_mock::{Peer, Script};

use crate::stage::{Counter, Session, Stage, millis, secs, texts};

/// A session over a line that takes nothing, with one message on it and the outbox full.
fn full(outbox: OutboxSettings) -> (Stage, Session, Peer, Handle) {
    let (stage, settings) = Stage::new(|_| Script::accept());
    let mut session = settings.outbox(outbox.count(1)).build().unwrap();
    let counter = Counter::new();
    counter.drain(&mut session);
    let peer = stage.remote.last_peer().unwrap();
    peer.stall_writes();
    let handle = session.handle();
    handle.try_queue("on the line").unwrap();
    counter.drain(&mut session);
    (stage, session, peer, handle)
}

#[test]
fn a_million_sends_while_offline_stay_inside_the_bound_with_exact_counts() {
    let (_stage, settings) = Stage::new(|_| Script::hang());
    let outbox = OutboxSettings::new().count(100).bytes(1_000).when_full(WhenFull::DropOldest);
    let mut session = settings.outbox(outbox).build().unwrap();
    let handle = session.handle();
    let counter = Counter::new();
    counter.drain(&mut session);
    for number in 0..1_000_000_u32 {
        handle.try_queue(number.to_be_bytes().to_vec()).unwrap();
    }
    counter.drain(&mut session);
    let status = session.status();
    assert_eq!((status.queued_messages, status.queued_bytes), (100, 400));
    assert_eq!(status.counters.dropped, 999_900);
    handle.close();
    let events = counter.drain(&mut session);
    let Some(Event::Closed(closed)) = events.last() else { panic!("{events:?}") };
    assert_eq!((closed.unsent.len() as u64, closed.discarded), (100, 999_900));
    assert_eq!(session.status().counters.dropped, 1_000_000);
}

#[test]
fn what_comes_back_is_bounded_in_bytes_as_well() {
    let (_stage, settings) = Stage::new(|_| Script::hang());
    let outbox = OutboxSettings::new().count(100).bytes(1_000).when_full(WhenFull::DropOldest);
    let mut session = settings.outbox(outbox).build().unwrap();
    let handle = session.handle();
    let counter = Counter::new();
    counter.drain(&mut session);
    for _ in 0..50 {
        handle.try_queue(vec![0; 400]).unwrap();
    }
    handle.close();
    let events = counter.drain(&mut session);
    let Some(Event::Closed(closed)) = events.last() else { panic!("{events:?}") };
    assert_eq!((closed.unsent.len(), closed.discarded), (2, 48));
}

#[test]
fn an_outbox_that_refuses_gives_the_message_back() {
    let (_stage, _session, _peer, handle) = full(OutboxSettings::new().when_full(WhenFull::Refuse));
    let refused = handle.queue("more").now_or_never().unwrap();
    assert_eq!(refused, Err(QueueError::Full(Message::text("more"))));
    let refused = handle.try_queue("more").unwrap_err();
    assert_eq!(refused.into_message(), Message::text("more"));
}

#[test]
fn try_queue_never_waits_and_never_overtakes_those_who_do() {
    let (_stage, mut session, peer, handle) = full(OutboxSettings::new());
    let counter = Counter::new();
    assert_eq!(handle.try_queue("more"), Err(QueueError::Full(Message::text("more"))));
    let mut waiting = pin!(handle.queue("waits"));
    assert!(counter.poll(|cx| waiting.as_mut().poll(cx)).is_pending());
    peer.resume_writes();
    counter.drain(&mut session);
    assert_eq!(handle.try_queue("more"), Err(QueueError::Full(Message::text("more"))));
    assert_eq!(counter.poll(|cx| waiting.as_mut().poll(cx)), Poll::Ready(Ok(())));
}

#[test]
fn waiting_senders_are_served_in_order() {
    let (mut stage, session, peer, handle) = full(OutboxSettings::new());
    for number in 0..50 {
        let handle = handle.clone();
        let send = async move { handle.queue(number.to_string()).await.unwrap() };
        stage.runner.spawn(send).detach();
    }
    stage.runner.spawn(session.for_each(|_| async {})).detach();
    stage.runner.settle();
    peer.resume_writes();
    stage.runner.settle();
    let expected: Vec<_> = (0..50).map(|number| number.to_string()).collect();
    assert_eq!(texts(&peer.received_messages())[1..], expected);
}

#[test]
fn a_dropped_waiter_passes_its_wake_on() {
    let (_stage, mut session, peer, handle) = full(OutboxSettings::new());
    let (driver, first, second) = (Counter::new(), Counter::new(), Counter::new());
    let mut dropped = Box::pin(handle.queue("dropped"));
    let mut served = Box::pin(handle.queue("served"));
    assert!(first.poll(|cx| dropped.as_mut().poll(cx)).is_pending());
    assert!(second.poll(|cx| served.as_mut().poll(cx)).is_pending());
    peer.resume_writes();
    driver.drain(&mut session);
    assert_eq!((first.take(), second.take()), (1, 0), "one at a time");
    drop(dropped);
    assert!(second.take() > 0);
    assert_eq!(second.poll(|cx| served.as_mut().poll(cx)), Poll::Ready(Ok(())));
}

#[test]
fn a_sink_that_stopped_waiting_does_not_keep_those_behind_it_waiting() {
    let (_stage, mut session, peer, handle) = full(OutboxSettings::new());
    let (driver, counter) = (Counter::new(), Counter::new());
    // Its owner gives up, and keeps the handle. Nobody tells a `Sink` of that.
    let mut idle = handle.clone();
    assert!(counter.poll(|cx| Pin::new(&mut idle).poll_ready(cx)).is_pending());
    let mut waiting = pin!(handle.queue("behind"));
    assert!(counter.poll(|cx| waiting.as_mut().poll(cx)).is_pending());
    counter.take();
    peer.resume_writes();
    driver.drain(&mut session);
    assert!(counter.take() > 0);
    assert_eq!(counter.poll(|cx| waiting.as_mut().poll(cx)), Poll::Ready(Ok(())));
}

#[test]
fn a_sink_that_comes_back_has_kept_its_place_in_line() {
    let (_stage, mut session, peer, handle) = full(OutboxSettings::new());
    let (driver, counter) = (Counter::new(), Counter::new());
    let mut sink = handle.clone();
    assert!(counter.poll(|cx| Pin::new(&mut sink).poll_ready(cx)).is_pending());
    let mut behind = pin!(handle.queue("behind"));
    assert!(counter.poll(|cx| behind.as_mut().poll(cx)).is_pending());
    peer.resume_writes();
    driver.drain(&mut session);
    assert!(counter.poll(|cx| Pin::new(&mut sink).poll_ready(cx)).is_ready());
    assert!(counter.poll(|cx| behind.as_mut().poll(cx)).is_pending());
    // A promised place that is given up goes to the next.
    counter.take();
    drop(sink);
    assert!(counter.take() > 0);
    assert!(counter.poll(|cx| behind.as_mut().poll(cx)).is_ready());
}

#[test]
fn a_flush_waits_for_the_message_on_the_line_though_a_later_one_has_its_fate() {
    let (mut stage, settings) = Stage::new(|_| Script::accept());
    let mut session = settings.build().unwrap();
    let counter = Counter::new();
    counter.drain(&mut session);
    let peer = stage.remote.last_peer().unwrap();
    peer.stall_writes();
    let mut sink = session.handle();
    sink.feed(Message::text("on the line")).now_or_never().unwrap().unwrap();
    counter.drain(&mut session);
    let handle = session.handle();
    handle.try_queue(Outgoing::new("short-lived").max_age(secs(1))).unwrap();
    counter.drain(&mut session);
    stage.clock.advance(secs(1));
    counter.drain(&mut session);
    assert_eq!(session.status().counters.dropped, 1);
    assert!(counter.poll(|cx| Pin::new(&mut sink).poll_flush(cx)).is_pending());
    peer.resume_writes();
    counter.drain(&mut session);
    assert!(counter.poll(|cx| Pin::new(&mut sink).poll_flush(cx)).is_ready());
    stage.runner.settle();
}

#[test]
fn ages_count_from_the_next_poll_and_expired_messages_come_back() {
    let (mut stage, settings) =
        Stage::new(|dial| if dial == 1 { Script::hang() } else { Script::accept() });
    let session = settings.outbox(OutboxSettings::new().max_age(secs(3))).build().unwrap();
    let handle = session.handle();
    let log = stage.read(session);
    handle.try_queue("old").unwrap();
    handle.try_queue(Outgoing::new("patient").max_age(secs(3_600))).unwrap();
    stage.runner.run_for(secs(2));
    handle.try_queue(Outgoing::new("recheck").max_age(millis(1))).unwrap();
    stage.runner.run_for(secs(20));
    let peer = stage.remote.last_peer().unwrap();
    assert_eq!(texts(&peer.received_messages()), ["patient"]);
    let unsent: Vec<_> = log
        .events()
        .into_iter()
        .filter_map(|event| if let Event::Lost(lost) = event { Some(lost.unsent) } else { None })
        .flatten()
        .collect();
    let expired = |text: &str| Fate::Dropped { reason: DropReason::Expired, message: text.into() };
    assert_eq!(unsent, [expired("recheck"), expired("old")]);
}

#[test]
fn a_message_queued_while_fates_are_told_is_accounted_for() {
    /// Queues a message when it is woken, as code without an executor may do.
    struct Queuer(Handle);

    impl Wake for Queuer {
        fn wake(self: Arc<Self>) {
            self.0.try_queue("from a waker").unwrap();
        }
    }

    let (stage, settings) = Stage::new(|_| Script::accept().after(secs(1)));
    let mut session = settings.outbox(OutboxSettings::new().max_age(secs(1))).build().unwrap();
    let handle = session.handle();
    let mut receipt = handle
        .queue_with_receipt("expires as the connection opens")
        .now_or_never()
        .unwrap()
        .unwrap();
    let waker = Waker::from(Arc::new(Queuer(handle.clone())));
    assert!(Pin::new(&mut receipt).poll(&mut Context::from_waker(&waker)).is_pending());
    let counter = Counter::new();
    counter.drain(&mut session);
    stage.clock.advance(secs(1));
    counter.drain(&mut session);
    handle.try_queue("next").unwrap();
    counter.drain(&mut session);
    let received = stage.remote.last_peer().unwrap().received_messages();
    assert_eq!(texts(&received), ["from a waker", "next"]);
}

#[test]
fn an_outbox_that_keeps_nothing_refuses_before_the_first_connection_and_in_an_outage() {
    let (mut stage, settings) = Stage::new(|_| Script::accept().end_after(secs(10)));
    let session = settings.outbox(OutboxSettings::new().offline(Offline::Refuse)).build().unwrap();
    let handle = session.handle();
    let refused = || Err(QueueError::Offline(Message::text("x")));
    assert_eq!(handle.try_queue("x"), refused());
    stage.read(session);
    stage.runner.run_for(secs(1));
    assert_eq!(handle.try_queue("x"), Ok(()));
    stage.runner.run_for(millis(9_500));
    assert_eq!(handle.try_queue("x"), refused());
    assert_eq!(handle.queue("x").now_or_never(), Some(refused()));
    stage.runner.run_for(secs(1));
    assert_eq!(handle.try_queue("x"), Ok(()));
}

#[test]
fn an_outbox_that_keeps_nothing_takes_nothing_on_a_promise_made_while_online() {
    let (mut stage, settings) = Stage::new(|_| Script::accept().end_after(secs(10)));
    let session = settings.outbox(OutboxSettings::new().offline(Offline::Refuse)).build().unwrap();
    let mut sink = session.handle();
    let log = stage.read(session);
    stage.runner.run_for(secs(1));
    let counter = Counter::new();
    assert!(counter.poll(|cx| Pin::new(&mut sink).poll_ready(cx)).is_ready());
    stage.runner.run_for(millis(9_500));
    Pin::new(&mut sink).start_send(Message::text("too late")).unwrap();
    stage.runner.run_for(secs(20));
    assert!(stage.remote.peers().iter().all(|peer| peer.received_messages().is_empty()));
    let told = log.events().into_iter().any(|event| {
        matches!(event, Event::Lost(lost) if lost.unsent == [Fate::Dropped {
            reason: DropReason::Offline,
            message: Message::text("too late"),
        }])
    });
    assert!(told);
}

#[test]
fn a_replay_is_not_dropped_to_make_room() {
    let outbox = OutboxSettings::new().count(2).when_full(WhenFull::DropOldest);
    let (mut stage, settings) = Stage::new(|_| Script::accept());
    let mut session = settings.outbox(outbox).build().unwrap();
    let counter = Counter::new();
    counter.drain(&mut session);
    let peer = stage.remote.last_peer().unwrap();
    peer.write_quota(0);
    let handle = session.handle();
    handle.try_queue("on the line").unwrap();
    counter.drain(&mut session);
    handle.replay("topic", "subscribe").unwrap();
    for number in 0..5 {
        // Where only the line and the replay hold the room, there is none to be made.
        let _ = handle.try_queue(number.to_string());
    }
    stage.read(session);
    peer.resume_writes();
    stage.runner.settle();
    assert_eq!(texts(&peer.received_messages())[..2], ["on the line", "subscribe"]);
}
