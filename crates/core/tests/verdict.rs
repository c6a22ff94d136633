//! The rows of [`Verdict::careful`]'s table, each (P9, P10).

use std::time::Duration;

use websocket_heartbeat::{
    CloseFrame, ErrorKind, Failure, Headers, HttpAnswer, LostCause, TransportError, Verdict,
};

const DAY: Duration = Duration::from_secs(24 * 3_600);

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn refused(status: u16, retry_after: Option<Duration>) -> LostCause {
    let answer = HttpAnswer::new(status, Headers::new(), b"");
    LostCause::Connect(TransportError::http(answer, retry_after))
}

fn careful(cause: &LostCause) -> Verdict {
    Verdict::careful(&Failure::new(false, 0, cause))
}

#[test]
fn p09_statuses_of_refused_upgrades() {
    let redirects = [300, 301, 302, 303, 307, 308];
    let transient = [400, 402, 403, 404, 405, 407, 408, 421, 425, 426, 429, 451];
    let outages = [500, 501, 502, 503, 504, 511, 520, 522, 599];
    // A server that does not know WebSocket.
    let answers = [200, 204];
    for status in [&redirects[..], &transient[..], &outages[..], &answers[..]].concat() {
        assert_eq!(careful(&refused(status, None)), Verdict::Retry, "{status}");
    }
    assert_eq!(careful(&refused(410, None)), Verdict::Stop);
}

#[test]
fn p09_an_expired_token_is_renewed_once_and_a_fresh_one_that_is_refused_is_wrong() {
    let cause = refused(401, None);
    let mut failure = Failure::new(false, 1, &cause);
    assert_eq!(Verdict::careful(&failure), Verdict::RefreshThenRetry);
    failure.refreshed = true;
    assert_eq!(Verdict::careful(&failure), Verdict::Stop);
}

#[test]
fn p09_a_server_that_names_a_time_is_believed_for_an_hour() {
    for status in [408, 429, 500, 502, 503, 504] {
        for (wish, believed) in [
            (Duration::ZERO, Duration::ZERO),
            (secs(1), secs(1)),
            (secs(3_599), secs(3_599)),
            (secs(3_600), Verdict::LONGEST_RETRY_AFTER),
            (DAY, Verdict::LONGEST_RETRY_AFTER),
            (Duration::MAX, Verdict::LONGEST_RETRY_AFTER),
        ] {
            let verdict = careful(&refused(status, Some(wish)));
            assert_eq!(verdict, Verdict::RetryAfter(believed), "{status}, {wish:?}");
        }
    }
}

#[test]
fn p10_what_no_retry_heals_stops_and_the_network_does_not() {
    for (kind, verdict) in [
        (ErrorKind::Url, Verdict::Stop),
        (ErrorKind::Certificate, Verdict::Stop),
        (ErrorKind::Tls, Verdict::Retry),
        (ErrorKind::Dns, Verdict::Retry),
        (ErrorKind::Refused, Verdict::Retry),
        (ErrorKind::Unreachable, Verdict::Retry),
        (ErrorKind::Reset, Verdict::Retry),
        (ErrorKind::Ended, Verdict::Retry),
        (ErrorKind::Timeout, Verdict::Retry),
        (ErrorKind::Protocol, Verdict::Retry),
        (ErrorKind::TooLarge, Verdict::Retry),
        (ErrorKind::Handshake, Verdict::Retry),
        (ErrorKind::Provider, Verdict::Retry),
        (ErrorKind::Other, Verdict::Retry),
    ] {
        // By the kind alone: the words may hold anything, a URL for one.
        let words = "wss://example.org/certificate?error=401";
        let cause = LostCause::Connect(TransportError::new(kind, words));
        assert_eq!(careful(&cause), verdict, "{kind}");
    }
    for cause in [
        LostCause::ConnectTimeout(secs(10)),
        LostCause::HeartbeatTimeout(secs(25)),
        LostCause::WriteStalled(secs(10)),
    ] {
        assert_eq!(careful(&cause), Verdict::Retry, "{cause}");
    }
}

#[test]
fn a_close_code_never_stops_and_a_restart_is_given_time() {
    assert_eq!(careful(&LostCause::ClosedByPeer(None)), Verdict::Retry);
    for code in [1000, 1001, 1002, 1003, 1006, 1007, 1008, 1009, 1010, 1011, 1014, 3000, 4401] {
        let cause = LostCause::ClosedByPeer(Some(CloseFrame::new(code, "")));
        assert_eq!(careful(&cause), Verdict::Retry, "{code}");
    }
    for code in [1012, 1013] {
        let cause = LostCause::ClosedByPeer(Some(CloseFrame::new(code, "")));
        assert_eq!(careful(&cause), Verdict::RetryAfter(Verdict::RESTART_FLOOR), "{code}");
    }
}

#[test]
fn the_originals_verdict_is_to_retry_whatever_happened() {
    for cause in [
        LostCause::Connect(TransportError::new(ErrorKind::Certificate, "expired")),
        LostCause::ClosedByPeer(Some(CloseFrame::new(1013, ""))),
        refused(410, None),
        refused(503, Some(DAY)),
    ] {
        let verdict = Verdict::always_retry(&Failure::new(false, 0, &cause));
        assert_eq!(verdict, Verdict::Retry, "{cause}");
    }
}
