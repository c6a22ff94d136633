//! Unread messages: storage, back-pressure, and the effects of a close and of a planned
//! replacement.

use std::{cell::Cell, rc::Rc, time::Duration};

use futures::{SinkExt, StreamExt, stream};
use websocket_heartbeat::{
    CloseFrame, Event, Heartbeat, InboxSettings, Message, Offline, OutboxSettings, Phase, Timer,
};
use websocket_heartbeat_mock::Script;

use crate::harness::{Fixture, WakeCounter, ms, secs, words};

/// A server that sends this many messages at once.
fn greets(count: u32) -> Script {
    (0..count).fold(Script::accept(), |script, number| script.greet(number.to_string()))
}

fn count_messages(events: &[Event]) -> usize {
    events.iter().filter(|event| matches!(event, Event::Message(_))).count()
}

/// The number of dials and messages of a task that sends one message per second for an hour, as
/// `forward` does. The first connection dies after 100 s.
fn sends_for_an_hour(script: fn() -> Script) -> (usize, u64) {
    let (mut fixture, builder) = Fixture::new(move |dial| match dial {
        1 => script().half_open_after(secs(100)).stall_writes_after(secs(100)),
        _ => script(),
    });
    let mut session = builder.build().unwrap();
    let timer = fixture.clock.timer();
    let sent = Rc::new(Cell::new(0));
    let count = Rc::clone(&sent);
    let sending = async move {
        while session.send(Message::text("x")).await.is_ok() {
            count.set(count.get() + 1);
            timer.sleep_until(timer.now().checked_add(secs(1)).unwrap()).await;
        }
    };
    fixture.runner.spawn(sending).detach();
    fixture.runner.run_for(secs(3_600));
    (fixture.remote.dials().len(), sent.get())
}

#[test]
fn a_sender_detects_a_dead_connection_behind_unread_messages() {
    let scripts: [fn() -> Script; 3] = [Script::accept, || greets(1), || greets(200)];
    for (number, script) in scripts.into_iter().enumerate() {
        let (dials, sent) = sends_for_an_hour(script);
        assert!(dials > 1 && sent > 3_500, "{number}: {dials} dials, {sent} sent");
    }
}

#[test]
fn the_sink_side_stores_1_mib_of_large_messages() {
    let (mut fixture, builder) = Fixture::new(|_| {
        (0..20).fold(Script::accept(), |script, _| script.greet(vec![0; 100 * 1024]))
    });
    let mut session = builder.build().unwrap();
    fixture.runner.run_until(async {
        session.send("a".into()).await.unwrap();
        session.send("b".into()).await.unwrap();
    });
    // The eleventh message exceeds the bound, and is the last that is read.
    assert_eq!(fixture.remote.last_peer().unwrap().unread(), 9);
    assert_eq!(count_messages(&WakeCounter::new().drain(&mut session)), 20);
}

/// The duration of a task that sends three messages and closes, and the `unproven` and `unread` of
/// `Closed`.
fn sends_and_closes(script: fn() -> Script) -> (Duration, u64, u64) {
    let (mut fixture, builder) = Fixture::new(move |_| script());
    let mut session = builder.close_timeout(secs(60)).build().unwrap();
    fixture.runner.run_until(async {
        let mut messages = stream::iter(["a", "b", "c"]).map(|text| Ok(Message::text(text)));
        session.send_all(&mut messages).await.unwrap();
        session.close().await.unwrap();
        let time = fixture.clock.now().since_epoch();
        let events = session.collect::<Vec<_>>().await;
        let Some(Event::Closed(closed)) = events.last() else { panic!("{events:?}") };
        (time, closed.unproven, closed.unread)
    })
}

#[test]
fn closing_the_sink_takes_one_answer_of_the_server() {
    assert_eq!(sends_and_closes(Script::accept), (Duration::ZERO, 0, 0));
    assert_eq!(sends_and_closes(|| Script::accept().echo()), (Duration::ZERO, 0, 0));
    assert_eq!(sends_and_closes(|| greets(256)), (Duration::ZERO, 0, 0));
    assert_eq!(sends_and_closes(|| greets(5_000)), (Duration::ZERO, 0, 5_000 - 256));
}

#[test]
fn closing_with_a_full_inbox_takes_one_answer_of_the_server() {
    let (mut fixture, builder) = Fixture::new(|_| greets(1_000));
    let session = builder.close_timeout(secs(60)).build().unwrap();
    let (driver, mut inbox) = session.into_driver(3).unwrap();
    let handle = driver.handle();
    let driving = fixture.runner.spawn(driver);
    fixture.runner.settle();
    handle.close();
    fixture.runner.run_until(driving);
    assert_eq!(fixture.clock.now().since_epoch(), Duration::ZERO);
    let events = WakeCounter::new().drain(&mut inbox);
    let Some(Event::Closed(closed)) = events.last() else { panic!("{events:?}") };
    assert_eq!((count_messages(&events), closed.unread), (3, 997));
    assert_eq!(handle.status().counters.messages_in, 3, "stored in the inbox");
}

#[test]
fn closing_with_a_full_inbox_ends_at_the_close_timeout() {
    let (mut fixture, builder) = Fixture::new(|_| greets(1_000).ignore_close());
    let session = builder.close_timeout(secs(60)).build().unwrap();
    let (driver, _inbox) = session.into_driver(3).unwrap();
    let handle = driver.handle();
    let driving = fixture.runner.spawn(driver);
    fixture.runner.settle();
    handle.close();
    fixture.runner.run_until(driving);
    assert_eq!(fixture.clock.now().since_epoch(), secs(60));
}

#[test]
fn messages_before_a_planned_replacement_are_not_lost() {
    // The inbox is full before the age limit or after it. The server answers the close frame, or
    // does not.
    for (answers, limit) in [(true, 2), (true, 9), (true, 100), (false, 2)] {
        let (mut fixture, builder) = Fixture::new(move |dial| match dial {
            1 if answers => greets(10),
            1 => greets(10).ignore_close(),
            _ => Script::accept(),
        });
        let builder = builder.max_age(secs(3_600)).close_timeout(secs(5));
        let (driver, mut inbox) = builder.build().unwrap().into_driver(limit).unwrap();
        fixture.runner.spawn(driver).detach();
        // The inbox is unread for longer than the age limit.
        fixture.runner.run_for(secs(3_700));
        let mut events = Vec::new();
        for _ in 0..100 {
            events.extend(WakeCounter::new().drain(&mut inbox));
            fixture.runner.run_for(secs(1));
        }
        assert_eq!(count_messages(&events), 10, "{limit}: {:?}", words(&events));
        let replaced = events
            .iter()
            .any(|event| matches!(event, Event::Lost(lost) if lost.cause.name() == "max_age"));
        assert!(replaced, "{limit}: {:?}", words(&events));
    }
}

/// The numbers of accepted, returned and written messages from the close frame of the first
/// connection on. `second` answers the second attempt.
fn given_back_after_goodbye(second: fn() -> Script) -> (u64, usize, usize) {
    let (mut fixture, builder) = Fixture::new(move |dial| match dial {
        2 => second(),
        _ => Script::accept().latency(ms(50)),
    });
    let session = builder
        .heartbeat(Heartbeat::off())
        .outbox(OutboxSettings::new().offline(Offline::Refuse))
        .max_age(secs(100))
        .build()
        .unwrap();
    let handle = session.handle();
    let log = fixture.read(session);
    let mut accepted = 0;
    while fixture.remote.dials().len() < 2 || fixture.remote.dialing() > 0 {
        fixture.runner.run_for(ms(10));
        if fixture.remote.trace().times("-> close 1000").len() == 1 {
            accepted += u64::from(handle.try_queue("x").is_ok());
        }
    }
    fixture.runner.run_for(secs(5));
    let given_back = log.events().into_iter().map(|event| match event {
        Event::Lost(lost) => lost.unsent.len(),
        _ => 0,
    });
    let written = fixture.remote.last_peer().unwrap().received_messages().len();
    (accepted, given_back.sum(), written)
}

#[test]
fn messages_during_a_planned_replacement_use_the_next_connection() {
    let slow = || Script::accept().latency(ms(50)).after(secs(1));
    let (accepted, given_back, written) = given_back_after_goodbye(slow);
    assert!(accepted > 20);
    assert_eq!((given_back, written), (0, accepted as usize));
    // After a failed attempt the replacement is an outage.
    let (accepted, given_back, written) = given_back_after_goodbye(Script::refuse_connection);
    assert!(accepted > 0);
    assert_eq!((given_back, written), (accepted as usize, 0));
}

#[test]
fn a_pause_ends_a_planned_replacement() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept());
    let session = builder
        .heartbeat(Heartbeat::off())
        .outbox(OutboxSettings::new().offline(Offline::Refuse))
        .max_age(secs(100))
        .minimum_gap(secs(1_000))
        .build()
        .unwrap();
    let handle = session.handle();
    fixture.read(session);
    fixture.runner.run_for(secs(120));
    assert_eq!(handle.try_queue("kept"), Ok(()));
    handle.pause();
    fixture.runner.settle();
    assert!(handle.try_queue("refused").is_err());
    assert_eq!(handle.status().counters.dropped, 1);
}

#[test]
fn a_users_close_frame_replaces_an_unsent_one() {
    // While a message waits to be written, the replacement waits for 50 s at most.
    for (stalled, at, words) in
        [(true, 155, "-> close 4000 \"my own\""), (false, 105, "-> close 1000")]
    {
        let (mut fixture, builder) = Fixture::new(|_| Script::accept().ignore_close());
        let builder = builder.heartbeat(Heartbeat::off()).max_age(secs(100));
        let session = builder.close_timeout(secs(50)).build().unwrap();
        let handle = session.handle();
        fixture.read(session);
        fixture.runner.run_for(secs(1));
        let peer = fixture.remote.last_peer().unwrap();
        if stalled {
            peer.stall_writes();
            handle.try_queue("x").unwrap();
        }
        fixture.runner.run_for(secs(at));
        assert_eq!(handle.status().phase, Phase::Closing);
        handle.close_with(CloseFrame::new(4_000, "my own")).unwrap();
        fixture.runner.settle();
        peer.resume_writes();
        fixture.runner.settle();
        assert_eq!(fixture.remote.trace().times(words).len(), 1, "{words}");
    }
}

#[test]
fn a_full_inbox_sends_pings_and_detects_broken_connections() {
    use websocket_heartbeat::{ErrorKind, TransportError};
    let (mut fixture, builder) = Fixture::new(|_| greets(10).without_pongs());
    let (driver, _inbox) = builder.build().unwrap().into_driver(2).unwrap();
    let handle = driver.handle();
    fixture.runner.spawn(driver).detach();
    fixture.runner.run_for(secs(600));
    let peer = fixture.remote.last_peer().unwrap();
    assert!(fixture.remote.trace().times("#1 -> ping").len() > 20);
    assert_eq!((fixture.remote.dials().len(), peer.unread()), (1, 8));
    peer.fail_writes(TransportError::new(ErrorKind::Reset, "reset"));
    handle.try_queue("x").unwrap();
    fixture.runner.run_for(secs(2));
    assert_eq!(fixture.remote.dials().len(), 2);
}

#[test]
fn a_full_inbox_stays_bounded_while_a_batch_is_read() {
    for limit in [1_u64, 2, 8, 100] {
        let (mut fixture, builder) = Fixture::new(move |_| greets(1_000));
        let inbox = InboxSettings::new(limit as usize);
        let (driver, mut inbox) = builder.build().unwrap().into_driver(inbox).unwrap();
        fixture.runner.spawn(driver).detach();
        fixture.runner.settle();
        let counter = WakeCounter::new();
        let mut taken = 0;
        while taken < 1_000 {
            if let std::task::Poll::Ready(Some(event)) = counter.next(&mut inbox) {
                taken += u64::from(matches!(event, Event::Message(_)));
            }
            fixture.runner.settle();
            let read = 1_000 - fixture.remote.last_peer().unwrap().unread() as u64;
            assert!(read <= taken + limit, "{limit}: {read} read, {taken} taken");
        }
    }
}

#[test]
fn an_inbox_is_bounded_in_bytes_and_admits_one_larger_message() {
    for (bytes, stored) in [(1, 1), (1_000, 1), (1_001, 2), (2_500, 3)] {
        let (mut fixture, builder) = Fixture::new(|_| {
            (0..10).fold(Script::accept(), |script, _| script.greet(vec![0; 1_000]))
        });
        let inbox = InboxSettings::new(100).bytes(bytes);
        let (driver, mut inbox) = builder.build().unwrap().into_driver(inbox).unwrap();
        fixture.runner.spawn(driver).detach();
        fixture.runner.settle();
        assert_eq!(fixture.remote.last_peer().unwrap().unread(), 10 - stored, "{bytes}");
        let mut messages = 0;
        for _ in 0..20 {
            messages += count_messages(&WakeCounter::new().drain(&mut inbox));
            fixture.runner.settle();
        }
        assert_eq!(messages, 10);
    }
}

#[test]
fn an_inbox_that_drops_the_oldest_keeps_to_its_bytes() {
    let (mut fixture, builder) =
        Fixture::new(|_| (0..10).fold(Script::accept(), |script, _| script.greet(vec![0; 1_000])));
    let inbox = InboxSettings::new(100).bytes(2_500).drop_oldest();
    let (driver, mut inbox) = builder.build().unwrap().into_driver(inbox).unwrap();
    fixture.runner.spawn(driver).detach();
    fixture.runner.settle();
    let events = WakeCounter::new().drain(&mut inbox);
    assert_eq!(words(&events)[2], "lagged 8");
    assert_eq!(count_messages(&events), 2);
}

#[test]
fn a_waiting_inbox_keeps_all_messages_of_the_sink_side() {
    for count in [2, 100, 300] {
        let (mut fixture, builder) = Fixture::new(move |_| greets(count));
        let mut session = builder.build().unwrap();
        fixture.runner.run_until(session.send("a".into())).unwrap();
        let (driver, mut inbox) = session.into_driver(1).unwrap();
        fixture.runner.spawn(driver).detach();
        let mut events = Vec::new();
        for _ in 0..count + 2 {
            fixture.runner.settle();
            events.extend(WakeCounter::new().drain(&mut inbox));
        }
        assert_eq!(count_messages(&events), count as usize);
        assert_eq!(events.len(), count as usize + 2, "{:?}", words(&events));
    }
}

#[test]
fn taking_a_message_makes_room_at_once() {
    for limit in [1_usize, 2, 7, 8] {
        let (mut fixture, builder) = Fixture::new(|_| greets(100));
        let (driver, mut inbox) = builder.build().unwrap().into_driver(limit).unwrap();
        fixture.runner.spawn(driver).detach();
        fixture.runner.settle();
        let counter = WakeCounter::new();
        let mut taken = 0;
        while taken < 10 {
            if let std::task::Poll::Ready(Some(Event::Message(_))) = counter.next(&mut inbox) {
                taken += 1;
                fixture.runner.settle();
                assert_eq!(fixture.remote.last_peer().unwrap().unread(), 100 - taken - limit);
            }
        }
    }
}
