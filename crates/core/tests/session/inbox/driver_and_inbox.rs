//! A session in a task of its own, and its inbox.

use std::task::Poll;

use futures::{FutureExt, StreamExt, stream::FusedStream};
use websocket_heartbeat::{CloseReason, Event, Heartbeat, Inbox, InboxSettings, Phase};
use websocket_heartbeat_mock::{Runner, Script};

use crate::harness::{Fixture, WakeCounter, in_words, ms, secs, sleep, words};

#[test]
fn heartbeats_continue_while_the_application_does_not_read() {
    // The inbox has unread messages, or none.
    for greeting in [false, true] {
        let (mut fixture, builder) = Fixture::new(move |_| {
            let script = Script::accept().latency(ms(20));
            if greeting { script.greet("unread") } else { script }
        });
        let (driver, inbox) = builder.build().unwrap().into_driver(1).unwrap();
        let handle = driver.handle();
        fixture.runner.spawn(driver).detach();
        fixture.runner.run_for(secs(600));
        assert_eq!(fixture.remote.dials().len(), 1);
        assert!(fixture.remote.trace().times("-> ping").len() >= 24, "{greeting}");
        assert_eq!(handle.status().phase, Phase::Open);
        drop(inbox);
    }
}

#[test]
fn a_full_inbox_stops_reading_and_keeps_the_connection() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept().chatter(secs(1), "tick"));
    let (driver, mut inbox) = builder.build().unwrap().into_driver(5).unwrap();
    fixture.runner.spawn(driver).detach();
    fixture.runner.run_for(secs(600));
    let peer = fixture.remote.last_peer().unwrap();
    assert!(peer.unread() >= 595, "five were read: {}", peer.unread());
    // All messages arrive when they are read.
    let mut ticks = 0;
    fixture.runner.run_until(async {
        while ticks < 600 {
            match inbox.next().await.unwrap() {
                Event::Message(_) => ticks += 1,
                Event::Lost(lost) => panic!("{}", lost.cause),
                _ => {}
            }
        }
    });
    assert_eq!(fixture.remote.dials().len(), 1);
}

#[test]
fn an_inbox_yields_its_messages_without_other_events() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept().chatter(secs(1), "tick"));
    let (driver, mut inbox) = builder.build().unwrap().into_driver(5).unwrap();
    fixture.runner.spawn(driver).detach();
    let ticks = fixture.runner.run_until(inbox.messages().take(3).collect::<Vec<_>>());
    assert_eq!(ticks, ["tick"; 3]);
}

#[test]
fn a_server_that_died_unread_is_detected_after_reading_resumes() {
    let (mut fixture, builder) =
        Fixture::new(|_| Script::accept().greet("unread").half_open_after(secs(100)));
    let (driver, mut inbox) = builder.build().unwrap().into_driver(1).unwrap();
    fixture.runner.spawn(driver).detach();
    fixture.runner.run_for(secs(600));
    assert_eq!(fixture.remote.dials().len(), 1, "not judged while the inbox was unread");
    fixture.runner.run_until(async {
        while let Some(event) = inbox.next().await {
            if matches!(event, Event::Lost(_)) {
                break;
            }
        }
    });
    assert!(fixture.clock.now().since_epoch() <= secs(600 + 25));
}

#[test]
fn dropping_the_oldest_reports_the_exact_number() {
    let (mut fixture, builder) =
        Fixture::new(|_| Script::accept().send_after(ms(1), "first").chatter(secs(1), "tick"));
    let inbox = InboxSettings::new(5).drop_oldest();
    let (driver, mut inbox) = builder.build().unwrap().into_driver(inbox).unwrap();
    fixture.runner.spawn(driver).detach();
    fixture.runner.run_for(secs(599));
    let expected = [
        "connecting 1 attempt 0",
        "open 1",
        "lagged 595",
        "message tick",
        "message tick",
        "message tick",
    ];
    let events = WakeCounter::new().drain(&mut inbox);
    assert_eq!(words(&events)[..6], expected);
    assert_eq!(events.len(), 8);
    assert_eq!(fixture.remote.last_peer().unwrap().unread(), 0);
}

#[test]
fn unread_outages_are_folded_but_closed_is_not() {
    let (mut fixture, builder) = Fixture::new(|_| Script::refuse_connection());
    let builder = builder.backoff(websocket_heartbeat::Constant::new(secs(1)));
    let (driver, inbox) = builder.build().unwrap().into_driver(1).unwrap();
    let handle = driver.handle();
    fixture.runner.spawn(driver).detach();
    fixture.runner.run_for(secs(100_000));
    handle.close();
    fixture.runner.settle();
    let events = fixture.runner.run_until(inbox.collect::<Vec<_>>());
    assert!(events.len() < 12, "{}", events.len());
    let cycles: u64 = events
        .iter()
        .map(|event| if let Event::Lost(lost) = event { 1 + lost.skipped_cycles } else { 0 })
        .sum();
    assert_eq!(cycles, fixture.remote.dials().len() as u64);
    assert_eq!(in_words(events.last().unwrap()), "closed user");
}

#[test]
fn events_and_messages_keep_their_order() {
    let (mut fixture, builder) =
        Fixture::new(|dial| Script::accept().greet(dial.to_string()).end_after(secs(1)));
    let (driver, mut inbox) = builder.build().unwrap().into_driver(100).unwrap();
    fixture.runner.spawn(driver).detach();
    fixture.runner.run_for(ms(4_500));
    let mut connection = 0;
    for event in WakeCounter::new().drain(&mut inbox) {
        match event {
            Event::Open(open) => connection = open.connection,
            Event::Message(message) => assert_eq!(message, *connection.to_string()),
            _ => {}
        }
    }
    assert_eq!(connection, 3);
}

#[test]
fn dropping_the_inbox_closes_gracefully_and_ends_the_driver() {
    for greeting in [false, true] {
        let (mut fixture, builder) = Fixture::new(move |_| {
            let script = Script::accept();
            if greeting { script.greet("unread").greet("unread") } else { script }
        });
        let (driver, inbox) = builder.build().unwrap().into_driver(1).unwrap();
        let handle = driver.handle();
        let driving = fixture.runner.spawn(driver);
        fixture.runner.run_for(secs(1));
        // The link accepts no bytes, so that the message is queued and its wake is over.
        fixture.remote.last_peer().unwrap().write_quota(0);
        handle.try_queue("last words").unwrap();
        fixture.runner.settle();
        drop(inbox);
        fixture.runner.settle();
        assert_eq!(handle.status().phase, Phase::Closing);
        fixture.remote.last_peer().unwrap().resume_writes();
        fixture.runner.settle();
        assert!(driving.is_done());
        assert_eq!(handle.status().close_reason, Some(CloseReason::User));
        assert_eq!(fixture.remote.trace().times("-> text \"last words\"").len(), 1);
        assert_eq!(fixture.remote.trace().times("-> close 1000").len(), 1);
    }
}

#[test]
fn a_dropped_inbox_reads_until_the_server_has_closed() {
    let (mut fixture, builder) = Fixture::new(|_| {
        (0..2_000).fold(Script::accept(), |script, number: u32| script.greet(number.to_string()))
    });
    let (driver, inbox) = builder.build().unwrap().into_driver(1).unwrap();
    let handle = driver.handle();
    let driving = fixture.runner.spawn(driver);
    fixture.runner.run_for(secs(1));
    drop(inbox);
    fixture.runner.run_until(driving);
    assert_eq!(handle.status().counters.messages_in, 2_000);
    // The server's close frame is behind the messages, and ends the session without a timeout.
    assert_eq!(fixture.clock.now().since_epoch(), secs(1));
}

#[test]
fn dropping_the_driver_aborts_and_ends_the_inbox_without_closed() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept());
    let (driver, inbox) = builder.build().unwrap().into_driver(1).unwrap();
    let handle = driver.handle();
    let driving = fixture.runner.spawn(driver);
    let reading = fixture.runner.spawn(inbox.collect::<Vec<_>>());
    fixture.runner.run_for(secs(1));
    driving.cancel();
    let events = fixture.runner.run_until(reading);
    assert_eq!(words(&events), ["connecting 1 attempt 0", "open 1"]);
    assert_eq!(handle.status().close_reason, Some(CloseReason::Dropped));
    assert_eq!(fixture.remote.live(), 0);
}

#[test]
fn the_inbox_ends_with_the_session_while_the_driver_exists() {
    let (fixture, builder) = Fixture::new(|_| Script::accept());
    let (mut driver, mut inbox) = builder.build().unwrap().into_driver(1).unwrap();
    driver.handle().close();
    let counter = WakeCounter::new();
    assert!(counter.poll(|cx| driver.poll_unpin(cx)).is_ready());
    assert!(!inbox.is_terminated());
    assert_eq!(words(&counter.drain(&mut inbox)), ["closed user"]);
    assert!(matches!(counter.next(&mut inbox), Poll::Ready(None)));
    assert!(inbox.is_terminated());
    assert!(fixture.remote.dials().is_empty());
}

#[test]
fn an_inbox_without_room_is_refused() {
    let (_fixture, builder) = Fixture::new(|_| Script::accept());
    let error = builder.build().unwrap().into_driver(0).unwrap_err();
    assert_eq!(error.setting(), "inbox messages");
    let (_fixture, builder) = Fixture::new(|_| Script::accept());
    let error = builder.build().unwrap().into_driver(InboxSettings::new(1).bytes(0)).unwrap_err();
    assert_eq!(error.setting(), "inbox bytes");
}

#[test]
fn events_met_by_the_sink_enter_the_inbox_first() {
    use futures::SinkExt;
    let (mut fixture, builder) = Fixture::new(|_| Script::accept().greet("hello"));
    let mut session = builder.build().unwrap();
    fixture.runner.run_until(session.send("a".into())).unwrap();
    let (driver, mut inbox) = session.into_driver(10).unwrap();
    fixture.runner.spawn(driver).detach();
    fixture.runner.settle();
    let expected = ["connecting 1 attempt 0", "open 1", "message hello"];
    assert_eq!(words(&WakeCounter::new().drain(&mut inbox)), expected);
}

#[test]
fn inbox_and_driver_have_no_unneeded_polls() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept().chatter(ms(100), "tick"));
    let (driver, mut inbox) = builder.build().unwrap().into_driver(16).unwrap();
    let driving = fixture.runner.spawn(driver);
    let reading = fixture.runner.spawn(async move { while inbox.next().await.is_some() {} });
    fixture.runner.run_for(secs(100));
    // 1 000 messages, one at a time.
    assert!(driving.polls() <= 1_050, "{}", driving.polls());
    assert!(reading.polls() <= 1_050, "{}", reading.polls());
}

/// An open session in a driver, and its inbox without unread events.
fn open(settings: impl Into<InboxSettings>) -> (Fixture, impl Future<Output = ()> + Unpin, Inbox) {
    let (fixture, builder) = Fixture::new(|_| Script::accept());
    let (mut driver, mut inbox) = builder.build().unwrap().into_driver(settings).unwrap();
    let counter = WakeCounter::new();
    assert!(counter.poll(|cx| driver.poll_unpin(cx)).is_pending());
    assert_eq!(words(&counter.drain(&mut inbox)), ["connecting 1 attempt 0", "open 1"]);
    (fixture, driver, inbox)
}

#[test]
fn one_poll_of_a_driver_hands_over_at_most_512_events() {
    let (fixture, mut driver, mut inbox) = open(10_000);
    let peer = fixture.remote.last_peer().unwrap();
    (0..600).for_each(|_| peer.send("x"));
    let (task, reader) = (WakeCounter::new(), WakeCounter::new());
    for (events, wakes) in [(512, true), (88, false)] {
        task.take();
        assert!(task.poll(|cx| driver.poll_unpin(cx)).is_pending());
        assert_eq!((task.take() > 0, reader.drain(&mut inbox).len()), (wakes, events));
    }
}

#[test]
fn a_driver_of_a_small_inbox_that_drops_messages_reads_on_in_one_poll() {
    let (fixture, mut driver, mut inbox) = open(InboxSettings::new(1).drop_oldest());
    let peer = fixture.remote.last_peer().unwrap();
    (0..100).for_each(|_| peer.send("x"));
    let task = WakeCounter::new();
    assert!(task.poll(|cx| driver.poll_unpin(cx)).is_pending());
    assert_eq!((task.take(), peer.unread()), (0, 0));
    assert_eq!(words(&task.drain(&mut inbox)), ["lagged 99", "message x"]);
}

#[test]
fn a_slow_reader_of_a_small_inbox_misses_no_message() {
    for limit in [1, 2, 3, 7] {
        let (mut fixture, builder) = Fixture::new(|_| {
            (0..200).fold(Script::accept(), |script, number: u32| script.greet(number.to_string()))
        });
        let (driver, mut inbox) = builder.build().unwrap().into_driver(limit).unwrap();
        fixture.runner.spawn(driver).detach();
        let timer = Runner::new(&fixture.clock).clock().timer();
        fixture.runner.run_until(async {
            let mut expected = 0;
            while expected < 200 {
                if let Event::Message(message) = inbox.next().await.unwrap() {
                    assert_eq!(message, *expected.to_string());
                    expected += 1;
                    sleep(&timer, ms(10)).await;
                }
            }
        });
        // Only the reader's own pauses took time.
        assert_eq!(fixture.clock.now().since_epoch(), secs(2));
    }
}

#[test]
fn a_reader_that_stops_does_not_stop_heartbeats() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept().echo());
    let supervisor =
        builder.heartbeat(Heartbeat::idle(secs(15)).message("heartbeat")).build().unwrap();
    let (driver, mut inbox) = supervisor.into_driver(1_000).unwrap();
    fixture.runner.spawn(driver).detach();
    fixture.runner.run_for(secs(600));
    assert_eq!(fixture.remote.trace().times("-> text \"heartbeat\"").len(), 40);
    assert_eq!(fixture.remote.dials().len(), 1);
    let unread = fixture.runner.run_until(async {
        let mut count = 0;
        while let Some(event) = inbox.next().await {
            count += u32::from(matches!(event, Event::Message(_)));
            if count == 40 {
                break;
            }
        }
        count
    });
    assert_eq!(unread, 40);
}
