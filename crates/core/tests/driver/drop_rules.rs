//! What happens when things are dropped.

use std::{future::Future, pin::pin, task::Poll};

use futures::FutureExt;
use websocket_heartbeat::{
    CloseReason, DropReason, Fate, Handle, Message, OutboxSettings, Phase, QueueError, Receipt,
};
use websocket_heartbeat_mock::Script;

use crate::stage::{Counter, Session, Stage, secs};

const DROPPED: DropReason = DropReason::SessionEnded;

fn receipt(handle: &Handle, text: &str) -> Receipt {
    handle.queue_with_receipt(text).now_or_never().unwrap().unwrap()
}

/// Brings a session into a state, by name.
fn sessions() -> Vec<(&'static str, Stage, Session)> {
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
        let (stage, settings) = Stage::new(script);
        let mut session = settings.outbox(OutboxSettings::new().count(2)).build().unwrap();
        let counter = Counter::new();
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
        (name, stage, session)
    };
    states.map(build).into()
}

#[test]
fn dropping_the_supervisor_in_any_state_gives_everything_its_fate_and_ends_everybodys_wait() {
    for (name, stage, session) in sessions() {
        let handle = session.handle();
        let counter = Counter::new();
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
        assert_eq!((stage.remote.live(), stage.remote.dialing()), (0, 0), "{name}");
    }
}

#[test]
fn a_message_on_the_line_is_unknown_when_the_supervisor_is_dropped() {
    let (stage, settings) = Stage::new(|_| Script::accept());
    let mut session = settings.build().unwrap();
    let counter = Counter::new();
    counter.drain(&mut session);
    stage.remote.last_peer().unwrap().write_quota(0);
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
fn handles_of_a_dropped_session_are_harmless() {
    for (_, stage, session) in sessions() {
        let handle = session.handle();
        drop(session);
        let dials = stage.remote.dials().len();
        handle.close();
        handle.abort();
        handle.reconnect_now();
        handle.probe_now();
        handle.pause();
        handle.resume();
        assert_eq!(handle.try_queue("x"), Err(QueueError::Closed(Message::text("x"))));
        assert!(handle.send_confirmed("x").now_or_never().unwrap().is_err());
        assert_eq!(handle.closed().now_or_never(), Some(CloseReason::Dropped));
        assert_eq!(stage.remote.dials().len(), dials);
    }
}

#[test]
fn dropping_handles_never_ends_a_session() {
    let (mut stage, settings) = Stage::new(|_| Script::accept());
    let session = settings.build().unwrap();
    let handle = session.handle();
    drop(handle.clone());
    let _ = session.handle();
    stage.read(session);
    stage.runner.run_for(secs(1));
    drop(handle);
    stage.runner.run_for(secs(3_600));
    assert_eq!((stage.remote.live(), stage.remote.dials().len()), (1, 1));
}

#[test]
fn a_dropped_supervisor_keeps_no_waker_of_its_task() {
    let (_stage, settings) = Stage::new(|_| Script::accept());
    let mut session = settings.build().unwrap();
    let handle = session.handle();
    let counter = Counter::new();
    counter.drain(&mut session);
    drop(session);
    assert_eq!(std::sync::Arc::strong_count(&counter), 1);
    counter.take();
    handle.close();
    assert_eq!(counter.take(), 0);
}

#[test]
fn dropping_a_receipt_changes_nothing_for_its_message() {
    let (mut stage, settings) = Stage::new(|_| Script::accept());
    let session = settings.build().unwrap();
    drop(receipt(&session.handle(), "a"));
    stage.read(session);
    stage.runner.run_for(secs(1));
    assert_eq!(stage.remote.last_peer().unwrap().received_messages(), [Message::text("a")]);
}
