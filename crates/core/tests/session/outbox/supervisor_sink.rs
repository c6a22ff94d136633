//! A supervisor that is polled as a `Sink`.

use std::{pin::Pin, task::Poll};

use futures::{Sink, SinkExt, StreamExt, stream::FusedStream};
use websocket_heartbeat::{
    DropReason, ErrorKind, Event, Fate, Message, OutboxSettings, TransportError, WhenFull,
};
use websocket_heartbeat_mock::Script;

use crate::harness::{Fixture, WakeCounter, ms, secs, sleep, texts, words};

#[test]
fn poll_ready_alone_dials() {
    let (fixture, builder) = Fixture::new(|_| Script::accept());
    let mut session = builder.build().unwrap();
    let counter = WakeCounter::new();
    let ready = counter.poll(|cx| Pin::new(&mut session).poll_ready(cx));
    assert_eq!(ready, Poll::Ready(Ok(())));
    assert_eq!(fixture.remote.live(), 1);
}

#[test]
fn a_task_that_only_sends_writes_all_messages_in_order() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept());
    let mut session = builder.outbox(OutboxSettings::new().count(3)).build().unwrap();
    fixture.runner.run_until(async {
        for number in 0..1_000 {
            session.feed(Message::text(number.to_string())).await.unwrap();
        }
        session.flush().await.unwrap();
    });
    let written = fixture.remote.last_peer().unwrap().received_messages();
    assert_eq!(written.len(), 1_000);
    assert_eq!(written[999], Message::text("999"));
}

/// Messages that are fed are written together, at the latest after one window.
#[test]
fn the_257th_message_that_is_fed_writes_the_first_256() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept());
    let mut session = builder.outbox(OutboxSettings::new().count(1_000)).build().unwrap();
    fixture.runner.run_until(session.flush()).unwrap();
    let peer = fixture.remote.last_peer().unwrap();
    for round in 0..3 {
        for _ in 0..256 {
            fixture.runner.run_until(session.feed("x".into())).unwrap();
            assert_eq!(peer.received_messages().len(), 256 * round);
        }
        let counter = WakeCounter::new();
        let ready = counter.poll(|cx| Pin::new(&mut session).poll_ready(cx));
        assert_eq!(ready, Poll::Ready(Ok(())));
        assert_eq!(peer.received_messages().len(), 256 * (round + 1));
    }
}

#[test]
fn a_task_that_only_sends_stores_256_messages_and_loses_nothing() {
    let (mut fixture, builder) =
        Fixture::new(|_| Script::accept().chatter(secs(1), "tick").latency(ms(10)));
    let mut session = builder.build().unwrap();
    let timer = fixture.clock.timer();
    let sending = async move {
        for _ in 0..600 {
            session.send(Message::text("x")).await.unwrap();
            sleep(&timer, secs(1)).await;
        }
        session
    };
    let mut session = fixture.runner.run_until(sending);
    let peer = fixture.remote.last_peer().unwrap();
    assert_eq!((fixture.remote.dials().len(), peer.received_messages().len()), (1, 600));
    let unread = peer.unread();
    assert!((600..620).contains(&(unread + 256)), "it has stopped reading: {unread}");
    // The stream returns everything in order, first the events that the sink has met.
    let counter = WakeCounter::new();
    let events = counter.drain(&mut session);
    assert_eq!(words(&events[..3]), ["connecting 1 attempt 0", "open 1", "message tick"]);
    assert!(events.len() > 590 && !words(&events).iter().any(|words| words.starts_with("lost")));
}

#[test]
fn a_task_that_only_sends_notices_a_failed_write() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept().greet("unread"));
    let mut session = builder.outbox(OutboxSettings::new().count(1)).build().unwrap();
    let remote = fixture.remote.clone();
    fixture.runner.run_until(async {
        session.send(Message::text("a")).await.unwrap();
        remote.last_peer().unwrap().fail_writes(TransportError::new(ErrorKind::Reset, "reset"));
        session.send(Message::text("b")).await.unwrap();
        session.send(Message::text("c")).await.unwrap();
    });
    assert_eq!(fixture.remote.dials().len(), 2);
    assert_eq!(texts(&fixture.remote.last_peer().unwrap().received_messages()), ["b", "c"]);
}

#[test]
fn closing_is_graceful_and_the_stream_ends_after_the_rest() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept().greet("hello"));
    let mut session = builder.build().unwrap();
    fixture.runner.run_until(async {
        session.feed(Message::text("last words")).await.unwrap();
        session.close().await.unwrap();
    });
    let peer = fixture.remote.last_peer().unwrap();
    assert_eq!(texts(&peer.received_messages()), ["last words"]);
    assert!(fixture.remote.trace().times("-> close 1000").len() == 1 && !peer.alive());

    let counter = WakeCounter::new();
    let expected = ["connecting 1 attempt 0", "open 1", "message hello", "closed user"];
    for expected in expected {
        assert!(!session.is_terminated());
        let Poll::Ready(Some(event)) = counter.next(&mut session) else { panic!("{expected}") };
        assert_eq!(words([&event]), [expected]);
    }
    assert!(!session.is_terminated(), "only after None");
    for _ in 0..3 {
        assert!(matches!(counter.next(&mut session), Poll::Ready(None)));
        assert!(session.is_terminated());
    }
}

#[test]
fn a_send_after_the_close_is_refused() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept());
    let mut session = builder.build().unwrap();
    fixture.runner.run_until(async {
        session.send(Message::text("a")).await.unwrap();
        session.close().await.unwrap();
        assert!(session.send(Message::text("b")).await.is_err());
        session.close().await.unwrap();
        session.flush().await.unwrap();
    });
}

#[test]
fn closing_ends_at_the_close_timeout_without_an_answer() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept().ignore_close());
    let mut session = builder.close_timeout(secs(5)).build().unwrap();
    fixture.runner.run_until(async {
        session.send(Message::text("a")).await.unwrap();
        session.close().await.unwrap();
    });
    assert_eq!(fixture.clock.now().since_epoch(), secs(5));
    assert_eq!((fixture.remote.live(), fixture.remote.dials().len()), (0, 1));
}

#[test]
fn an_outage_is_no_error_of_the_sink() {
    let (mut fixture, builder) =
        Fixture::new(|dial| if dial < 5 { Script::refuse_connection() } else { Script::accept() });
    let mut session = builder.build().unwrap();
    fixture.runner.run_until(async {
        session.send(Message::text("patience")).await.unwrap();
    });
    assert_eq!(fixture.clock.now().since_epoch(), secs(4));
    let peer = fixture.remote.last_peer().unwrap();
    assert_eq!(texts(&peer.received_messages()), ["patience"]);
}

#[test]
fn a_sink_that_drops_the_oldest_stays_in_its_bound() {
    let (mut fixture, builder) = Fixture::new(|_| Script::hang());
    let outbox = OutboxSettings::new().count(10).when_full(WhenFull::DropOldest);
    let mut session = builder.outbox(outbox).build().unwrap();
    let mut handle = session.handle();
    let counter = WakeCounter::new();
    assert!(counter.next(&mut session).is_ready());
    fixture.runner.run_until(async {
        for number in 0..1_000 {
            handle.feed(Message::text(number.to_string())).await.unwrap();
        }
    });
    drop(handle);
    assert!(counter.next(&mut session).is_pending());
    let status = session.status();
    assert_eq!((status.queued_messages, status.counters.dropped), (10, 990));
    session.handle().close();
    let events = counter.drain(&mut session);
    let Some(Event::Closed(closed)) = events.last() else { panic!("{events:?}") };
    // The outbox keeps as many fates as messages: here those of its last ten messages.
    assert_eq!((closed.unsent.len() as u64, closed.discarded), (10, 990));
    let ended =
        |fate: &Fate| matches!(fate, Fate::Dropped { reason: DropReason::SessionEnded, .. });
    assert!(closed.unsent.iter().all(ended));
    let status = session.status();
    assert_eq!((status.counters.dropped, status.queued_messages), (1_000, 0));
}

#[test]
fn a_message_too_large_for_the_outbox_is_reported_as_dropped() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept());
    let mut session = builder.outbox(OutboxSettings::new().bytes(10)).build().unwrap();
    let events = fixture.runner.run_until(async {
        session.send(Message::text("eleven bytes")).await.unwrap();
        session.send(Message::text("small")).await.unwrap();
        session.close().await.unwrap();
        session.collect::<Vec<_>>().await
    });
    let Some(Event::Closed(closed)) = events.last() else { panic!("{events:?}") };
    let message = Message::text("eleven bytes");
    assert_eq!(closed.unsent, [Fate::Dropped { reason: DropReason::TooLarge, message }]);
}

#[test]
fn a_failed_write_under_a_flood_is_reported_within_a_turn() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept());
    let mut session = builder.build().unwrap();
    let remote = fixture.remote.clone();
    let messages = fixture.runner.run_until(async {
        session.send(Message::text("a")).await.unwrap();
        let peer = remote.last_peer().unwrap();
        (0..5_000).for_each(|_| peer.send("flood"));
        peer.fail_writes(TransportError::new(ErrorKind::Reset, "reset"));
        session.handle().try_queue("b").unwrap();
        let until_lost =
            session.take_while(|event| std::future::ready(!matches!(event, Event::Lost(_))));
        until_lost
            .filter(|event| std::future::ready(matches!(event, Event::Message(_))))
            .count()
            .await
    });
    // One batch of reads before the failed write. After it three, of which two delay the report,
    // since they contain proof of life.
    assert!((256..=1_024).contains(&messages), "{messages}");
}

#[test]
fn a_task_can_send_more_than_fits_before_it_reads() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept().echo());
    let mut supervisor = builder.outbox(OutboxSettings::new().count(4)).build().unwrap();
    let read = fixture.runner.run_until(async move {
        for n in 0..100 {
            supervisor.feed(format!("{n}").into()).await.unwrap();
        }
        supervisor.flush().await.unwrap();
        let messages = supervisor.filter(|event| {
            let message = matches!(event, Event::Message(_));
            async move { message }
        });
        std::pin::pin!(messages).take(100).collect::<Vec<_>>().await
    });
    assert_eq!(read.len(), 100);
}
