//! Answers and other messages, order, limits, and callers that are dropped.

use futures::{FutureExt, future};
use websocket_heartbeat::{
    Event, Message,
    acks::{Ack, AckSettings, Acknowledged},
    calls::{Answer, CallEvent, CallSettings, Calls},
};
use websocket_heartbeat_mock::{Runner, Script};

use super::fixture::{CallFixture, answer_each, session, settings};
use crate::harness::{ms, secs};

#[test]
fn answers_reach_their_calls_and_other_messages_pass_in_order() {
    let mut fixture = CallFixture::new(|_| Script::accept(), |calls| calls);
    for request in ["a", "b", "c"] {
        fixture.call(request).detach();
    }
    fixture.run(1_000);
    assert_eq!(fixture.received(1), ["1 a", "2 b", "3 c"]);
    let peer = fixture.remote.last_peer().unwrap();
    for message in ["news 1", "answer 3 c", "news 2", "answer 1 a", "answer x", "answer 2 b"] {
        peer.send(message);
    }
    fixture.run(1_000);
    fixture.assert_outcomes(&[(1_000, "c ok"), (1_000, "a ok"), (1_000, "b ok")]);
    fixture.assert_events(&[
        (0, "open 1"),
        (1_000, "news 1"),
        (1_000, "news 2"),
        (1_000, "answer x"),
    ]);
    assert_eq!(fixture.caller.waiting(), 0);
}

#[test]
fn calls_work_over_an_inbox() {
    let mut fixture = CallFixture::with_driver(
        1,
        |_| Script::accept().latency(ms(50)).reply_with(answer_each),
        |calls| calls,
    );
    for request in ["a", "b", "c"] {
        fixture.call(request).detach();
    }
    fixture.run(1_000);
    let outcomes: Vec<_> =
        fixture.outcomes.borrow().iter().map(|(_, words)| words.clone()).collect();
    assert_eq!(outcomes, ["a ok", "b ok", "c ok"]);
}

#[test]
fn calls_work_over_acknowledged_delivery() {
    let (clock, remote, supervisor) = session(|_| {
        Script::accept().reply_with(|message| match message.as_text()? {
            "note" => Some("ack note".into()),
            _ => answer_each(message),
        })
    });
    let handle = supervisor.handle();
    let acks = AckSettings::new(|message: &Message| {
        message.as_text()?.strip_prefix("ack ").map(|id| Ack::One(id.to_owned()))
    });
    let delivery = Acknowledged::new(supervisor, handle.clone(), clock.timer(), acks).unwrap();
    let sender = delivery.sender();
    let mut layer = Calls::new(delivery, handle, clock.timer(), settings()).unwrap();
    let caller = layer.caller();
    let mut runner = Runner::new(&clock);
    runner.spawn(async move { while layer.next().await.is_some() {} }).detach();
    runner.run_until(async move {
        let receipt = sender.queue("note".to_owned(), "note").await.unwrap();
        assert_eq!(caller.call("a".to_owned()).await, Ok("a".to_owned()));
        assert_eq!(receipt.await, Ok(()));
    });
    assert_eq!(remote.peers().len(), 1);
}

#[test]
fn an_answer_that_no_call_waits_for_is_an_item() {
    let mut fixture = CallFixture::new(|_| Script::accept(), |calls| calls.timeout(secs(5)));
    fixture.call("a").detach();
    fixture.run(1_000);
    let peer = fixture.remote.last_peer().unwrap();
    peer.send("answer 1 a");
    peer.send("answer 1 a");
    peer.send("answer 9 x");
    fixture.run(0);
    fixture.call("b").detach();
    fixture.run(6_000);
    peer.send("answer 2 b");
    fixture.call("c").detach();
    fixture.run(0);
    peer.send("answer 3 c");
    fixture.run(0);
    fixture.assert_events(&[
        (0, "open 1"),
        (1_000, "unclaimed 1 a"),
        (1_000, "unclaimed 9 x"),
        (7_000, "unclaimed 2 b"),
    ]);
    fixture.assert_outcomes(&[(1_000, "a ok"), (6_000, "b timeout written"), (7_000, "c ok")]);
}

#[test]
fn an_answer_before_its_request_was_handed_over_is_unclaimed() {
    for driven in [false, true] {
        let script = |_| Script::accept().without_bytes_written();
        let mut fixture = if driven {
            CallFixture::with_driver(8, script, |calls| calls)
        } else {
            CallFixture::new(script, |calls| calls)
        };
        fixture.run(0);
        let peer = fixture.remote.last_peer().unwrap();
        peer.write_quota(1);
        // The connection takes one message, so the request of the second call is in the outbox.
        fixture.call("handed").detach();
        fixture.run(0);
        fixture.call("queued").detach();
        fixture.run(0);
        peer.send("answer 2 queued");
        peer.send("answer 1 handed");
        fixture.run(0);
        fixture.assert_outcomes(&[(0, "handed ok")]);
        fixture.assert_events(&[(0, "open 1"), (0, "unclaimed 2 queued")]);
        peer.resume_writes();
        fixture.run(1_000);
        peer.send("answer 2 queued");
        fixture.run(0);
        fixture.assert_outcomes(&[(0, "handed ok"), (1_000, "queued ok")]);
        assert_eq!(fixture.received(1), ["1 handed", "2 queued"]);
    }
}

#[test]
fn an_answer_is_accepted_although_its_connection_was_lost_before_a_flush() {
    let script = |dial| match dial {
        1 => Script::accept().without_bytes_written(),
        _ => Script::hang(),
    };
    let mut fixture = CallFixture::with_driver(8, script, |calls| calls);
    fixture.run(0);
    let peer = fixture.remote.last_peer().unwrap();
    peer.write_quota(1);
    fixture.call("a").detach();
    fixture.run(0);
    // The driver puts the answer and the loss into the inbox in one poll.
    peer.send("answer 1 a");
    peer.end();
    fixture.run(1_000);
    fixture.assert_outcomes(&[(0, "a ok")]);
}

#[test]
fn a_dropped_call_frees_its_place_and_its_answer_is_unclaimed() {
    let mut fixture = CallFixture::new(|_| Script::accept(), |calls| calls.limit(1));
    let task = fixture.call("a");
    fixture.run(1_000);
    assert_eq!(fixture.caller.waiting(), 1);
    let refused = fixture.caller.call("b".to_owned()).now_or_never().unwrap().unwrap_err();
    assert_eq!(refused.request, "b");
    assert_eq!(
        refused.to_string(),
        "too many calls are waiting for an answer; the request was not sent"
    );
    task.cancel();
    assert_eq!(fixture.caller.waiting(), 0);
    fixture.call("c").detach();
    fixture.run(0);
    let peer = fixture.remote.last_peer().unwrap();
    peer.send("answer 1 a");
    peer.send("answer 2 c");
    fixture.run(0);
    fixture.assert_events(&[(0, "open 1"), (1_000, "unclaimed 1 a")]);
    fixture.assert_outcomes(&[(1_000, "c ok")]);
}

#[test]
fn a_call_that_is_dropped_before_it_is_sent_is_not_sent() {
    let mut fixture = CallFixture::new(
        |dial| match dial {
            1 => Script::refuse_connection(),
            _ => Script::accept().without_bytes_written(),
        },
        |calls| calls,
    );
    let offline = fixture.call("offline");
    fixture.run(500);
    offline.cancel();
    fixture.run(1_000);
    let peer = fixture.remote.last_peer().unwrap();
    peer.stall_writes();
    // The first message is with the connection, so the second one is in the outbox.
    fixture.call("first").detach();
    fixture.run(0);
    let second = fixture.call("second");
    fixture.run(0);
    let queued = fixture.handle.status().queued_messages;
    second.cancel();
    fixture.call("third").detach();
    fixture.run(0);
    assert_eq!(fixture.handle.status().queued_messages, queued, "one has replaced the other");
    peer.resume_writes();
    fixture.run(1_000);
    assert_eq!(fixture.received(1), ["2 first", "4 third"]);
}

#[test]
fn calls_begin_at_their_first_poll() {
    let mut fixture = CallFixture::new(|_| Script::accept().reply_with(answer_each), |calls| calls);
    let (first, second) =
        (fixture.caller.call("first".to_owned()), fixture.caller.call("second".to_owned()));
    fixture.run(1_000);
    assert_eq!(fixture.caller.waiting(), 0);
    let both = fixture.runner.run_until(future::join(second, first));
    assert_eq!(both, (Ok("second".to_owned()), Ok("first".to_owned())));
    assert_eq!(fixture.received(1), ["1 second", "2 first"]);
}

#[test]
fn a_binary_protocol_with_small_ids_reuses_free_ids() {
    let (clock, _remote, supervisor) = session(|_| Script::accept().latency(ms(1)).echo());
    let handle = supervisor.handle();
    let settings = CallSettings::new(
        |id, request: &u32| [&[id as u8][..], &request.to_be_bytes()].concat().into(),
        |message| {
            let (id, result) = message.as_bytes().split_first()?;
            Some(Answer::new((*id).into(), u32::from_be_bytes(result.try_into().ok()?)))
        },
    );
    let settings = settings.max_id(3);
    let mut layer = Calls::new(supervisor, handle.clone(), clock.timer(), settings).unwrap();
    let caller = layer.caller();
    let mut runner = Runner::new(&clock);
    let events = runner.spawn(async move {
        let mut messages = 0;
        while let Some(event) = layer.next().await {
            messages += u32::from(!matches!(
                event,
                CallEvent::Event(Event::Open(_) | Event::Connecting(_) | Event::Closed(_))
            ));
        }
        messages
    });
    runner.run_until(async {
        for round in 0..100 {
            let calls = (0..3).map(|call| caller.call(round * 3 + call));
            let results = future::join_all(calls).await;
            let expected: Vec<_> = (0..3).map(|call| Ok(round * 3 + call)).collect();
            assert_eq!(results, expected);
        }
    });
    handle.close();
    runner.run_for(secs(10));
    let mut events = events;
    assert_eq!(events.take_output(), Some(0), "all answers were taken");
}

#[test]
fn debug_and_display_show_no_request_and_no_result() {
    let mut fixture = CallFixture::new(|_| Script::accept(), |calls| calls.timeout(secs(1)));
    let call = fixture.caller.call("secret".to_owned());
    let caller = format!("{:?}", fixture.caller);
    let shown = format!("{call:?}");
    let error = fixture.runner.run_until(call).unwrap_err();
    let answer: CallEvent<_> = CallEvent::Unclaimed(Answer::new(7, "secret"));
    let all = format!("{caller} {shown} {error} {error:?} {answer:?} {:?}", settings());
    assert!(!all.contains("secret"), "{all}");
    assert!(all.contains("the answer did not come in time; the request was written"), "{all}");
    let passed: Result<Message, _> = CallEvent::<()>::Event(Event::Message("x".into())).try_into();
    assert_eq!(passed.unwrap(), Message::from("x"));
    let other: Result<Message, CallEvent<_>> = answer.try_into();
    assert!(matches!(other, Err(CallEvent::Unclaimed(Answer { id: 7, .. }))));
}
