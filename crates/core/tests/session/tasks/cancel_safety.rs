//! Each public future is dropped at each `Pending`: nothing is lost, duplicated or stuck.

use futures::{SinkExt, StreamExt, future};
use websocket_heartbeat::{CloseReason, Event, Fate, Handle, OutboxSettings, Phase, Receipt};
use websocket_heartbeat_mock::{Cancellation, Script, at_every_cancellation};

use crate::harness::{Fixture, MockSupervisor, ms, secs, texts, words};

/// A slow and hesitant server that sends three messages and records what it receives.
fn slow() -> Script {
    let script = Script::accept().hesitant().after(ms(50)).latency(ms(20));
    let script = script.write_rate(4, ms(10)).greet("hello");
    script.send_after(ms(200), "there").send_after(ms(300), "you")
}

fn slow_session(outbox: OutboxSettings) -> (Fixture, MockSupervisor) {
    let (fixture, builder) = Fixture::new(|dial| match dial {
        1 => Script::refuse_connection().after(ms(50)),
        _ => slow(),
    });
    let session = builder.outbox(outbox).build().unwrap();
    (fixture, session)
}

/// Runs a scenario beside a slow session that a task drives, and then closes the session. Returns
/// the messages that the server received.
fn beside(outbox: OutboxSettings, scenario: impl AsyncFnOnce(Handle)) -> Vec<String> {
    let (mut fixture, session) = slow_session(outbox);
    let handle = session.handle();
    fixture.read(session);
    fixture.runner.run_until(async {
        scenario(handle.clone()).await;
        handle.close();
        assert_eq!(handle.closed().await, CloseReason::User);
    });
    fixture.runner.run_for(secs(1));
    texts(&fixture.remote.last_peer().unwrap().received_messages())
}

#[test]
fn next_of_a_supervisor_is_cancel_safe() {
    let expected = [
        "connecting 1 attempt 0",
        "lost 1 connect",
        "retry 1 in 1s",
        "connecting 2 attempt 1",
        "open 2",
        "message hello",
        "message there",
        "message you",
    ];
    let cancelled = at_every_cancellation(|cancellation| {
        let (mut fixture, mut session) = slow_session(OutboxSettings::new());
        session.handle().try_queue("queued").unwrap();
        let events = fixture.runner.run_until(async {
            let mut events = Vec::new();
            while events.len() < expected.len() {
                events.extend(cancellation.wrap(session.next()).await.flatten());
            }
            events
        });
        assert_eq!(words(&events), expected);
        assert_eq!(fixture.remote.dials().len(), 2);
        let peer = fixture.remote.last_peer().unwrap();
        assert_eq!(texts(&peer.received_messages()), ["queued"]);
    });
    assert!(cancelled >= 10, "{cancelled}");
}

#[test]
fn next_of_an_inbox_is_cancel_safe() {
    let cancelled = at_every_cancellation(|cancellation| {
        let (mut fixture, session) = slow_session(OutboxSettings::new());
        let (driver, mut inbox) = session.into_driver(1).unwrap();
        fixture.runner.spawn(driver).detach();
        let messages = fixture.runner.run_until(async {
            let mut messages = Vec::new();
            while messages.len() < 3 {
                let next = cancellation.wrap(inbox.next()).await.flatten();
                if let Some(Event::Message(message)) = next {
                    messages.push(message);
                }
            }
            messages
        });
        assert_eq!(texts(&messages), ["hello", "there", "you"]);
    });
    assert!(cancelled >= 4, "{cancelled}");
}

#[test]
fn a_driver_can_be_polled_by_futures_that_are_dropped() {
    at_every_cancellation(|cancellation| {
        let (mut fixture, session) = slow_session(OutboxSettings::new());
        let (mut driver, inbox) = session.into_driver(10).unwrap();
        let handle = driver.handle();
        let reading = fixture.runner.spawn(inbox.collect::<Vec<_>>());
        handle.try_queue("queued").unwrap();
        let closing = fixture.runner.spawn(async move {
            assert!(handle.send_confirmed("last").await.unwrap().is_written());
            handle.close();
        });
        let events = fixture.runner.run_until(async {
            // The dropped future borrows the driver, since dropping the driver would abort the
            // session.
            if cancellation.wrap(&mut driver).await.is_none() {
                driver.await;
            }
            closing.await;
            reading.await
        });
        assert_eq!(words(&events).last().unwrap(), "closed user");
        let peer = fixture.remote.last_peer().unwrap();
        assert_eq!(texts(&peer.received_messages()), ["queued", "last"]);
    });
}

/// One of two sends is dropped at some point. The other message must arrive. The first must arrive
/// at most once, and exactly once if it was accepted.
fn check_send(send: impl AsyncFn(&Cancellation, &mut Handle) -> Option<()>) -> u64 {
    at_every_cancellation(|cancellation| {
        let mut accepted = false;
        let received = beside(OutboxSettings::new().count(1), async |handle| {
            handle.queue("first").await.unwrap();
            let mut sender = handle.clone();
            let mut other = handle.clone();
            let dropped = async { accepted = send(cancellation, &mut sender).await.is_some() };
            let ((), sent) = future::join(dropped, SinkExt::send(&mut other, "other".into())).await;
            sent.unwrap();
            assert!(handle.send_confirmed("last").await.unwrap().is_written());
        });
        let count = |text: &str| received.iter().filter(|known| *known == text).count();
        assert_eq!((count("first"), count("other"), count("last")), (1, 1, 1), "{received:?}");
        assert!(count("x") <= 1 && (count("x") == 1 || !accepted), "{received:?}");
        assert_eq!(received.last().unwrap(), "last");
    })
}

#[test]
fn queue_is_cancel_safe() {
    let cancelled = check_send(async |cancellation, handle| {
        cancellation.wrap(handle.queue("x")).await.map(Result::unwrap)
    });
    assert!(cancelled >= 1, "{cancelled}");
}

#[test]
fn queue_with_receipt_is_cancel_safe() {
    let cancelled = check_send(async |cancellation, handle| {
        let receipt = cancellation.wrap(handle.queue_with_receipt("x")).await?.unwrap();
        assert!(receipt.await.is_written());
        Some(())
    });
    assert!(cancelled >= 1, "{cancelled}");
}

#[test]
fn a_confirmed_send_is_cancel_safe() {
    let cancelled = check_send(async |cancellation, handle| {
        assert!(
            cancellation.wrap(Handle::send_confirmed(handle, "x")).await?.unwrap().is_written()
        );
        Some(())
    });
    assert!(cancelled >= 2, "{cancelled}");
}

#[test]
fn send_of_a_handle_is_cancel_safe() {
    let cancelled = check_send(async |cancellation, handle| {
        cancellation.wrap(SinkExt::send(handle, "x".into())).await.map(Result::unwrap)
    });
    assert!(cancelled >= 2, "{cancelled}");
}

#[test]
fn flush_and_close_of_a_handle_are_cancel_safe() {
    at_every_cancellation(|cancellation| {
        let received = beside(OutboxSettings::new(), async |handle| {
            let mut sink = handle.clone();
            for text in ["a", "b", "c"] {
                sink.feed(text.into()).await.unwrap();
            }
            let _ = cancellation.wrap(sink.flush()).await;
            sink.feed("d".into()).await.unwrap();
            if cancellation.wrap(SinkExt::close(&mut sink)).await.is_none() {
                SinkExt::close(&mut sink).await.unwrap();
            }
            assert!(sink.feed("no".into()).await.is_err());
        });
        assert_eq!(received, ["a", "b", "c", "d"]);
    });
}

#[test]
fn a_receipt_is_cancel_safe() {
    at_every_cancellation(|cancellation| {
        let received = beside(OutboxSettings::new(), async |handle| {
            let mut receipt: Receipt = handle.queue_with_receipt("x").await.unwrap();
            let fate = match cancellation.wrap(&mut receipt).await {
                Some(fate) => fate,
                None => receipt.await,
            };
            assert_eq!(fate, Fate::Written { connection: 2 });
        });
        assert_eq!(received, ["x"]);
    });
}

#[test]
fn closed_and_status_changes_are_cancel_safe() {
    at_every_cancellation(|cancellation| {
        beside(OutboxSettings::new(), async |handle| {
            let mut changes = handle.status_changes();
            let mut phases = Vec::new();
            while phases.last() != Some(&Phase::Closed) {
                let next = cancellation.wrap(changes.next()).await;
                let status = match next {
                    Some(next) => next.unwrap(),
                    None => changes.next().await.unwrap(),
                };
                phases.push(status.phase);
                if status.phase == Phase::Open {
                    handle.close();
                }
            }
            phases.dedup();
            let tail = [Phase::Waiting, Phase::Connecting, Phase::Open, Phase::Closing];
            assert!(phases.windows(4).any(|phases| phases == tail), "{phases:?}");
            assert!(changes.next().await.is_none());
        });
    });
    at_every_cancellation(|cancellation| {
        beside(OutboxSettings::new(), async |handle| {
            let closing = async {
                assert!(handle.send_confirmed("x").await.unwrap().is_written());
                handle.close();
            };
            let waiting = async {
                if cancellation.wrap(handle.closed()).await.is_none() {
                    assert_eq!(handle.closed().await, CloseReason::User);
                }
            };
            future::join(closing, waiting).await;
        });
    });
}

#[test]
fn send_flush_and_close_of_a_supervisor_are_cancel_safe() {
    let cancelled = at_every_cancellation(|cancellation| {
        let (mut fixture, mut session) = slow_session(OutboxSettings::new().count(1));
        let mut accepted = false;
        fixture.runner.run_until(async {
            session.send("first".into()).await.unwrap();
            if let Some(sent) = cancellation.wrap(session.send("x".into())).await {
                sent.unwrap();
                accepted = true;
            }
            session.feed("last".into()).await.unwrap();
            if cancellation.wrap(session.flush()).await.is_none() {
                session.flush().await.unwrap();
            }
            if cancellation.wrap(session.close()).await.is_none() {
                session.close().await.unwrap();
            }
            let events = session.by_ref().collect::<Vec<_>>().await;
            assert_eq!(words(&events).last().unwrap(), "closed user");
        });
        let received = texts(&fixture.remote.last_peer().unwrap().received_messages());
        let expected: &[&str] =
            if received.len() == 3 { &["first", "x", "last"] } else { &["first", "last"] };
        assert_eq!(received, expected);
        assert!(!accepted || received.len() == 3);
        assert_eq!(fixture.remote.dials().len(), 2);
    });
    assert!(cancelled >= 6, "{cancelled}");
}
