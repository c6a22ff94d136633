//! Timeouts, the end of the session, settings, panics.

use std::{task::Poll, time::Duration};

use futures::{FutureExt, StreamExt, stream};
use websocket_heartbeat::{
    CloseReason, Event, UserFunction,
    calls::{CallEvent, CallFailure, CallSettings, Calls, RequestFate},
};
use websocket_heartbeat_mock::{Runner, Script};

use super::fixture::{CallFixture, answer_each, find_answer, make_request, now, session, settings};
use crate::harness::{ms, secs};

#[test]
fn a_call_without_an_answer_ends_by_its_timeout() {
    let mut fixture = CallFixture::new(|_| Script::accept(), |calls| calls);
    fixture.run(1_000);
    fixture.call("default").detach();
    fixture.call_with("short", |call| call.timeout(secs(2))).detach();
    fixture.call_with("long", |call| call.timeout(secs(90))).detach();
    fixture.call_with("zero", |call| call.timeout(Duration::ZERO)).detach();
    fixture.run(200_000);
    fixture.assert_outcomes(&[
        (1_000, "zero timeout written"),
        (3_000, "short timeout written"),
        (31_000, "default timeout written"),
        (91_000, "long timeout written"),
    ]);
    assert_eq!(fixture.caller.waiting(), 0);
}

#[test]
fn no_call_waits_longer_than_a_day() {
    let mut fixture = CallFixture::new(|_| Script::accept(), |calls| calls.timeout(Duration::MAX));
    fixture.call("default").detach();
    fixture.call_with("own", |call| call.timeout(Duration::MAX)).detach();
    fixture.run(2 * 86_400_000);
    let day = 86_400_000;
    fixture.assert_outcomes(&[(day, "default timeout written"), (day, "own timeout written")]);
}

#[test]
fn a_timed_out_request_that_no_connection_has_is_not_sent() {
    let mut fixture = CallFixture::new(
        |_| Script::accept().without_bytes_written(),
        |calls| calls.timeout(secs(5)),
    );
    fixture.run(0);
    let peer = fixture.remote.last_peer().unwrap();
    peer.write_quota(1);
    fixture.call("handed").detach();
    fixture.run(0);
    fixture.call("queued").detach();
    fixture.run(10_000);
    fixture
        .assert_outcomes(&[(5_000, "handed timeout unknown"), (5_000, "queued timeout not_sent")]);
    peer.resume_writes();
    fixture.run(1_000);
    assert_eq!(fixture.received(1), ["1 handed"]);
}

#[test]
fn an_unread_answer_is_in_time() {
    let (clock, _remote, supervisor) =
        session(|_| Script::accept().latency(secs(1)).reply_with(answer_each));
    let handle = supervisor.handle();
    let calls = settings().timeout(secs(5));
    let mut layer = Calls::new(supervisor, handle, clock.timer(), calls).unwrap();
    let mut call = layer.caller().call("a".to_owned());
    let mut runner = Runner::new(&clock);
    runner.run_until(async {
        assert!(futures::poll!(&mut call).is_pending());
        while !matches!(layer.next().await, Some(CallEvent::Event(Event::Open(_)))) {}
        assert!(futures::poll!(layer.next()).is_pending());
    });
    runner.run_for(secs(6));
    runner.run_until(async {
        assert!(futures::poll!(layer.next()).is_pending());
        assert_eq!(call.await, Ok("a".to_owned()));
    });
}

#[test]
fn a_flood_of_messages_does_not_keep_a_call_waiting() {
    let (clock, _remote, mut supervisor) = session(|_| Script::accept());
    let handle = supervisor.handle();
    let mut opened = false;
    let events = stream::poll_fn(|cx| {
        if opened {
            // There is always one more message to read.
            return Poll::Ready(Some(Event::Message("news".into())));
        }
        let polled = supervisor.poll_next_unpin(cx);
        opened = matches!(polled, Poll::Ready(Some(Event::Open(_))));
        polled
    });
    let calls = settings().timeout(secs(5));
    let mut layer = Calls::new(events, handle, clock.timer(), calls).unwrap();
    let mut call = layer.caller().call("a".to_owned());
    assert!((&mut call).now_or_never().is_none());
    Runner::new(&clock).run_until(async {
        for _ in 0..4 {
            assert!(layer.next().await.is_some());
        }
        clock.jump(secs(6));
        for _ in 0..900 {
            assert!(layer.next().await.is_some());
        }
        assert!((&mut call).now_or_never().is_none(), "the answer may be among a few messages");
        for _ in 0..200 {
            assert!(layer.next().await.is_some());
        }
        assert_eq!(call.await.unwrap_err().reason, CallFailure::Timeout);
    });
}

#[test]
fn early_sleeps_change_no_timeout() {
    let mut fixture = CallFixture::new(|_| Script::accept(), |calls| calls);
    fixture.clock.set_timer_early(true);
    fixture.call("a").detach();
    fixture.run(60_000);
    fixture.assert_outcomes(&[(30_000, "a timeout written")]);
}

#[test]
fn ten_thousand_calls_need_few_sleeps() {
    let mut fixture = CallFixture::new(
        |_| Script::accept().latency(ms(5)).reply_with(answer_each).unrecorded(),
        |calls| calls,
    );
    for _ in 0..10_000 {
        fixture.call("a").detach();
        fixture.run(10);
    }
    assert_eq!(fixture.outcomes.borrow().len(), 10_000);
    let sleeps = fixture.clock.sleeps().created;
    assert!(sleeps <= 14, "{sleeps} sleeps");
}

#[test]
fn calls_are_resolved_when_closed_is_reported() {
    let (clock, _remote, supervisor) = session(|_| Script::accept());
    let handle = supervisor.handle();
    let mut layer = Calls::new(supervisor, handle.clone(), clock.timer(), settings()).unwrap();
    let mut call = layer.caller().call("a".to_owned());
    assert!((&mut call).now_or_never().is_none());
    handle.close();
    Runner::new(&clock).run_until(async {
        while !matches!(layer.next().await, Some(CallEvent::Event(Event::Closed(_)))) {}
        assert!(call.now_or_never().expect("it is resolved").is_err());
    });
}

#[test]
fn sent_and_unsent_calls_end_with_the_session() {
    let mut fixture = CallFixture::new(|_| Script::accept(), |calls| calls);
    fixture.call("sent").detach();
    fixture.run(1_000);
    // The second call is made while the session is closing.
    fixture.handle.close();
    fixture.call("closing").detach();
    fixture.run(0);
    fixture.assert_events(&[(0, "open 1"), (1_000, "closed")]);
    fixture.assert_outcomes(&[
        (1_000, "sent session_ended written"),
        (1_000, "closing session_ended not_sent"),
    ]);
    fixture.call("late").detach();
    fixture.run(0);
    assert_eq!(fixture.outcomes.borrow()[2].1, "late session_ended not_sent");
}

#[test]
fn dropping_the_layer_resolves_all_calls() {
    let (clock, remote, supervisor) = session(|_| Script::accept().without_bytes_written());
    let handle = supervisor.handle();
    let (driver, inbox) = supervisor.into_driver(16).unwrap();
    let mut layer = Calls::new(inbox, handle, clock.timer(), settings()).unwrap();
    let caller = layer.caller();
    let mut runner = Runner::new(&clock);
    runner.spawn(driver).detach();
    runner.run_until(async {
        while !matches!(layer.next().await, Some(CallEvent::Event(Event::Open(_)))) {}
    });
    remote.last_peer().unwrap().write_quota(1);
    let (mut handed, mut queued, mut unseen) = (
        caller.call("handed".to_owned()),
        caller.call("queued".to_owned()),
        caller.call("unseen".to_owned()),
    );
    for call in [&mut handed, &mut queued] {
        runner.run_until(async {
            assert!(futures::poll!(call).is_pending());
            assert!(futures::poll!(layer.next()).is_pending());
        });
        // The driver hands the request over.
        runner.run_for(ms(1));
    }
    assert!((&mut unseen).now_or_never().is_none());
    drop(layer);
    let fates = [handed, queued, unseen].map(|call| {
        let error = call.now_or_never().expect("it is resolved").unwrap_err();
        assert_eq!(error.reason, CallFailure::SessionEnded);
        error.fate
    });
    assert_eq!(fates, [RequestFate::Unknown, RequestFate::NotSent, RequestFate::NotSent]);
}

#[test]
fn a_stream_that_ends_without_closed_resolves_all_calls() {
    let (clock, _remote, supervisor) = session(|_| Script::accept());
    let handle = supervisor.handle();
    let (driver, inbox) = supervisor.into_driver(16).unwrap();
    let mut layer = Calls::new(inbox, handle, clock.timer(), settings()).unwrap();
    let mut call = layer.caller().call("a".to_owned());
    assert!((&mut call).now_or_never().is_none());
    drop(driver);
    Runner::new(&clock).run_until(async {
        while layer.next().await.is_some() {}
        assert_eq!(call.await.unwrap_err().reason, CallFailure::SessionEnded);
    });
}

#[test]
fn invalid_settings_are_refused_by_name() {
    let refused = |calls: CallSettings<String, String>| {
        let (clock, _remote, supervisor) = session(|_| Script::accept());
        let handle = supervisor.handle();
        let layer = Calls::new(supervisor, handle, clock.timer(), calls);
        layer.map(drop).map_err(|error| error.setting())
    };
    assert_eq!(refused(settings().limit(0)), Err("call limit"));
    assert_eq!(refused(settings().max_id(0)), Err("call max id"));
    assert_eq!(refused(settings().timeout(Duration::ZERO)), Err("call timeout"));
    assert_eq!(refused(settings().timeout(Duration::MAX)), Ok(()));
}

/// The reason of the session's end, and the outcome of a call, with functions of which one panics.
fn panicking(calls: CallSettings<String, String>) -> (UserFunction, CallFailure, u64) {
    let (clock, _remote, supervisor) = session(|_| Script::accept().echo());
    let handle = supervisor.handle();
    let mut layer = Calls::new(supervisor, handle, clock.timer(), calls).unwrap();
    let (one, two) = (layer.caller().call("1".to_owned()), layer.caller().call("2".to_owned()));
    let calls = futures::future::join(one, two);
    let events = async {
        let mut last = None;
        while let Some(event) = layer.next().await {
            last = Some(event);
        }
        last
    };
    let ((one, two), last) = Runner::new(&clock).run_until(futures::future::join(calls, events));
    let Some(CallEvent::Event(Event::Closed(closed))) = last else { panic!("{last:?}") };
    let CloseReason::Panicked(panic) = &closed.reason else { panic!("{closed:?}") };
    let failure = two.unwrap_err().reason;
    assert_eq!(one.unwrap_err().reason, failure);
    (panic.function, failure, now(&clock))
}

#[test]
fn a_panic_of_a_function_ends_the_session_and_all_calls() {
    let answer = panicking(CallSettings::new(make_request, |_| panic!("a fault")));
    assert_eq!(answer, (UserFunction::Answer, CallFailure::SessionEnded, 0));
    let request = panicking(CallSettings::new(|_, _| panic!("a fault"), find_answer));
    assert_eq!(request, (UserFunction::Request, CallFailure::SessionEnded, 0));
    let second = CallSettings::new(
        |id, request: &String| {
            assert!(id < 2, "a fault");
            make_request(id, request)
        },
        find_answer,
    );
    assert_eq!(panicking(second), (UserFunction::Request, CallFailure::SessionEnded, 0));
}

/// The time is that of one search in the table for each call. A search through all calls for each of
/// them takes minutes.
#[test]
fn many_unsent_calls_end_without_a_search_through_all_of_them() {
    let (clock, _remote, supervisor) = session(|_| Script::hang());
    let handle = supervisor.handle();
    let settings = settings().limit(100_000);
    let mut layer = Calls::new(supervisor, handle, clock.timer(), settings).unwrap();
    let caller = layer.caller();
    let mut calls: Vec<_> = (0..100_000).map(|_| caller.call("x".to_owned())).collect();
    for call in &mut calls {
        assert!(call.now_or_never().is_none());
    }
    let kept = calls.split_off(50_000);
    // The last one first: a search from the front would pass all others.
    calls.into_iter().rev().for_each(drop);
    let mut runner = Runner::new(&clock);
    runner.spawn(async move { while layer.next().await.is_some() {} }).detach();
    runner.run_for(secs(31));
    for call in kept {
        let failed = call.now_or_never().unwrap().unwrap_err();
        assert_eq!((failed.reason, failed.fate), (CallFailure::Timeout, RequestFate::NotSent));
    }
}
