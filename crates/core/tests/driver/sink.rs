//! The supervisor polled as a `Sink`.

use std::{pin::Pin, task::Poll};

use futures::{Sink, SinkExt, StreamExt, stream::FusedStream};
use websocket_heartbeat::{
    DropReason, ErrorKind, Event, Fate, Message, OutboxSettings, TransportError, WhenFull,
};
use websocket_heartbeat_mock::Script;

use crate::stage::{Counter, Stage, millis, secs, texts, words};

#[test]
fn poll_ready_alone_dials() {
    let (stage, settings) = Stage::new(|_| Script::accept());
    let mut session = settings.build().unwrap();
    let counter = Counter::new();
    let ready = counter.poll(|cx| Pin::new(&mut session).poll_ready(cx));
    assert_eq!(ready, Poll::Ready(Ok(())));
    assert_eq!(stage.remote.live(), 1);
}

#[test]
fn a_task_that_only_sends_gets_everything_written_in_order() {
    let (mut stage, settings) = Stage::new(|_| Script::accept());
    let mut session = settings.outbox(OutboxSettings::new().count(3)).build().unwrap();
    stage.runner.run_until(async {
        for number in 0..1_000 {
            session.feed(Message::text(number.to_string())).await.unwrap();
        }
        session.flush().await.unwrap();
    });
    let written = stage.remote.last_peer().unwrap().received_messages();
    assert_eq!(written.len(), 1_000);
    assert_eq!(written[999], Message::text("999"));
}

#[test]
fn a_task_that_only_sends_reads_until_256_messages_wait_and_never_condemns() {
    let (mut stage, settings) =
        Stage::new(|_| Script::accept().chatter(secs(1), "tick").latency(millis(10)));
    let mut session = settings.build().unwrap();
    let timer = stage.clock.timer();
    let sending = async move {
        for _ in 0..600 {
            session.send(Message::text("x")).await.unwrap();
            crate::two_tasks::rest(&timer, secs(1)).await;
        }
        session
    };
    let mut session = stage.runner.run_until(sending);
    let peer = stage.remote.last_peer().unwrap();
    assert_eq!((stage.remote.dials().len(), peer.received_messages().len()), (1, 600));
    let unread = peer.unread();
    assert!((600..620).contains(&(unread + 256)), "it has stopped reading: {unread}");
    // On the stream side everything is there, in order, after what the sink side met.
    let counter = Counter::new();
    let events = counter.drain(&mut session);
    assert_eq!(words(&events[..3]), ["connecting 1", "open 1", "message tick"]);
    assert!(events.len() > 590 && !words(&events).iter().any(|words| words.starts_with("lost")));
}

#[test]
fn a_task_that_only_sends_notices_a_failed_write_though_it_does_not_read() {
    let (mut stage, settings) = Stage::new(|_| Script::accept().greet("unread"));
    let mut session = settings.outbox(OutboxSettings::new().count(1)).build().unwrap();
    let remote = stage.remote.clone();
    stage.runner.run_until(async {
        session.send(Message::text("a")).await.unwrap();
        remote.last_peer().unwrap().fail_writes(TransportError::new(ErrorKind::Reset, "reset"));
        session.send(Message::text("b")).await.unwrap();
        session.send(Message::text("c")).await.unwrap();
    });
    assert_eq!(stage.remote.dials().len(), 2);
    assert_eq!(texts(&stage.remote.last_peer().unwrap().received_messages()), ["b", "c"]);
}

#[test]
fn closing_is_graceful_and_the_stream_gives_the_rest_then_none_for_ever() {
    let (mut stage, settings) = Stage::new(|_| Script::accept().greet("hello"));
    let mut session = settings.build().unwrap();
    stage.runner.run_until(async {
        session.feed(Message::text("last words")).await.unwrap();
        session.close().await.unwrap();
    });
    let peer = stage.remote.last_peer().unwrap();
    assert_eq!(texts(&peer.received_messages()), ["last words"]);
    assert!(stage.remote.trace().times("-> close 1000").len() == 1 && !peer.alive());

    let counter = Counter::new();
    let expected = ["connecting 1", "open 1", "message hello", "closed user"];
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
fn what_is_sent_after_closing_is_refused() {
    let (mut stage, settings) = Stage::new(|_| Script::accept());
    let mut session = settings.build().unwrap();
    stage.runner.run_until(async {
        session.send(Message::text("a")).await.unwrap();
        session.close().await.unwrap();
        assert!(session.send(Message::text("b")).await.is_err());
        session.close().await.unwrap();
        session.flush().await.unwrap();
    });
}

#[test]
fn closing_ends_at_the_close_timeout_where_the_server_does_not_answer() {
    let (mut stage, settings) = Stage::new(|_| Script::accept().ignore_close());
    let mut session = settings.close_timeout(secs(5)).build().unwrap();
    stage.runner.run_until(async {
        session.send(Message::text("a")).await.unwrap();
        session.close().await.unwrap();
    });
    assert_eq!(stage.clock.now().since_epoch(), secs(5));
    assert_eq!((stage.remote.live(), stage.remote.dials().len()), (0, 1));
}

#[test]
fn an_outage_is_no_error_of_the_sink() {
    let (mut stage, settings) =
        Stage::new(|dial| if dial < 5 { Script::refuse_connection() } else { Script::accept() });
    let mut session = settings.build().unwrap();
    stage.runner.run_until(async {
        session.send(Message::text("patience")).await.unwrap();
    });
    assert_eq!(stage.clock.now().since_epoch(), secs(4));
    let peer = stage.remote.last_peer().unwrap();
    assert_eq!(texts(&peer.received_messages()), ["patience"]);
}

#[test]
fn a_sink_that_drops_the_oldest_stays_inside_its_bound() {
    let (mut stage, settings) = Stage::new(|_| Script::hang());
    let outbox = OutboxSettings::new().count(10).when_full(WhenFull::DropOldest);
    let mut session = settings.outbox(outbox).build().unwrap();
    let mut handle = session.handle();
    let counter = Counter::new();
    assert!(counter.next(&mut session).is_ready());
    stage.runner.run_until(async {
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
    // As many fates are kept as the outbox may hold: here those of its last ten messages.
    assert_eq!((closed.unsent.len() as u64, closed.discarded), (10, 990));
    let ended =
        |fate: &Fate| matches!(fate, Fate::Dropped { reason: DropReason::SessionEnded, .. });
    assert!(closed.unsent.iter().all(ended));
    let status = session.status();
    assert_eq!((status.counters.dropped, status.queued_messages), (1_000, 0));
}

#[test]
fn a_message_too_large_for_the_outbox_is_dropped_and_told() {
    let (mut stage, settings) = Stage::new(|_| Script::accept());
    let mut session = settings.outbox(OutboxSettings::new().bytes(10)).build().unwrap();
    let events = stage.runner.run_until(async {
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
fn a_failed_write_is_told_within_a_turn_though_the_server_never_pauses() {
    let (mut stage, settings) = Stage::new(|_| Script::accept());
    let mut session = settings.build().unwrap();
    let remote = stage.remote.clone();
    let messages = stage.runner.run_until(async {
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
    // One look before the write that fails; after it three, of which two put it off, since there
    // was proof of life.
    assert!((256..=1_024).contains(&messages), "{messages}");
}
