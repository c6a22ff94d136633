//! The verdict on each kind of loss.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use websocket_heartbeat::{
    Attempt, CloseFrame, CloseReason, Constant, ErrorKind, Event, Failure, Headers, HttpAnswer,
    LostCause, Preset, Supervisor, TransportError, Verdict, transport_fn,
};
use websocket_heartbeat_mock::{Clock, Script, mock};

use crate::harness::{Session, secs};

/// A server's answer to the dial with this number.
type Answer = fn(u64) -> Script;

const HOUR: Duration = Duration::from_secs(3_600);
const FLOOR: Duration = Duration::from_secs(5);

fn refused(status: u16, retry_after: Option<Duration>) -> LostCause {
    let answer = HttpAnswer::new(status, Headers::new(), b"");
    LostCause::Connect(TransportError::http(answer, retry_after))
}

fn closed(code: u16) -> LostCause {
    LostCause::ClosedByPeer(Some(CloseFrame::new(code, "")))
}

const KINDS: [ErrorKind; 18] = [
    ErrorKind::Url,
    ErrorKind::Dns,
    ErrorKind::Refused,
    ErrorKind::Unreachable,
    ErrorKind::Tls,
    ErrorKind::Certificate,
    ErrorKind::CertificateTime,
    ErrorKind::Http,
    ErrorKind::Proxy,
    ErrorKind::ProxyAuth,
    ErrorKind::Protocol,
    ErrorKind::TooLarge,
    ErrorKind::Reset,
    ErrorKind::Ended,
    ErrorKind::Timeout,
    ErrorKind::Handshake,
    ErrorKind::Provider,
    ErrorKind::Other,
];

/// Each kind of loss, and whether the attempt had fresh credentials already.
fn rows() -> Vec<(LostCause, bool, Verdict)> {
    use Verdict::{RefreshThenRetry, Retry, RetryAfter, Stop};
    let mut rows = Vec::new();
    for (status, verdict) in [
        (200, Retry),
        (302, Retry),
        (400, Retry),
        (401, RefreshThenRetry),
        (403, Retry),
        (404, Retry),
        (407, Retry),
        (408, Retry),
        (410, Stop),
        (426, Retry),
        (429, Retry),
        (500, Retry),
        (502, Retry),
        (503, Retry),
        (504, Retry),
    ] {
        rows.push((refused(status, None), false, verdict));
        let fresh = if verdict == RefreshThenRetry { Stop } else { verdict };
        rows.push((refused(status, None), true, fresh));
        // A `Retry-After` does not change the verdict on wrong credentials or on "gone".
        if verdict != Retry {
            rows.push((refused(status, Some(secs(30))), false, verdict));
            rows.push((refused(status, Some(secs(30))), true, fresh));
            continue;
        }
        for (wish, believed) in [
            (Duration::ZERO, Duration::ZERO),
            (secs(30), secs(30)),
            (HOUR, HOUR),
            (HOUR * 24, HOUR),
        ] {
            for fresh in [false, true] {
                rows.push((refused(status, Some(wish)), fresh, RetryAfter(believed)));
            }
        }
        rows.push((refused(status, Some(Duration::MAX)), false, RetryAfter(HOUR)));
    }
    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1014, 3000, 4401, 4999] {
        rows.push((closed(code), false, Retry));
    }
    rows.push((closed(1012), false, RetryAfter(FLOOR)));
    rows.push((closed(1013), false, RetryAfter(FLOOR)));
    rows.push((LostCause::ClosedByPeer(None), false, Retry));
    for kind in KINDS {
        // The kind decides, and not the text, which may contain anything.
        let error = TransportError::new(kind, "certificate 401 410 of wss://certificate.example");
        let verdict = match kind {
            ErrorKind::Url | ErrorKind::Certificate => Stop,
            ErrorKind::CertificateTime => RetryAfter(secs(60)),
            ErrorKind::ProxyAuth => RefreshThenRetry,
            _ => Retry,
        };
        if kind == ErrorKind::ProxyAuth {
            rows.push((LostCause::Connect(error.clone()), true, Stop));
        }
        rows.push((LostCause::Connect(error.clone()), false, verdict));
        rows.push((LostCause::Broken(error), false, verdict));
    }
    for cause in [
        LostCause::ConnectTimeout(secs(10)),
        LostCause::HeartbeatTimeout(secs(25)),
        LostCause::WriteStalled(secs(25)),
        LostCause::Replaced,
        LostCause::MaxAge,
        LostCause::Paused,
    ] {
        rows.push((cause, false, Retry));
    }
    rows
}

#[test]
fn each_row_of_the_careful_table_holds() {
    for (cause, refreshed, expected) in rows() {
        for opened in [false, true] {
            for attempt in [0, 1, u32::MAX] {
                let mut failure = Failure::new(opened, attempt, &cause);
                failure.refreshed = refreshed;
                let words = format!("{cause:?}, refreshed {refreshed}");
                assert_eq!(Verdict::careful(&failure), expected, "{words}");
                assert_eq!(Verdict::always_retry(&failure), Verdict::Retry, "{words}");
            }
        }
    }
}

/// A session whose first dial has this answer, over a transport that records its attempts.
fn session(preset: Preset, script: Answer) -> (Session, Arc<Mutex<Vec<Attempt>>>) {
    let clock = Clock::new();
    let (mut inner, remote) = mock(&clock);
    remote.script(script);
    let attempts: Arc<Mutex<Vec<Attempt>>> = Arc::default();
    let noted = Arc::clone(&attempts);
    let transport = transport_fn(move |attempt: Attempt| {
        noted.lock().unwrap().push(attempt.clone());
        websocket_heartbeat::Transport::connect(&mut inner, attempt)
    });
    let builder = Supervisor::builder(transport, clock.timer()).preset(preset);
    let supervisor = builder.backoff(Constant::new(secs(2))).build().unwrap();
    (Session::over(&clock, remote, supervisor), attempts)
}

#[test]
fn retry_uses_the_delay_and_wait_is_added_to_it() {
    let scripts: [(Answer, u64); 6] = [
        (|_| Script::refuse_http(403, []), 2_000),
        (|_| Script::refuse_http(429, [("retry-after", "30")]), 32_000),
        (|_| Script::refuse_http(302, [("retry-after", "0")]), 2_000),
        (|_| Script::refuse_http(503, [("retry-after", "31536000")]), 3_602_000),
        (|_| Script::accept().close_after(secs(0), 1012, ""), 7_000),
        (|_| Script::accept().close_after(secs(0), 1008, ""), 2_000),
    ];
    for (row, (script, gap)) in scripts.into_iter().enumerate() {
        let (mut session, attempts) = session(Preset::Resilient, script);
        session.run_to(gap * 2);
        assert_eq!(session.dials(), [0, gap, gap * 2], "row {row}");
        assert!(attempts.lock().unwrap().iter().all(|attempt| !attempt.refresh), "row {row}");
    }
}

#[test]
fn a_401_asks_for_fresh_credentials_once_and_then_stops() {
    let (mut session, attempts) = session(Preset::Resilient, |_| Script::refuse_http(401, []));
    session.run_to(60_000);
    let refresh: Vec<_> = attempts.lock().unwrap().iter().map(|a| a.refresh).collect();
    assert_eq!(refresh, [false, true]);
    assert_eq!(session.last(), (2_000, "closed stopped".to_owned()));
}

#[test]
fn a_401_after_a_working_connection_counts_as_the_first() {
    let (mut session, attempts) = session(Preset::Resilient, |dial| match dial {
        1 | 3 => Script::refuse_http(401, []),
        2 => Script::flap(secs(10)),
        _ => Script::accept(),
    });
    session.run_to(60_000);
    let refresh: Vec<_> = attempts.lock().unwrap().iter().map(|a| a.refresh).collect();
    assert_eq!(refresh, [false, true, false, true]);
    assert_eq!(session.last().1, "open 4");
}

#[test]
fn a_stop_ends_the_session_with_its_cause() {
    let scripts: [(Answer, ErrorKind); 3] = [
        (
            |_| Script::refuse(TransportError::new(ErrorKind::Certificate, "")),
            ErrorKind::Certificate,
        ),
        (|_| Script::refuse(TransportError::new(ErrorKind::Url, "")), ErrorKind::Url),
        (|_| Script::refuse_http(410, []), ErrorKind::Http),
    ];
    for (script, kind) in scripts {
        let (mut session, _) = session(Preset::Resilient, script);
        session.run_to(3_600_000);
        assert_eq!(session.dials(), [0], "{kind}");
        let reported = session.timed_events();
        let (Event::Lost(lost), Event::Closed(closed)) = (&reported[1].1, &reported[2].1) else {
            panic!("{reported:?}")
        };
        assert_eq!(closed.reason, CloseReason::Stopped(lost.cause.clone()));
        assert_eq!(lost.cause.transport_error().map(TransportError::kind), Some(kind));
        assert_eq!(reported.len(), 3);
    }
}

#[test]
fn the_original_preset_reconnects_after_every_loss() {
    let scripts: [Answer; 9] = [
        |_| Script::refuse_http(401, []),
        |_| Script::refuse_http(410, []),
        |_| Script::refuse_http(503, [("retry-after", "30")]),
        |_| Script::refuse(TransportError::new(ErrorKind::Certificate, "")),
        |_| Script::refuse(TransportError::new(ErrorKind::Url, "")),
        |_| Script::accept().close_after(secs(0), 1000, "bye"),
        |_| Script::accept().close_after(secs(0), 1013, "busy"),
        |_| Script::accept().close_after(secs(0), 4401, "who are you?"),
        |_| Script::flap(secs(0)),
    ];
    for (row, script) in scripts.into_iter().enumerate() {
        let (mut session, attempts) = session(Preset::Original, script);
        session.run_to(6_000);
        assert_eq!(session.dials(), [0, 2_000, 4_000, 6_000], "row {row}");
        assert!(attempts.lock().unwrap().iter().all(|attempt| !attempt.refresh), "row {row}");
        assert_eq!(session.times("closed"), [], "row {row}");
    }
}

fn too_large() -> TransportError {
    TransportError::new(ErrorKind::TooLarge, "a message of 9 bytes exceeds the 8 of a setting")
}

#[test]
fn a_too_large_message_stops_at_the_third_connection() {
    let (mut session, _) =
        session(Preset::Resilient, |_| Script::accept().fail_after(secs(60), too_large()));
    session.run_to(3_600_000);
    assert_eq!(session.dials(), [0, 62_000, 124_000]);
    let (at, Event::Closed(closed)) = session.timed_events().pop().unwrap() else { panic!() };
    let cause = LostCause::Broken(too_large());
    assert_eq!((at, &closed.reason), (184_000, &CloseReason::Stopped(cause)));
    // The message of the end names the setting and its limit.
    assert!(closed.reason.to_string().contains("exceeds the 8 of a setting"), "{}", closed.reason);
}

fn no_http() -> TransportError {
    TransportError::new(ErrorKind::Protocol, "this port speaks SSH, not HTTP")
}

#[test]
fn an_invalid_answer_stops_at_the_third_attempt() {
    let (mut session, _) = session(Preset::Resilient, |_| Script::refuse(no_http()));
    session.run_to(3_600_000);
    assert_eq!(session.dials().len(), 3);
    let (_, Event::Closed(closed)) = session.timed_events().pop().unwrap() else { panic!() };
    assert_eq!(closed.reason, CloseReason::Stopped(LostCause::Connect(no_http())));
    // An attempt with another failure comes between them.
    let (mut session, _) = self::session(Preset::Resilient, |dial| match dial % 3 {
        0 => Script::refuse_connection(),
        _ => Script::refuse(no_http()),
    });
    session.run_to(600_000);
    assert!(session.dials().len() > 10 && session.times("closed").is_empty());
}

#[test]
fn invalid_answers_after_an_open_connection_never_stop() {
    let (mut session, _) = session(Preset::Resilient, |dial| match dial {
        2 => Script::accept().end_after(secs(1)),
        _ => Script::refuse(no_http()),
    });
    session.run_to(3_600_000);
    assert!(session.dials().len() > 10 && session.times("closed").is_empty());
}

#[test]
fn only_too_large_messages_are_counted_together() {
    // The answers to the first upgrades are too large, and then messages are too large.
    let (mut session, _) = session(Preset::Resilient, |dial| match dial {
        1..=4 => Script::refuse(too_large()),
        _ => Script::accept().fail_after(secs(1), too_large()),
    });
    session.run_to(3_600_000);
    assert_eq!(session.dials().len(), 7);
    // Another loss comes between them.
    let (mut session, _) = self::session(Preset::Resilient, |dial| match dial % 3 {
        0 => Script::accept().end_after(secs(1)),
        _ => Script::accept().fail_after(secs(1), too_large()),
    });
    session.run_to(600_000);
    assert!(session.dials().len() > 100 && session.times("closed").is_empty());
}
