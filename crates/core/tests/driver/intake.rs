//! What happens to inbound messages that nobody takes: stored, then back-pressure; and what a close
//! and a planned replacement make of it.

use std::{cell::Cell, rc::Rc, time::Duration};

use futures::{SinkExt, StreamExt, stream};
use websocket_heartbeat::{
    CloseFrame, Event, Heartbeat, Inbox, Message, Offline, OutboxSettings, Phase, Timer,
};
use websocket_heartbeat_mock::Script;

use crate::stage::{Counter, Stage, millis, secs, words};

/// A server that sends so many messages at once.
fn greets(count: u32) -> Script {
    (0..count).fold(Script::accept(), |script, number| script.greet(number.to_string()))
}

fn count_messages(events: &[Event]) -> usize {
    events.iter().filter(|event| matches!(event, Event::Message(_))).count()
}

/// Dials and messages of a task that sends one message a second for an hour, as `forward` does, where
/// the first connection dies after 100 s.
fn sends_for_an_hour(script: fn() -> Script) -> (usize, u64) {
    let (mut stage, settings) = Stage::new(move |dial| match dial {
        1 => script().half_open_after(secs(100)).stall_writes_after(secs(100)),
        _ => script(),
    });
    let mut session = settings.build().unwrap();
    let timer = stage.clock.timer();
    let sent = Rc::new(Cell::new(0));
    let count = Rc::clone(&sent);
    let sending = async move {
        while session.send(Message::text("x")).await.is_ok() {
            count.set(count.get() + 1);
            timer.sleep_until(timer.now().checked_add(secs(1)).unwrap()).await;
        }
    };
    stage.runner.spawn(sending).detach();
    stage.runner.run_for(secs(3_600));
    (stage.remote.dials().len(), sent.get())
}

#[test]
fn a_task_that_only_sends_notices_a_dead_connection_behind_unread_messages() {
    let scripts: [fn() -> Script; 3] = [Script::accept, || greets(1), || greets(200)];
    for (number, script) in scripts.into_iter().enumerate() {
        let (dials, sent) = sends_for_an_hour(script);
        assert!(dials > 1 && sent > 3_500, "{number}: {dials} dials, {sent} sent");
    }
}

#[test]
fn the_sink_side_stores_1_mib_of_large_messages() {
    let (mut stage, settings) = Stage::new(|_| {
        (0..20).fold(Script::accept(), |script, _| script.greet(vec![0; 100 * 1024]))
    });
    let mut session = settings.build().unwrap();
    stage.runner.run_until(async {
        session.send("a".into()).await.unwrap();
        session.send("b".into()).await.unwrap();
    });
    // The eleventh message passes the bound, and is the last that is read.
    assert_eq!(stage.remote.last_peer().unwrap().unread(), 9);
    assert_eq!(count_messages(&Counter::new().drain(&mut session)), 20);
}

/// How long a task that sends three messages and closes takes over a server that answers at once,
/// and what `Closed` says: `unproven`, `unread`.
fn sends_and_closes(script: fn() -> Script) -> (Duration, u64, u64) {
    let (mut stage, settings) = Stage::new(move |_| script());
    let mut session = settings.close_timeout(secs(60)).build().unwrap();
    stage.runner.run_until(async {
        let mut messages = stream::iter(["a", "b", "c"]).map(|text| Ok(Message::text(text)));
        session.send_all(&mut messages).await.unwrap();
        session.close().await.unwrap();
        let time = stage.clock.now().since_epoch();
        let events = session.collect::<Vec<_>>().await;
        let Some(Event::Closed(closed)) = events.last() else { panic!("{events:?}") };
        (time, closed.unproven, closed.unread)
    })
}

#[test]
fn closing_the_sink_takes_as_long_as_the_server_takes_to_answer() {
    assert_eq!(sends_and_closes(Script::accept), (Duration::ZERO, 0, 0));
    assert_eq!(sends_and_closes(|| Script::accept().echo()), (Duration::ZERO, 0, 0));
    assert_eq!(sends_and_closes(|| greets(256)), (Duration::ZERO, 0, 0));
    assert_eq!(sends_and_closes(|| greets(5_000)), (Duration::ZERO, 0, 5_000 - 256));
}

#[test]
fn closing_with_a_full_inbox_takes_as_long_as_the_server_takes_to_answer() {
    let (mut stage, settings) = Stage::new(|_| greets(1_000));
    let session = settings.close_timeout(secs(60)).build().unwrap();
    let (driver, mut inbox) = session.into_driver(Inbox::new(3)).unwrap();
    let handle = driver.handle();
    let driving = stage.runner.spawn(driver);
    stage.runner.settle();
    handle.close();
    stage.runner.run_until(driving);
    assert_eq!(stage.clock.now().since_epoch(), Duration::ZERO);
    let events = Counter::new().drain(&mut inbox);
    let Some(Event::Closed(closed)) = events.last() else { panic!("{events:?}") };
    assert_eq!((count_messages(&events), closed.unread), (3, 997));
    assert_eq!(handle.status().counters.messages_in, 3, "given to the inbox");
}

#[test]
fn closing_with_a_full_inbox_ends_at_the_close_timeout_at_the_latest() {
    let (mut stage, settings) = Stage::new(|_| greets(1_000).ignore_close());
    let session = settings.close_timeout(secs(60)).build().unwrap();
    let (driver, _inbox) = session.into_driver(Inbox::new(3)).unwrap();
    let handle = driver.handle();
    let driving = stage.runner.spawn(driver);
    stage.runner.settle();
    handle.close();
    stage.runner.run_until(driving);
    assert_eq!(stage.clock.now().since_epoch(), secs(60));
}

#[test]
fn what_the_server_sent_before_a_planned_replacement_is_not_lost() {
    // Full before the age and after it; the server answers the close frame, or never does.
    for (answers, limit) in [(true, 2), (true, 9), (true, 100), (false, 2)] {
        let (mut stage, settings) = Stage::new(move |dial| match dial {
            1 if answers => greets(10),
            1 => greets(10).ignore_close(),
            _ => Script::accept(),
        });
        let settings = settings.max_age(secs(3_600)).close_timeout(secs(5));
        let (driver, mut inbox) = settings.build().unwrap().into_driver(Inbox::new(limit)).unwrap();
        stage.runner.spawn(driver).detach();
        // Nobody reads for longer than the age.
        stage.runner.run_for(secs(3_700));
        let mut events = Vec::new();
        for _ in 0..100 {
            events.extend(Counter::new().drain(&mut inbox));
            stage.runner.run_for(secs(1));
        }
        assert_eq!(count_messages(&events), 10, "{limit}: {:?}", words(&events));
        let replaced = events
            .iter()
            .any(|event| matches!(event, Event::Lost(lost) if lost.cause.name() == "max_age"));
        assert!(replaced, "{limit}: {:?}", words(&events));
    }
}

/// What came back of what was accepted from the goodbye of the first connection on, where the
/// second attempt is answered by this.
fn given_back_after_goodbye(second: fn() -> Script) -> (u64, usize, usize) {
    let (mut stage, settings) = Stage::new(move |dial| match dial {
        2 => second(),
        _ => Script::accept().latency(millis(50)),
    });
    let session = settings
        .heartbeat(Heartbeat::off())
        .outbox(OutboxSettings::new().offline(Offline::Refuse))
        .max_age(secs(100))
        .build()
        .unwrap();
    let handle = session.handle();
    let log = stage.read(session);
    let mut accepted = 0;
    while stage.remote.dials().len() < 2 || stage.remote.dialing() > 0 {
        stage.runner.run_for(millis(10));
        if stage.remote.trace().times("-> close 1000").len() == 1 {
            accepted += u64::from(handle.try_queue("x").is_ok());
        }
    }
    stage.runner.run_for(secs(5));
    let given_back = log.events().into_iter().map(|event| match event {
        Event::Lost(lost) => lost.unsent.len(),
        _ => 0,
    });
    let written = stage.remote.last_peer().unwrap().received_messages().len();
    (accepted, given_back.sum(), written)
}

#[test]
fn what_is_accepted_during_a_planned_replacement_is_written_on_the_next_connection() {
    let slow = || Script::accept().latency(millis(50)).after(secs(1));
    let (accepted, given_back, written) = given_back_after_goodbye(slow);
    assert!(accepted > 20);
    assert_eq!((given_back, written), (0, accepted as usize));
    // Where the attempt fails, the replacement has become an outage.
    let (accepted, given_back, written) = given_back_after_goodbye(Script::refuse_connection);
    assert!(accepted > 0);
    assert_eq!((given_back, written), (accepted as usize, 0));
}

#[test]
fn a_pause_ends_a_planned_replacement() {
    let (mut stage, settings) = Stage::new(|_| Script::accept());
    let session = settings
        .heartbeat(Heartbeat::off())
        .outbox(OutboxSettings::new().offline(Offline::Refuse))
        .max_age(secs(100))
        .minimum_gap(secs(1_000))
        .build()
        .unwrap();
    let handle = session.handle();
    stage.read(session);
    stage.runner.run_for(secs(120));
    assert_eq!(handle.try_queue("kept"), Ok(()));
    handle.pause();
    stage.runner.settle();
    assert!(handle.try_queue("refused").is_err());
    assert_eq!(handle.status().counters.dropped, 1);
}

#[test]
fn a_close_frame_of_the_user_replaces_one_that_is_not_sent_yet() {
    // With something to write it waits for a quiet moment first, for 50 s at most.
    for (stalled, at, words) in
        [(true, 155, "-> close 4000 \"my own\""), (false, 105, "-> close 1000")]
    {
        let (mut stage, settings) = Stage::new(|_| Script::accept().ignore_close());
        let settings = settings.heartbeat(Heartbeat::off()).max_age(secs(100));
        let session = settings.close_timeout(secs(50)).build().unwrap();
        let handle = session.handle();
        stage.read(session);
        stage.runner.run_for(secs(1));
        let peer = stage.remote.last_peer().unwrap();
        if stalled {
            peer.stall_writes();
            handle.try_queue("x").unwrap();
        }
        stage.runner.run_for(secs(at));
        assert_eq!(handle.status().phase, Phase::Closing);
        handle.close_with(CloseFrame::new(4_000, "my own")).unwrap();
        stage.runner.settle();
        peer.resume_writes();
        stage.runner.settle();
        assert_eq!(stage.remote.trace().times(words).len(), 1, "{words}");
    }
}

#[test]
fn a_full_inbox_sends_pings_and_hears_broken_connections() {
    use websocket_heartbeat::{ErrorKind, TransportError};
    let (mut stage, settings) = Stage::new(|_| greets(10).without_pongs());
    let (driver, _inbox) = settings.build().unwrap().into_driver(Inbox::new(2)).unwrap();
    let handle = driver.handle();
    stage.runner.spawn(driver).detach();
    stage.runner.run_for(secs(600));
    let peer = stage.remote.last_peer().unwrap();
    assert!(stage.remote.trace().times("#1 -> ping").len() > 20);
    assert_eq!((stage.remote.dials().len(), peer.unread()), (1, 8));
    peer.fail_writes(TransportError::new(ErrorKind::Reset, "reset"));
    handle.try_queue("x").unwrap();
    stage.runner.run_for(secs(2));
    assert_eq!(stage.remote.dials().len(), 2);
}

#[test]
fn a_full_inbox_stays_full_while_its_reader_has_a_batch_in_hand() {
    for limit in [1_u64, 2, 8, 100] {
        let (mut stage, settings) = Stage::new(move |_| greets(1_000));
        let inbox = Inbox::new(limit as usize);
        let (driver, mut inbox) = settings.build().unwrap().into_driver(inbox).unwrap();
        stage.runner.spawn(driver).detach();
        stage.runner.settle();
        let counter = Counter::new();
        let mut taken = 0;
        while taken < 1_000 {
            if let std::task::Poll::Ready(Some(event)) = counter.next(&mut inbox) {
                taken += u64::from(matches!(event, Event::Message(_)));
            }
            stage.runner.settle();
            let read = 1_000 - stage.remote.last_peer().unwrap().unread() as u64;
            assert!(read <= taken + limit, "{limit}: {read} read, {taken} taken");
        }
    }
}

#[test]
fn an_inbox_is_bounded_in_bytes_and_admits_one_larger_message() {
    for (bytes, stored) in [(1, 1), (1_000, 1), (1_001, 2), (2_500, 3)] {
        let (mut stage, settings) = Stage::new(|_| {
            (0..10).fold(Script::accept(), |script, _| script.greet(vec![0; 1_000]))
        });
        let inbox = Inbox::new(100).bytes(bytes);
        let (driver, mut inbox) = settings.build().unwrap().into_driver(inbox).unwrap();
        stage.runner.spawn(driver).detach();
        stage.runner.settle();
        assert_eq!(stage.remote.last_peer().unwrap().unread(), 10 - stored, "{bytes}");
        let mut messages = 0;
        for _ in 0..20 {
            messages += count_messages(&Counter::new().drain(&mut inbox));
            stage.runner.settle();
        }
        assert_eq!(messages, 10);
    }
}

#[test]
fn an_inbox_that_drops_the_oldest_keeps_to_its_bytes() {
    let (mut stage, settings) =
        Stage::new(|_| (0..10).fold(Script::accept(), |script, _| script.greet(vec![0; 1_000])));
    let inbox = Inbox::new(100).bytes(2_500).drop_oldest();
    let (driver, mut inbox) = settings.build().unwrap().into_driver(inbox).unwrap();
    stage.runner.spawn(driver).detach();
    stage.runner.settle();
    let events = Counter::new().drain(&mut inbox);
    assert_eq!(words(&events)[2], "lagged 8");
    assert_eq!(count_messages(&events), 2);
}

#[test]
fn an_inbox_that_lets_the_server_wait_drops_nothing_of_what_the_sink_side_met() {
    for count in [2, 100, 300] {
        let (mut stage, settings) = Stage::new(move |_| greets(count));
        let mut session = settings.build().unwrap();
        stage.runner.run_until(session.send("a".into())).unwrap();
        let (driver, mut inbox) = session.into_driver(Inbox::new(1)).unwrap();
        stage.runner.spawn(driver).detach();
        let mut events = Vec::new();
        for _ in 0..count + 2 {
            stage.runner.settle();
            events.extend(Counter::new().drain(&mut inbox));
        }
        assert_eq!(count_messages(&events), count as usize);
        assert_eq!(events.len(), count as usize + 2, "{:?}", words(&events));
    }
}

#[test]
fn room_is_free_as_soon_as_a_message_is_taken() {
    for limit in [1_usize, 2, 7, 8] {
        let (mut stage, settings) = Stage::new(|_| greets(100));
        let (driver, mut inbox) = settings.build().unwrap().into_driver(Inbox::new(limit)).unwrap();
        stage.runner.spawn(driver).detach();
        stage.runner.settle();
        let counter = Counter::new();
        let mut taken = 0;
        while taken < 10 {
            if let std::task::Poll::Ready(Some(Event::Message(_))) = counter.next(&mut inbox) {
                taken += 1;
                stage.runner.settle();
                assert_eq!(stage.remote.last_peer().unwrap().unread(), 100 - taken - limit);
            }
        }
    }
}
