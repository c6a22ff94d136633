//! A session in a task of its own, and what its inbox holds.

use std::task::Poll;

use futures::{FutureExt, StreamExt, stream::FusedStream};
use websocket_heartbeat::{CloseReason, Event, InboxSettings, Phase};
use websocket_heartbeat_mock::{Runner, Script};

use crate::{
    stage::{Counter, Stage, in_words, millis, secs, words},
    two_tasks::rest,
};

#[test]
fn the_heart_beats_for_ten_minutes_while_the_application_does_not_read() {
    // P17: with unread messages in the inbox and without.
    for greeting in [false, true] {
        let (mut stage, settings) = Stage::new(move |_| {
            let script = Script::accept().latency(millis(20));
            if greeting { script.greet("unread") } else { script }
        });
        let (driver, inbox) = settings.build().unwrap().into_driver(1).unwrap();
        let handle = driver.handle();
        stage.runner.spawn(driver).detach();
        stage.runner.run_for(secs(600));
        assert_eq!(stage.remote.dials().len(), 1);
        assert!(stage.remote.trace().times("-> ping").len() >= 24, "{greeting}");
        assert_eq!(handle.status().phase, Phase::Open);
        drop(inbox);
    }
}

#[test]
fn a_full_inbox_stops_reading_and_nothing_is_lost_or_condemned() {
    let (mut stage, settings) = Stage::new(|_| Script::accept().chatter(secs(1), "tick"));
    let (driver, mut inbox) = settings.build().unwrap().into_driver(5).unwrap();
    stage.runner.spawn(driver).detach();
    stage.runner.run_for(secs(600));
    let peer = stage.remote.last_peer().unwrap();
    assert!(peer.unread() >= 595, "five were read: {}", peer.unread());
    // All of it is there once it is read.
    let mut ticks = 0;
    stage.runner.run_until(async {
        while ticks < 600 {
            match inbox.next().await.unwrap() {
                Event::Message(_) => ticks += 1,
                Event::Lost(lost) => panic!("{}", lost.cause),
                _ => {}
            }
        }
    });
    assert_eq!(stage.remote.dials().len(), 1);
}

#[test]
fn a_server_that_died_while_nothing_was_read_is_found_dead_after_reading_resumes() {
    let (mut stage, settings) =
        Stage::new(|_| Script::accept().greet("unread").half_open_after(secs(100)));
    let (driver, mut inbox) = settings.build().unwrap().into_driver(1).unwrap();
    stage.runner.spawn(driver).detach();
    stage.runner.run_for(secs(600));
    assert_eq!(stage.remote.dials().len(), 1, "not judged while it was not read");
    stage.runner.run_until(async {
        while let Some(event) = inbox.next().await {
            if matches!(event, Event::Lost(_)) {
                break;
            }
        }
    });
    assert!(stage.clock.now().since_epoch() <= secs(600 + 25));
}

#[test]
fn dropping_the_oldest_tells_exactly_how_many() {
    let (mut stage, settings) =
        Stage::new(|_| Script::accept().send_after(millis(1), "first").chatter(secs(1), "tick"));
    let inbox = InboxSettings::new(5).drop_oldest();
    let (driver, mut inbox) = settings.build().unwrap().into_driver(inbox).unwrap();
    stage.runner.spawn(driver).detach();
    stage.runner.run_for(secs(599));
    let expected =
        ["connecting 1", "open 1", "lagged 595", "message tick", "message tick", "message tick"];
    let events = Counter::new().drain(&mut inbox);
    assert_eq!(words(&events)[..6], expected);
    assert_eq!(events.len(), 8);
    assert_eq!(stage.remote.last_peer().unwrap().unread(), 0);
}

#[test]
fn unread_outages_fold_and_closed_is_never_folded() {
    let (mut stage, settings) = Stage::new(|_| Script::refuse_connection());
    let settings = settings.backoff(websocket_heartbeat::Constant::new(secs(1)));
    let (driver, inbox) = settings.build().unwrap().into_driver(1).unwrap();
    let handle = driver.handle();
    stage.runner.spawn(driver).detach();
    stage.runner.run_for(secs(100_000));
    handle.close();
    stage.runner.settle();
    let events = stage.runner.run_until(inbox.collect::<Vec<_>>());
    assert!(events.len() < 12, "{}", events.len());
    let cycles: u64 = events
        .iter()
        .map(|event| if let Event::Lost(lost) = event { 1 + lost.skipped_cycles } else { 0 })
        .sum();
    assert_eq!(cycles, stage.remote.dials().len() as u64);
    assert_eq!(in_words(events.last().unwrap()), "closed user");
}

#[test]
fn order_against_messages_is_kept() {
    let (mut stage, settings) =
        Stage::new(|dial| Script::accept().greet(dial.to_string()).end_after(secs(1)));
    let (driver, mut inbox) = settings.build().unwrap().into_driver(100).unwrap();
    stage.runner.spawn(driver).detach();
    stage.runner.run_for(millis(4_500));
    let mut connection = 0;
    for event in Counter::new().drain(&mut inbox) {
        match event {
            Event::Open(open) => connection = open.connection,
            Event::Message(message) => assert_eq!(message, connection.to_string().into()),
            _ => {}
        }
    }
    assert_eq!(connection, 3);
}

#[test]
fn dropping_the_inbox_closes_gracefully_and_ends_the_driver() {
    for greeting in [false, true] {
        let (mut stage, settings) = Stage::new(move |_| {
            let script = Script::accept();
            if greeting { script.greet("unread").greet("unread") } else { script }
        });
        let (driver, inbox) = settings.build().unwrap().into_driver(1).unwrap();
        let handle = driver.handle();
        let driving = stage.runner.spawn(driver);
        stage.runner.run_for(secs(1));
        // The line takes nothing, so that the message is queued and its wake is over.
        stage.remote.last_peer().unwrap().write_quota(0);
        handle.try_queue("last words").unwrap();
        stage.runner.settle();
        drop(inbox);
        stage.runner.settle();
        assert_eq!(handle.status().phase, Phase::Closing);
        stage.remote.last_peer().unwrap().resume_writes();
        stage.runner.settle();
        assert!(driving.is_done());
        assert_eq!(handle.status().close_reason, Some(CloseReason::User));
        assert_eq!(stage.remote.trace().times("-> text \"last words\"").len(), 1);
        assert_eq!(stage.remote.trace().times("-> close 1000").len(), 1);
    }
}

#[test]
fn dropping_the_inbox_reads_on_until_the_server_has_closed() {
    let (mut stage, settings) = Stage::new(|_| {
        (0..2_000).fold(Script::accept(), |script, number: u32| script.greet(number.to_string()))
    });
    let (driver, inbox) = settings.build().unwrap().into_driver(1).unwrap();
    let handle = driver.handle();
    let driving = stage.runner.spawn(driver);
    stage.runner.run_for(secs(1));
    drop(inbox);
    stage.runner.run_until(driving);
    assert_eq!(handle.status().counters.messages_in, 2_000);
    // The server's close frame stands behind the messages, and ends it without a timeout.
    assert_eq!(stage.clock.now().since_epoch(), secs(1));
}

#[test]
fn dropping_the_driver_aborts_and_ends_the_inbox_without_closed() {
    let (mut stage, settings) = Stage::new(|_| Script::accept());
    let (driver, inbox) = settings.build().unwrap().into_driver(1).unwrap();
    let handle = driver.handle();
    let driving = stage.runner.spawn(driver);
    let reading = stage.runner.spawn(inbox.collect::<Vec<_>>());
    stage.runner.run_for(secs(1));
    driving.cancel();
    let events = stage.runner.run_until(reading);
    assert_eq!(words(&events), ["connecting 1", "open 1"]);
    assert_eq!(handle.status().close_reason, Some(CloseReason::Dropped));
    assert_eq!(stage.remote.live(), 0);
}

#[test]
fn the_inbox_ends_when_the_session_has_though_the_driver_is_kept() {
    let (stage, settings) = Stage::new(|_| Script::accept());
    let (mut driver, mut inbox) = settings.build().unwrap().into_driver(1).unwrap();
    driver.handle().close();
    let counter = Counter::new();
    assert!(counter.poll(|cx| driver.poll_unpin(cx)).is_ready());
    assert_eq!(words(&counter.drain(&mut inbox)), ["closed user"]);
    assert!(matches!(counter.next(&mut inbox), Poll::Ready(None)));
    assert!(inbox.is_terminated());
    assert!(stage.remote.dials().is_empty());
}

#[test]
fn an_inbox_without_room_is_refused() {
    let (_stage, settings) = Stage::new(|_| Script::accept());
    let error = settings.build().unwrap().into_driver(0).unwrap_err();
    assert_eq!(error.setting(), "inbox messages");
    let (_stage, settings) = Stage::new(|_| Script::accept());
    let error = settings.build().unwrap().into_driver(InboxSettings::new(1).bytes(0)).unwrap_err();
    assert_eq!(error.setting(), "inbox bytes");
}

#[test]
fn what_the_sink_side_has_met_goes_into_the_inbox_first() {
    use futures::SinkExt;
    let (mut stage, settings) = Stage::new(|_| Script::accept().greet("hello"));
    let mut session = settings.build().unwrap();
    stage.runner.run_until(session.send("a".into())).unwrap();
    let (driver, mut inbox) = session.into_driver(10).unwrap();
    stage.runner.spawn(driver).detach();
    stage.runner.settle();
    let expected = ["connecting 1", "open 1", "message hello"];
    assert_eq!(words(&Counter::new().drain(&mut inbox)), expected);
}

#[test]
fn neither_end_is_polled_more_than_there_is_news() {
    let (mut stage, settings) = Stage::new(|_| Script::accept().chatter(millis(100), "tick"));
    let (driver, mut inbox) = settings.build().unwrap().into_driver(16).unwrap();
    let driving = stage.runner.spawn(driver);
    let reading = stage.runner.spawn(async move { while inbox.next().await.is_some() {} });
    stage.runner.run_for(secs(100));
    // 1 000 messages, one at a time.
    assert!(driving.polls() <= 1_050, "{}", driving.polls());
    assert!(reading.polls() <= 1_050, "{}", reading.polls());
}

#[test]
fn a_slow_reader_of_a_small_inbox_misses_nothing() {
    for limit in [1, 2, 3, 7] {
        let (mut stage, settings) = Stage::new(|_| {
            (0..200).fold(Script::accept(), |script, number: u32| script.greet(number.to_string()))
        });
        let (driver, mut inbox) = settings.build().unwrap().into_driver(limit).unwrap();
        stage.runner.spawn(driver).detach();
        let timer = Runner::new(&stage.clock).clock().timer();
        stage.runner.run_until(async {
            let mut expected = 0;
            while expected < 200 {
                if let Event::Message(message) = inbox.next().await.unwrap() {
                    assert_eq!(message, expected.to_string().into());
                    expected += 1;
                    rest(&timer, millis(10)).await;
                }
            }
        });
        // Nothing but the reader's own pauses was waited for.
        assert_eq!(stage.clock.now().since_epoch(), secs(2));
    }
}
