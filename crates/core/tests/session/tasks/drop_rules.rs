//! The effects of drops.

use std::{future::Future, pin::pin, task::Poll};

use futures::FutureExt;
use websocket_heartbeat::{
    CloseReason, DropReason, Fate, Handle, Heartbeat, Message, Offline, OutboxSettings, Phase,
    QueueError, Receipt,
};
use websocket_heartbeat_mock::Script;

use crate::harness::{Fixture, MockSupervisor, WakeCounter, secs};

const DROPPED: DropReason = DropReason::SessionEnded;

fn receipt(handle: &Handle, text: &str) -> Receipt {
    handle.queue_with_receipt(text).now_or_never().unwrap().unwrap()
}

/// A script that brings a session into a state, and the name of the state.
fn sessions() -> Vec<(&'static str, Fixture, MockSupervisor)> {
    type State = (&'static str, fn(u64) -> Script);
    let states: [State; 7] = [
        ("idle", |_| Script::accept()),
        ("connecting", |_| Script::hang()),
        ("open", |_| Script::accept()),
        ("waiting", |_| Script::refuse_connection()),
        ("paused", |_| Script::accept()),
        ("paused without a connection", |_| Script::hang()),
        ("closing", |_| Script::accept().ignore_close()),
    ];
    let build = |(name, script)| {
        let (fixture, builder) = Fixture::new(script);
        let mut session = builder.outbox(OutboxSettings::new().count(2)).build().unwrap();
        let counter = WakeCounter::new();
        if name != "idle" {
            counter.drain(&mut session);
        }
        match name {
            "paused" | "paused without a connection" => session.handle().pause(),
            "closing" => session.handle().close(),
            _ => {}
        }
        if name != "idle" {
            counter.drain(&mut session);
        }
        (name, fixture, session)
    };
    states.map(build).into()
}

#[test]
fn dropping_a_supervisor_resolves_all_fates_and_waits() {
    for (name, fixture, session) in sessions() {
        let handle = session.handle();
        let counter = WakeCounter::new();
        let mut first = None;
        let mut waiting = pin!(handle.queue("waits"));
        if name != "closing" {
            first = Some(receipt(&handle, "a"));
            handle.try_queue("b").unwrap();
            assert!(counter.poll(|cx| waiting.as_mut().poll(cx)).is_pending(), "{name}");
        }
        let mut closed = pin!(handle.closed());
        assert!(counter.poll(|cx| closed.as_mut().poll(cx)).is_pending(), "{name}");
        counter.take();

        drop(session);

        assert!(counter.take() > 0, "{name}");
        let fate = Fate::Dropped { reason: DROPPED, message: Message::text("a") };
        if let Some(first) = first {
            assert_eq!(first.now_or_never(), Some(fate), "{name}");
        }
        if name != "closing" {
            let refused = Err(QueueError::Closed(Message::text("waits")));
            assert_eq!(counter.poll(|cx| waiting.as_mut().poll(cx)), Poll::Ready(refused));
        }
        let reason = counter.poll(|cx| closed.as_mut().poll(cx));
        assert_eq!(reason, Poll::Ready(CloseReason::Dropped), "{name}");
        let status = handle.status();
        assert_eq!((status.phase, status.queued_messages), (Phase::Closed, 0), "{name}");
        assert_eq!(status.close_reason, Some(CloseReason::Dropped), "{name}");
        let counters = status.counters;
        assert_eq!(counters.dropped, if name == "closing" { 0 } else { 2 }, "{name}");
        assert_eq!((fixture.remote.live(), fixture.remote.dialing()), (0, 0), "{name}");
    }
}

#[test]
fn dropping_a_supervisor_makes_a_handed_message_unknown() {
    let (fixture, builder) = Fixture::new(|_| Script::accept());
    let mut session = builder.build().unwrap();
    let counter = WakeCounter::new();
    counter.drain(&mut session);
    fixture.remote.last_peer().unwrap().write_quota(0);
    let handle = session.handle();
    let handed = receipt(&handle, "handed");
    counter.drain(&mut session);
    let queued = receipt(&handle, "queued");
    drop(session);
    let message = Some(Message::text("handed"));
    assert_eq!(handed.now_or_never(), Some(Fate::Unknown { connection: 1, message }));
    let message = Message::text("queued");
    assert_eq!(queued.now_or_never(), Some(Fate::Dropped { reason: DROPPED, message }));
}

#[test]
fn a_drop_during_a_planned_replacement_reports_the_end_of_the_session() {
    let (fixture, builder) = Fixture::new(|_| Script::accept().ignore_close());
    let outbox = OutboxSettings::new().offline(Offline::Refuse);
    let builder = builder.outbox(outbox).heartbeat(Heartbeat::off()).max_age(secs(100));
    let mut session = builder.close_timeout(secs(60)).build().unwrap();
    let counter = WakeCounter::new();
    counter.drain(&mut session);
    // The age is drawn from 90 to 100 s.
    fixture.clock.advance(secs(100));
    counter.drain(&mut session);
    assert_eq!(session.status().phase, Phase::Closing);
    let queued = receipt(&session.handle(), "queued");
    drop(session);
    let message = Message::text("queued");
    assert_eq!(queued.now_or_never(), Some(Fate::Dropped { reason: DROPPED, message }));
}

#[test]
fn handles_of_a_dropped_session_return_errors() {
    for (_, fixture, session) in sessions() {
        let handle = session.handle();
        drop(session);
        let dials = fixture.remote.dials().len();
        handle.close();
        handle.abort();
        handle.reconnect_now();
        handle.probe_now();
        handle.pause();
        handle.resume();
        assert_eq!(handle.try_queue("x"), Err(QueueError::Closed(Message::text("x"))));
        assert!(handle.send_confirmed("x").now_or_never().unwrap().is_err());
        assert_eq!(handle.closed().now_or_never(), Some(CloseReason::Dropped));
        assert_eq!(fixture.remote.dials().len(), dials);
    }
}

#[test]
fn dropping_handles_never_ends_a_session() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept());
    let session = builder.build().unwrap();
    let handle = session.handle();
    drop(handle.clone());
    let _ = session.handle();
    fixture.read(session);
    fixture.runner.run_for(secs(1));
    drop(handle);
    fixture.runner.run_for(secs(3_600));
    assert_eq!((fixture.remote.live(), fixture.remote.dials().len()), (1, 1));
}

#[test]
fn a_dropped_supervisor_keeps_no_waker_of_its_task() {
    let (_fixture, builder) = Fixture::new(|_| Script::accept());
    let mut session = builder.build().unwrap();
    let handle = session.handle();
    let counter = WakeCounter::new();
    counter.drain(&mut session);
    drop(session);
    assert_eq!(std::sync::Arc::strong_count(&counter), 1);
    counter.take();
    handle.close();
    assert_eq!(counter.take(), 0);
}

#[test]
fn dropping_a_receipt_does_not_affect_its_message() {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept());
    let session = builder.build().unwrap();
    drop(receipt(&session.handle(), "a"));
    fixture.read(session);
    fixture.runner.run_for(secs(1));
    assert_eq!(fixture.remote.last_peer().unwrap().received_messages(), [Message::text("a")]);
}
