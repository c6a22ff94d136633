//! Waiting in the task that drives the session, and with a time limit.

use futures::{FutureExt, future::FusedFuture};
use websocket_heartbeat::{
    Attempts, CloseReason, DropReason, Event, Fate, Message, OutboxSettings, QueueError,
};
use websocket_heartbeat_mock::Script;

use crate::harness::{Fixture, ms, secs, sleep, texts, words};

#[test]
fn a_task_that_only_queues_writes_all_messages() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept());
    let mut session = builder.outbox(OutboxSettings::new().count(3)).build().unwrap();
    fixture.runner.run_until(async {
        for number in 0..1_000 {
            session.queue(number.to_string()).await.unwrap();
        }
        assert!(session.send_confirmed("last").await.unwrap().is_written());
    });
    let written = fixture.remote.last_peer().unwrap().received_messages();
    assert_eq!(
        (written.len(), texts(&written[999..])),
        (1_001, vec!["999".to_owned(), "last".to_owned()])
    );
}

#[test]
fn queuing_drives_the_session_even_if_there_is_room() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept());
    let mut session = builder.build().unwrap();
    fixture.runner.run_until(async { session.queue("first").await.unwrap() });
    assert_eq!(fixture.remote.live(), 1, "it has dialled");
    // The messages of one window wait to be written together.
    fixture.runner.run_until(async {
        for _ in 0..255 {
            session.queue("more").await.unwrap();
        }
    });
    let written = || fixture.remote.last_peer().unwrap().received_messages().len();
    assert_eq!(written(), 1);
    fixture.runner.run_until(async { session.queue("the last of the window").await.unwrap() });
    assert_eq!(fixture.remote.last_peer().unwrap().received_messages().len(), 257);
}

#[test]
fn events_met_while_waiting_come_next_and_in_order() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept().greet("one").greet("two"));
    let mut session = builder.build().unwrap();
    let events = fixture.runner.run_until(async {
        assert_eq!(session.opened().await, Ok(1));
        assert!(session.send_confirmed("hello").await.unwrap().is_written());
        session.handle().close();
        let mut events = Vec::new();
        while let Some(event) = session.next().await {
            events.push(event);
        }
        assert!(session.next().is_terminated());
        events
    });
    let words = words(&events);
    assert_eq!(words[..4], ["connecting 1 attempt 0", "open 1", "message one", "message two"]);
    assert_eq!(words.len(), 5);
}

#[test]
fn heartbeats_go_on_while_a_task_waits_for_a_future() {
    let (mut fixture, builder) = Fixture::new(|dial| match dial {
        1 => Script::accept().silent(),
        _ => Script::accept(),
    });
    let mut session = builder.build().unwrap();
    let timer = fixture.clock.timer();
    fixture.runner.run_until(async { session.drive_until(sleep(&timer, secs(3_600))).await });
    assert_eq!(fixture.remote.trace().times("dropped"), [25_000]);
    assert_eq!((fixture.remote.dials().len(), fixture.remote.live()), (2, 1));
}

#[test]
fn queuing_waits_for_room_during_an_outage() {
    let (mut fixture, builder) = Fixture::new(|dial| match dial {
        1..=20 => Script::refuse_http(503, []),
        _ => Script::accept(),
    });
    let mut session = builder.outbox(OutboxSettings::new().count(1)).build().unwrap();
    fixture.runner.run_until(async {
        session.queue("one").await.unwrap();
        session.queue("two").await.unwrap();
    });
    assert_eq!(fixture.remote.dials().len(), 21);
}

/// The server reads nothing until its own messages are read.
#[test]
fn queuing_gives_the_message_back_if_only_reading_could_make_room() {
    let (mut fixture, builder) =
        Fixture::new(|_| Script::accept().chatter(ms(1), "tick").stall_writes_after(ms(0)));
    let mut session = builder.outbox(OutboxSettings::new().count(1)).build().unwrap();
    fixture.runner.run_until(async {
        let refused = loop {
            if let Err(error) = session.queue("x".repeat(1 << 20)).await {
                break error;
            }
        };
        assert!(matches!(refused, QueueError::Full(message) if message.len() == 1 << 20));
        // The session is alive, and events can be read.
        assert!(matches!(session.next().await, Some(Event::Connecting(_))));
    });
    assert_eq!(fixture.remote.live(), 1);
}

#[test]
fn a_session_that_cannot_open_reports_the_reason() {
    let (mut fixture, builder) = Fixture::new(|_| Script::refuse_http(503, []));
    let mut session = builder.initial_attempts(Attempts::at_most(2)).build().unwrap();
    let reason = fixture.runner.run_until(session.opened()).unwrap_err();
    assert!(matches!(reason, CloseReason::AttemptsExhausted(_)), "{reason}");
    assert_eq!(fixture.remote.trace().times("dial"), [0, 1_000, 2_000]);
}

#[test]
fn the_limit_of_initial_attempts_ends_with_the_first_connection() {
    let (mut fixture, builder) = Fixture::new(|dial| match dial {
        1 => Script::flap(secs(1)),
        2..=100 => Script::refuse_http(503, []),
        _ => Script::accept(),
    });
    let mut session = builder.initial_attempts(Attempts::Never).build().unwrap();
    assert_eq!(fixture.runner.run_until(session.opened()), Ok(1));
    let timer = fixture.clock.timer();
    fixture.runner.run_until(session.drive_until(sleep(&timer, secs(10))));
    assert_eq!(fixture.runner.run_until(session.opened()), Ok(101));
}

#[test]
fn a_handle_waits_for_the_next_connection_or_the_end() {
    let (mut fixture, builder) = Fixture::new(|dial| match dial {
        1 => Script::refuse_http(503, []),
        _ => Script::accept(),
    });
    let session = builder.build().unwrap();
    let handle = session.handle();
    assert_eq!(handle.opened().now_or_never(), None);
    let log = fixture.read(session);
    assert_eq!(fixture.runner.run_until(handle.opened()), Ok(2));
    assert_eq!(handle.opened().now_or_never(), Some(Ok(2)));
    handle.close();
    assert_eq!(fixture.runner.run_until(handle.opened()), Err(CloseReason::User));
    drop(log);
}

#[test]
fn a_paused_session_is_open_while_it_has_a_connection() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept());
    let session = builder.build().unwrap();
    let handle = session.handle();
    handle.pause();
    fixture.read(session);
    fixture.runner.settle();
    assert_eq!(handle.opened().now_or_never(), None);
    handle.resume();
    assert_eq!(fixture.runner.run_until(handle.opened()), Ok(1));
    handle.pause();
    fixture.runner.settle();
    assert_eq!(handle.opened().now_or_never(), Some(Ok(1)));
    fixture.remote.last_peer().unwrap().end();
    fixture.runner.settle();
    assert_eq!(handle.opened().now_or_never(), None);
}

#[test]
fn a_stream_of_messages_has_no_other_events_and_ends_with_the_session() {
    let (mut fixture, builder) = Fixture::new(|dial| match dial {
        1..=3 => Script::accept().greet("a").close_after(secs(1), 1001, ""),
        _ => Script::accept().greet("end"),
    });
    let mut session = builder.build().unwrap();
    let handle = session.handle();
    let received = fixture.runner.run_until(async {
        let mut received = Vec::new();
        let mut messages = session.messages();
        while let Some(message) = messages.next().await {
            if message.as_text() == Some("end") {
                handle.close();
            }
            received.push(message);
        }
        received
    });
    assert_eq!(texts(&received), ["a", "a", "a", "end"]);
}

#[test]
fn a_message_that_is_not_written_in_time_is_taken_back_from_the_outbox() {
    let (mut fixture, builder) = Fixture::new(|_| Script::refuse_http(503, []));
    let session = builder.build().unwrap();
    let handle = session.handle();
    fixture.read(session);
    let fate = fixture.runner.run_until(handle.send_within("late", secs(5))).unwrap();
    let message = Message::text("late");
    assert_eq!(fate, Fate::Dropped { reason: DropReason::Expired, message });
    assert_eq!(fixture.clock.now().since_epoch(), secs(5));
    assert_eq!(handle.status().queued_messages, 0);
}

#[test]
fn the_time_limit_includes_the_wait_for_room() {
    let settings = || OutboxSettings::new().count(1);
    // No room at all.
    let (mut fixture, builder) = Fixture::new(|_| Script::refuse_http(503, []));
    let session = builder.outbox(settings()).build().unwrap();
    let handle = session.handle();
    fixture.read(session);
    handle.try_queue("first").unwrap();
    let refused = fixture.runner.run_until(handle.send_within("late", secs(5)));
    assert_eq!(refused, Err(QueueError::Full(Message::text("late"))));
    assert_eq!(fixture.clock.now().since_epoch(), secs(5));
    assert_eq!(handle.status().queued_messages, 1);

    // Room after three seconds, in which the first message expires. The rest of the limit is spent in
    // the outbox.
    let (mut fixture, builder) = Fixture::new(|_| Script::refuse_http(503, []));
    let session = builder.outbox(settings().max_age(secs(3))).build().unwrap();
    let handle = session.handle();
    fixture.read(session);
    handle.try_queue("first").unwrap();
    let fate = fixture.runner.run_until(handle.send_within("late", secs(5))).unwrap();
    assert!(matches!(fate, Fate::Dropped { reason: DropReason::Expired, .. }));
    assert_eq!(fixture.clock.now().since_epoch(), secs(5));

    // In time.
    let (mut fixture, builder) = Fixture::new(|dial| match dial {
        1 | 2 => Script::refuse_http(503, []),
        _ => Script::accept(),
    });
    let session = builder.outbox(settings()).build().unwrap();
    let handle = session.handle();
    fixture.read(session);
    handle.try_queue("first").unwrap();
    let fate = fixture.runner.run_until(handle.send_within("second", secs(5))).unwrap();
    assert_eq!(fate.written().unwrap(), 3);
    assert_eq!(fixture.clock.now().since_epoch(), secs(2));
}

#[test]
fn a_time_limit_holds_while_the_outbox_is_full_of_unflushed_messages() {
    let (mut fixture, builder) = Fixture::new(|dial| match dial {
        1 => Script::refuse_http(503, []),
        _ => Script::accept().write_rate(1, ms(10)),
    });
    let session = builder.outbox(OutboxSettings::new().count(1)).build().unwrap();
    let handle = session.handle();
    fixture.read(session);
    handle.try_queue("x".repeat(100_000)).unwrap();
    let sent = fixture.runner.run_until(handle.send_within("late", secs(5)));
    assert!(matches!(sent, Err(QueueError::Full(_))), "{sent:?}");
    assert_eq!(fixture.clock.now().since_epoch(), secs(5));
}
