//! Faults of the original, and the behaviour of this crate instead.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use websocket_heartbeat::{
    Attempt, Attempts, CloseReason, ErrorKind, Established, Event, LostCause, Preset, Supervisor,
    Transport, TransportError,
};
use websocket_heartbeat_mock::{
    Clock, MockConnect, MockConnection, MockTransport, Peer, Script, mock,
};

use crate::harness::{Session, ms, secs};

/// A transport that panics at some dials, at the call or in the first poll.
struct Throwing {
    inner: MockTransport,
    at: fn(u64) -> Throw,
}

#[derive(Clone, Copy, PartialEq)]
enum Throw {
    AtOnce,
    Later,
    Never,
}

struct ThrowingConnect {
    inner: MockConnect,
    throw: Throw,
}

impl Transport for Throwing {
    type Connection = MockConnection;
    type Connect = ThrowingConnect;

    fn connect(&mut self, attempt: Attempt) -> ThrowingConnect {
        let throw = (self.at)(attempt.connection);
        assert!(throw != Throw::AtOnce, "too many sockets");
        ThrowingConnect { inner: self.inner.connect(attempt), throw }
    }
}

impl Future for ThrowingConnect {
    type Output = Result<Established<MockConnection>, TransportError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        assert!(self.throw != Throw::Later, "rejected");
        Pin::new(&mut self.inner).poll(cx)
    }
}

fn throwing(at: fn(u64) -> Throw) -> Session {
    let clock = Clock::new();
    let (inner, remote) = mock(&clock);
    remote.script(|_| Script::accept());
    let supervisor =
        Supervisor::builder(Throwing { inner, at }, clock.timer()).preset(Preset::Original).build();
    Session::over(&clock, remote, supervisor.expect("the settings are valid"))
}

fn old_peer(session: &Session) -> Peer {
    session.remote.peers()[0].clone()
}

#[test]
fn a_first_attempt_that_panics_is_a_failed_attempt() {
    let throws: [fn(u64) -> Throw; 2] = [
        |dial| if dial == 1 { Throw::AtOnce } else { Throw::Never },
        |dial| if dial == 1 { Throw::Later } else { Throw::Never },
    ];
    for at in throws {
        let mut session = throwing(at);
        session.run_to(3_000);
        session.assert_events(&[
            (0, "connecting 1 attempt 0"),
            (0, "lost 1 connect"),
            (0, "retry 1 in 2s"),
            (2_000, "connecting 2 attempt 1"),
            (2_000, "open 2"),
        ]);
        let reported = session.timed_events();
        let Event::Lost(lost) = &reported[1].1 else { panic!("{reported:?}") };
        let kind = lost.cause.transport_error().map(TransportError::kind);
        assert_eq!(kind, Some(ErrorKind::Panicked));
    }
}

#[test]
fn a_reconnect_that_panics_is_retried() {
    let mut session = throwing(|dial| if dial == 2 { Throw::Later } else { Throw::Never });
    session.run_to(1_000);
    session.peer().end();
    session.run_to(6_000);
    assert_eq!(session.times("lost 2 connect"), [3_000]);
    assert_eq!(session.times("open 3"), [5_000]);
}

#[test]
fn a_hanging_attempt_is_given_up_after_10_s() {
    let mut session = Session::original(|dial| match dial {
        1 => Script::hang(),
        2 => Script::accept().after(ms(9_999)),
        _ => panic!("the second attempt is in time"),
    });
    session.run_to(30_000);
    session.assert_events(&[
        (0, "connecting 1 attempt 0"),
        (10_000, "lost 1 connect_timeout"),
        (10_000, "retry 1 in 2s"),
        (12_000, "connecting 2 attempt 1"),
        (21_999, "open 2"),
    ]);
    assert_eq!(session.remote.trace().times("#1 abandoned"), [10_000]);
}

#[test]
fn an_old_connection_is_gone_before_the_new_one_opens() {
    let mut session = Session::original(|dial| match dial {
        1 => Script::accept().silent(),
        _ => Script::accept().echo(),
    });
    session.run_to(27_000);
    let old = old_peer(&session);
    let before = session.timed_words();
    old.send("late");
    old.close(1000, "late");
    session.run_to(28_000);
    assert_eq!((old.alive(), old.ignored()), (false, 2));
    assert_eq!(session.timed_words(), before);
    assert_eq!(session.remote.most_at_once(), 1);
}

#[test]
fn a_failure_is_reported_once_and_before_its_retry() {
    let reset = || TransportError::new(ErrorKind::Reset, "error, and then close");
    let mut session = Session::original(move |dial| match dial {
        1 => Script::accept().fail_after(secs(1), reset()).close_after(secs(1), 1006, ""),
        _ => Script::accept(),
    });
    session.run_to(10_000);
    session.assert_events(&[
        (0, "connecting 1 attempt 0"),
        (0, "open 1"),
        (1_000, "lost 1 broken"),
        (1_000, "retry 1 in 2s"),
        (3_000, "connecting 2 attempt 1"),
        (3_000, "open 2"),
    ]);
}

#[test]
fn a_reconnect_does_not_wait_for_a_close_that_never_comes() {
    // The link is cut, so that no close handshake can finish.
    let mut session = Session::original(|dial| match dial {
        1..=3 => Script::accept().half_open_after(ms(0)).ignore_close(),
        _ => Script::accept().echo(),
    });
    session.run_to(90_000);
    assert_eq!(session.times("lost"), [25_000, 52_000, 79_000]);
    assert_eq!(session.dials(), [0, 27_000, 54_000, 81_000]);
    assert_eq!(session.remote.live(), 1);
}

#[test]
fn a_message_on_an_old_connection_is_no_proof_of_life() {
    let mut session = Session::original(|_| Script::accept().silent());
    session.run_to(27_000);
    let old = old_peer(&session);
    for second in 28..52 {
        session.run_to(second * 1_000);
        old.send("I am still here");
    }
    session.run_to(52_000);
    assert_eq!(session.times("lost 2 heartbeat_timeout"), [52_000]);
    assert!(session.messages().is_empty());
}

#[test]
fn a_loss_ends_the_timers_of_its_connection() {
    // The connection ends at 12 s. The next one is dialled at 14 s and opens at 18 s.
    let mut session = Session::original(|dial| match dial {
        1 => Script::accept().silent().end_after(secs(12)),
        _ => Script::accept().silent().after(secs(4)),
    });
    session.run_to(45_000);
    assert_eq!(session.remote.trace().times("-> text \"heartbeat\""), [33_000]);
    assert_eq!(session.times("open"), [0, 18_000]);
    assert_eq!(session.times("lost"), [12_000, 43_000]);
}

#[test]
fn a_heartbeat_that_cannot_be_sent_loses_the_connection() {
    let mut session = Session::original(|_| Script::accept().silent());
    session.run_to(1_000);
    session.peer().fail_writes(TransportError::new(ErrorKind::Reset, "broken pipe"));
    session.run_to(18_000);
    assert_eq!(session.times("lost 1 broken"), [15_000]);
    assert_eq!(session.times("open 2"), [17_000]);
}

#[test]
fn retry_and_open_report_attempt_cause_delay_and_outage() {
    let mut session = Session::original(|dial| match dial {
        1 => Script::accept().end_after(secs(1)),
        2 => Script::refuse_http(503, []),
        _ => Script::accept(),
    });
    session.run_to(10_000);
    let reported = session.timed_events();
    let retries: Vec<_> = reported
        .iter()
        .filter_map(|(at, event)| match event {
            Event::Retry(retry) => Some((*at, retry.attempt, retry.delay, retry.cause.name())),
            _ => None,
        })
        .collect();
    assert_eq!(retries, [(1_000, 1, secs(2), "broken"), (3_000, 2, secs(2), "connect")]);
    let Some((5_000, Event::Open(open))) = reported.last() else { panic!("{reported:?}") };
    assert_eq!((open.outage, open.attempt), (Some(secs(4)), 2));
}

#[test]
fn a_late_close_of_an_old_connection_has_no_effect() {
    let mut session = Session::original(|dial| match dial {
        1 => Script::accept().silent(),
        _ => Script::accept().echo().after(secs(1)),
    });
    // The close comes during the dial of the replacement, just before it opens, and after it has
    // opened.
    for moment in [27_000, 27_999, 28_000, 30_000] {
        session.run_to(moment);
        old_peer(&session).close(1000, "late");
        old_peer(&session).end();
    }
    session.run_to(60_000);
    assert_eq!(session.dials(), [0, 27_000]);
    assert_eq!((session.remote.live(), session.remote.most_at_once()), (1, 1));
    let heartbeats = session.messages();
    assert_eq!(heartbeats.len(), 2, "each answer is delivered once: {heartbeats:?}");
}

#[test]
fn a_limit_of_0_means_never_and_unlimited_has_a_name() {
    let mut session =
        Session::new(|_| Script::flap(secs(1)), |builder| builder.attempts(Attempts::at_most(0)));
    session.run_to(60_000);
    assert_eq!(session.dials(), [0]);
    assert_eq!(session.last(), (1_000, "closed attempts_exhausted".to_owned()));
    assert_eq!(Attempts::at_most(0), Attempts::Never);
    assert_eq!(Attempts::default(), Attempts::Unlimited);
}

#[test]
fn reaching_the_limit_is_reported_with_its_cause() {
    let mut session = Session::new(
        |_| Script::refuse_http(503, []),
        |builder| builder.attempts(Attempts::at_most(1)),
    );
    session.run_to(10_000);
    let reported = session.timed_events();
    let Some((2_000, Event::Closed(closed))) = reported.last() else { panic!("{reported:?}") };
    let CloseReason::AttemptsExhausted(LostCause::Connect(error)) = &closed.reason else {
        panic!("{closed:?}")
    };
    assert_eq!(error.http_status(), Some(503));
}

#[test]
fn a_close_during_the_wait_prevents_the_next_dial() {
    for moment in [0, 1, 1_999] {
        let mut session = Session::original(|_| Script::refuse_connection());
        session.run_to(moment);
        session.handle.close();
        session.run_to(60_000);
        assert_eq!(session.dials(), [0], "closed at {moment}");
        assert_eq!(session.last(), (moment, "closed user".to_owned()));
        assert_eq!(session.clock.next_instant(), None, "nothing is scheduled");
    }
}

#[test]
fn a_new_connection_can_be_requested() {
    let mut session = Session::original(|_| Script::accept());
    session.run_to(10_000);
    session.handle.reconnect_now();
    session.run_to(20_000);
    assert_eq!(session.dials(), [0, 10_000]);
    assert_eq!(session.times("lost 1 replaced"), [10_000]);
    assert_eq!(session.remote.most_at_once(), 1);
}

#[test]
fn close_may_be_called_at_any_time_and_repeatedly() {
    let mut session = Session::original(|_| Script::accept());
    session.handle.close();
    session.handle.close();
    session.run_to(1_000);
    session.assert_events(&[(0, "closed user")]);
    assert_eq!(session.dials(), []);
    session.handle.close();
    session.handle.abort();
    session.handle.reconnect_now();
    session.run_to(60_000);
    assert_eq!(session.timed_words().len(), 1);
}

#[test]
fn repeated_panics_of_attempts_lock_nothing() {
    let mut session = throwing(|dial| match dial {
        1 | 12.. => Throw::Never,
        dial if dial % 2 == 0 => Throw::AtOnce,
        _ => Throw::Later,
    });
    session.run_to(1_000);
    session.peer().end();
    session.run_to(30_000);
    assert_eq!(session.times("open"), [0, 23_000]);
    assert_eq!(session.times("connecting").len(), 12);
}

#[test]
fn a_refused_url_is_reported_and_leaves_no_attempt() {
    let refused = || Script::refuse(TransportError::new(ErrorKind::Url, "no such scheme"));
    let mut session = Session::original(move |_| refused());
    session.run_to(5_000);
    assert_eq!(session.times("lost"), [0, 2_000, 4_000]);
    session.handle.close();
    session.run_to(60_000);
    assert_eq!(session.dials(), [0, 2_000, 4_000]);

    // The careful verdict allows no second attempt.
    let mut session = Session::new(move |_| refused(), |builder| builder.preset(Preset::Resilient));
    session.run_to(60_000);
    assert_eq!(session.dials(), [0]);
    assert_eq!(session.last(), (0, "closed stopped".to_owned()));
}
