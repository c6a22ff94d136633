//! Lost connections: the fates of requests, and calls that are sent again.

use websocket_heartbeat_mock::Script;

use super::fixture::{CallFixture, answer_each};
use crate::harness::{ms, secs};

/// A first connection that ends after some time without answers, and then others that answer.
fn lost_once(after: u64) -> impl FnMut(u64) -> Script + Send + 'static {
    move |dial| match dial {
        1 => Script::accept().end_after(ms(after)),
        _ => Script::accept().reply_with(answer_each),
    }
}

#[test]
fn a_written_request_fails_with_its_connection() {
    let mut fixture = CallFixture::new(lost_once(1_000), |calls| calls);
    fixture.call("a").detach();
    fixture.run(5_000);
    fixture.assert_outcomes(&[(1_000, "a lost written")]);
    fixture.assert_events(&[(0, "open 1"), (1_000, "lost 1"), (2_000, "open 2")]);
    assert!(fixture.received(2).is_empty());
}

#[test]
fn an_idempotent_call_is_sent_again_in_order_and_first() {
    let mut fixture = CallFixture::new(lost_once(1_000), |calls| calls);
    fixture.call_idempotent("a").detach();
    fixture.call("b").detach();
    fixture.call_idempotent("c").detach();
    fixture.run(1_500);
    fixture.call("d").detach();
    fixture.run(5_000);
    assert_eq!(fixture.received(1), ["1 a", "2 b", "3 c"]);
    assert_eq!(fixture.received(2), ["1 a", "3 c", "4 d"]);
    fixture.assert_outcomes(&[
        (1_000, "b lost written"),
        (2_000, "a ok"),
        (2_000, "c ok"),
        (2_000, "d ok"),
    ]);
}

#[test]
fn a_request_without_a_flush_is_unknown_and_a_queued_one_is_kept() {
    let mut fixture = CallFixture::new(
        |dial| match dial {
            1 => Script::accept().without_bytes_written(),
            _ => Script::accept().reply_with(answer_each),
        },
        |calls| calls,
    );
    fixture.run(0);
    let peer = fixture.remote.last_peer().unwrap();
    peer.write_quota(1);
    fixture.call("handed").detach();
    fixture.run(0);
    fixture.call("queued").detach();
    fixture.run(100);
    fixture.handle.reconnect_now();
    fixture.run(5_000);
    let outcomes: Vec<_> =
        fixture.outcomes.borrow().iter().map(|(_, words)| words.clone()).collect();
    assert_eq!(outcomes, ["handed lost unknown", "queued ok"]);
    assert_eq!(fixture.received(2), ["2 queued"]);
}

#[test]
fn a_call_waits_for_a_connection_within_its_timeout() {
    let mut fixture = CallFixture::new(
        |dial| match dial {
            1..=5 => Script::refuse_connection(),
            _ => Script::accept().reply_with(answer_each),
        },
        |calls| calls.timeout(secs(60)),
    );
    fixture.call("patient").detach();
    fixture.call_with("hasty", |call| call.timeout(secs(3))).detach();
    fixture.run(10_000);
    fixture.assert_outcomes(&[(3_000, "hasty timeout not_sent"), (5_000, "patient ok")]);
    assert_eq!(fixture.received(1), ["1 patient"]);
}

#[test]
fn an_idempotent_call_that_ends_connections_ends_by_its_timeout() {
    let mut fixture =
        CallFixture::new(|_| Script::accept().end_after(secs(1)), |calls| calls.timeout(secs(20)));
    fixture.call_idempotent("poison").detach();
    fixture.run(60_000);
    fixture.assert_outcomes(&[(20_000, "poison timeout written")]);
    assert_eq!(fixture.received(10), ["1 poison"]);
    assert!(fixture.received(12).is_empty(), "it is not sent after its timeout");
}

#[test]
fn the_answer_to_an_earlier_sending_is_accepted_before_it_is_sent_again() {
    let mut fixture = CallFixture::with_driver(
        16,
        |dial| match dial {
            1 => Script::accept().end_after(secs(1)),
            _ => Script::accept().greet("answer 1 a"),
        },
        |calls| calls,
    );
    fixture.call_idempotent("a").detach();
    fixture.run(3_000);
    fixture.assert_outcomes(&[(2_000, "a ok")]);
    fixture.assert_events(&[(0, "open 1"), (1_000, "lost 1"), (2_000, "open 2")]);
    assert_eq!(fixture.caller.waiting(), 0);
}
