//! The outbox: its bounds, waiting senders, ages and outages.

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

use crate::harness::{Fixture, MockSupervisor, WakeCounter, ms, secs, texts};

/// A session over a link that accepts no bytes, with one handed message and a full outbox.
fn full(outbox: OutboxSettings) -> (Fixture, MockSupervisor, Peer, Handle) {
    let (fixture, builder) = Fixture::new(|_| Script::accept());
    let mut session = builder.outbox(outbox.count(1)).build().unwrap();
    let counter = WakeCounter::new();
    counter.drain(&mut session);
    let peer = fixture.remote.last_peer().unwrap();
    peer.stall_writes();
    let handle = session.handle();
    handle.try_queue("handed over").unwrap();
    counter.drain(&mut session);
    (fixture, session, peer, handle)
}

#[test]
fn a_million_offline_sends_stay_in_the_bound_with_exact_counts() {
    let (_fixture, builder) = Fixture::new(|_| Script::hang());
    let outbox = OutboxSettings::new().count(100).bytes(1_000).when_full(WhenFull::DropOldest);
    let mut session = builder.outbox(outbox).build().unwrap();
    let handle = session.handle();
    let counter = WakeCounter::new();
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
fn returned_messages_are_bounded_in_bytes() {
    let (_fixture, builder) = Fixture::new(|_| Script::hang());
    let outbox = OutboxSettings::new().count(100).bytes(1_000).when_full(WhenFull::DropOldest);
    let mut session = builder.outbox(outbox).build().unwrap();
    let handle = session.handle();
    let counter = WakeCounter::new();
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
    let (_fixture, _session, _peer, handle) =
        full(OutboxSettings::new().when_full(WhenFull::Refuse));
    let refused = handle.queue("more").now_or_never().unwrap();
    assert_eq!(refused, Err(QueueError::Full(Message::text("more"))));
    let refused = handle.try_queue("more").unwrap_err();
    assert_eq!(refused.into_message(), Message::text("more"));
}

#[test]
fn try_queue_never_waits_and_never_overtakes_waiting_senders() {
    let (_fixture, mut session, peer, handle) = full(OutboxSettings::new());
    let counter = WakeCounter::new();
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
    let (mut fixture, session, peer, handle) = full(OutboxSettings::new());
    for number in 0..50 {
        let handle = handle.clone();
        let send = async move { handle.queue(number.to_string()).await.unwrap() };
        fixture.runner.spawn(send).detach();
    }
    fixture.runner.spawn(session.for_each(|_| async {})).detach();
    fixture.runner.settle();
    peer.resume_writes();
    fixture.runner.settle();
    let expected: Vec<_> = (0..50).map(|number| number.to_string()).collect();
    assert_eq!(texts(&peer.received_messages())[1..], expected);
}

#[test]
fn a_dropped_waiter_passes_its_wake_on() {
    let (_fixture, mut session, peer, handle) = full(OutboxSettings::new());
    let (driver, first, second) = (WakeCounter::new(), WakeCounter::new(), WakeCounter::new());
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
fn a_sink_that_stops_waiting_does_not_block_the_next() {
    let (_fixture, mut session, peer, handle) = full(OutboxSettings::new());
    let (driver, counter) = (WakeCounter::new(), WakeCounter::new());
    // The owner stops polling and keeps the handle. A `Sink` is not informed of this.
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
fn a_sink_that_polls_again_keeps_its_place() {
    let (_fixture, mut session, peer, handle) = full(OutboxSettings::new());
    let (driver, counter) = (WakeCounter::new(), WakeCounter::new());
    let mut sink = handle.clone();
    assert!(counter.poll(|cx| Pin::new(&mut sink).poll_ready(cx)).is_pending());
    let mut behind = pin!(handle.queue("behind"));
    assert!(counter.poll(|cx| behind.as_mut().poll(cx)).is_pending());
    peer.resume_writes();
    driver.drain(&mut session);
    assert!(counter.poll(|cx| Pin::new(&mut sink).poll_ready(cx)).is_ready());
    assert!(counter.poll(|cx| behind.as_mut().poll(cx)).is_pending());
    // A promised place that is given up passes to the next sender.
    counter.take();
    drop(sink);
    assert!(counter.take() > 0);
    assert!(counter.poll(|cx| behind.as_mut().poll(cx)).is_ready());
}

#[test]
fn a_flush_waits_for_earlier_messages_without_a_fate() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept());
    let mut session = builder.build().unwrap();
    let counter = WakeCounter::new();
    counter.drain(&mut session);
    let peer = fixture.remote.last_peer().unwrap();
    peer.stall_writes();
    let mut sink = session.handle();
    sink.feed(Message::text("handed over")).now_or_never().unwrap().unwrap();
    counter.drain(&mut session);
    let handle = session.handle();
    handle.try_queue(Outgoing::new("short-lived").max_age(secs(1))).unwrap();
    counter.drain(&mut session);
    fixture.clock.advance(secs(1));
    counter.drain(&mut session);
    assert_eq!(session.status().counters.dropped, 1);
    assert!(counter.poll(|cx| Pin::new(&mut sink).poll_flush(cx)).is_pending());
    peer.resume_writes();
    counter.drain(&mut session);
    assert!(counter.poll(|cx| Pin::new(&mut sink).poll_flush(cx)).is_ready());
    fixture.runner.settle();
}

#[test]
fn ages_count_from_the_next_poll_and_expired_messages_return() {
    let (mut fixture, builder) =
        Fixture::new(|dial| if dial == 1 { Script::hang() } else { Script::accept() });
    let session = builder.outbox(OutboxSettings::new().max_age(secs(3))).build().unwrap();
    let handle = session.handle();
    let log = fixture.read(session);
    handle.try_queue("old").unwrap();
    handle.try_queue(Outgoing::new("patient").max_age(secs(3_600))).unwrap();
    fixture.runner.run_for(secs(2));
    handle.try_queue(Outgoing::new("hasty").max_age(ms(1))).unwrap();
    fixture.runner.run_for(secs(20));
    let peer = fixture.remote.last_peer().unwrap();
    assert_eq!(texts(&peer.received_messages()), ["patient"]);
    let unsent: Vec<_> = log
        .events()
        .into_iter()
        .filter_map(|event| if let Event::Lost(lost) = event { Some(lost.unsent) } else { None })
        .flatten()
        .collect();
    let expired = |text: &str| Fate::Dropped { reason: DropReason::Expired, message: text.into() };
    assert_eq!(unsent, [expired("hasty"), expired("old")]);
}

#[test]
fn a_message_queued_while_fates_are_reported_has_a_fate() {
    /// Queues a message when it is woken, as code without an executor does.
    struct Queuer(Handle);

    impl Wake for Queuer {
        fn wake(self: Arc<Self>) {
            self.0.try_queue("from a waker").unwrap();
        }
    }

    let (fixture, builder) = Fixture::new(|_| Script::accept().after(secs(1)));
    let mut session = builder.outbox(OutboxSettings::new().max_age(secs(1))).build().unwrap();
    let handle = session.handle();
    let mut receipt = handle
        .queue_with_receipt("expires as the connection opens")
        .now_or_never()
        .unwrap()
        .unwrap();
    let waker = Waker::from(Arc::new(Queuer(handle.clone())));
    assert!(Pin::new(&mut receipt).poll(&mut Context::from_waker(&waker)).is_pending());
    let counter = WakeCounter::new();
    counter.drain(&mut session);
    fixture.clock.advance(secs(1));
    counter.drain(&mut session);
    handle.try_queue("next").unwrap();
    counter.drain(&mut session);
    let received = fixture.remote.last_peer().unwrap().received_messages();
    assert_eq!(texts(&received), ["from a waker", "next"]);
}

#[test]
fn an_outbox_that_keeps_nothing_refuses_while_offline() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept().end_after(secs(10)));
    let session = builder.outbox(OutboxSettings::new().offline(Offline::Refuse)).build().unwrap();
    let handle = session.handle();
    let refused = || Err(QueueError::Offline(Message::text("x")));
    assert_eq!(handle.try_queue("x"), refused());
    fixture.read(session);
    fixture.runner.run_for(secs(1));
    assert_eq!(handle.try_queue("x"), Ok(()));
    fixture.runner.run_for(ms(9_500));
    assert_eq!(handle.try_queue("x"), refused());
    assert_eq!(handle.queue("x").now_or_never(), Some(refused()));
    fixture.runner.run_for(secs(1));
    assert_eq!(handle.try_queue("x"), Ok(()));
}

#[test]
fn messages_wait_while_an_old_connection_is_replaced() {
    for answers_close in [true, false] {
        let (mut fixture, builder) = Fixture::new(move |dial| match dial {
            1 if answers_close => Script::accept(),
            1 => Script::accept().ignore_close(),
            _ => Script::accept().after(secs(1)),
        });
        let outbox = OutboxSettings::new().offline(Offline::Refuse);
        let session = builder.outbox(outbox).max_age(secs(100)).build().unwrap();
        let handle = session.handle();
        fixture.read(session);
        while fixture.remote.dials().len() < 2 {
            fixture.runner.run_for(ms(100));
        }
        assert_eq!(handle.try_queue("waits"), Ok(()), "{answers_close}");
        fixture.runner.run_for(secs(2));
        let received = fixture.remote.last_peer().unwrap().received_messages();
        assert_eq!(texts(&received), ["waits"], "{answers_close}");
    }
}

#[test]
fn an_online_promise_does_not_keep_a_message_offline() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept().end_after(secs(10)));
    let session = builder.outbox(OutboxSettings::new().offline(Offline::Refuse)).build().unwrap();
    let mut sink = session.handle();
    let log = fixture.read(session);
    fixture.runner.run_for(secs(1));
    let counter = WakeCounter::new();
    assert!(counter.poll(|cx| Pin::new(&mut sink).poll_ready(cx)).is_ready());
    fixture.runner.run_for(ms(9_500));
    Pin::new(&mut sink).start_send(Message::text("too late")).unwrap();
    fixture.runner.run_for(secs(20));
    assert!(fixture.remote.peers().iter().all(|peer| peer.received_messages().is_empty()));
    let reported = log.events().into_iter().any(|event| {
        matches!(event, Event::Lost(lost) if lost.unsent == [Fate::Dropped {
            reason: DropReason::Offline,
            message: Message::text("too late"),
        }])
    });
    assert!(reported);
}

#[test]
fn a_replay_is_not_dropped_to_make_room() {
    let outbox = OutboxSettings::new().count(2).when_full(WhenFull::DropOldest);
    let (mut fixture, builder) = Fixture::new(|_| Script::accept());
    let mut session = builder.outbox(outbox).build().unwrap();
    let counter = WakeCounter::new();
    counter.drain(&mut session);
    let peer = fixture.remote.last_peer().unwrap();
    peer.write_quota(0);
    let handle = session.handle();
    handle.try_queue("handed over").unwrap();
    counter.drain(&mut session);
    handle.replay("topic", "subscribe").unwrap();
    for number in 0..5 {
        // If only the handed message and the replay use the room, no room can be made.
        let _ = handle.try_queue(number.to_string());
    }
    fixture.read(session);
    peer.resume_writes();
    fixture.runner.settle();
    assert_eq!(texts(&peer.received_messages())[..2], ["handed over", "subscribe"]);
}
