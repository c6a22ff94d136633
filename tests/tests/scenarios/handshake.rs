//! The upgrade: header fields, refusals and timeouts.

use std::time::Duration;

use websocket_heartbeat::{CloseReason, Constant, ErrorKind, LostCause, Preset};
use websocket_heartbeat_tests::{Backend, Peer, expect};

use crate::{DELAY, patient, request};

pub(crate) async fn header_fields_and_subprotocol_are_sent<B: Backend>(peer: Peer) {
    let request = request(&peer, "/headers").header("X-Token", "sesame").unwrap();
    let request = request.subprotocol("chat.v2").unwrap().subprotocol("chat.v1").unwrap();
    let mut supervisor = patient::<B>(request).build().unwrap();
    let open = expect::connected(&mut supervisor).await;
    assert_eq!(open.subprotocol.as_deref(), Some("chat.v2"));
    assert_eq!(open.headers.get("upgrade"), Some("websocket"));

    let message = expect::message(&mut supervisor).await;
    let seen: serde_json::Value = serde_json::from_str(message.as_text().unwrap()).unwrap();
    assert_eq!(seen["headers"]["x-token"], "sesame");
    assert_eq!(seen["headers"]["host"], peer.address());
    assert_eq!(seen["subprotocol"], "chat.v2");
}

pub(crate) async fn a_refusal_has_status_headers_and_retry_after<B: Backend>(peer: Peer) {
    let wait = Duration::from_secs(7);
    for preset in [Preset::Original, Preset::Resilient] {
        let request = request(&peer, "/refuse/503?retry-after=7");
        let builder = B::connect(request).preset(preset).backoff(Constant::new(DELAY));
        let mut supervisor = builder.minimum_gap(Duration::from_millis(1)).build().unwrap();
        expect::connecting(&mut supervisor).await;
        let lost = expect::lost(&mut supervisor).await;
        assert!(!lost.opened);
        let LostCause::Connect(error) = lost.cause else { panic!("{lost:?}") };
        assert_eq!((error.kind(), error.http_status()), (ErrorKind::Http, Some(503)));
        assert_eq!(error.retry_after(), Some(wait));
        let answer = error.http_answer().unwrap();
        assert_eq!(answer.headers.get("x-refused-by"), Some("peer"));
        assert_eq!(*answer.body, *b"refused with 503");

        let retry = expect::retry(&mut supervisor).await;
        match preset {
            // The server's `Retry-After` plus the delay of the backoff.
            Preset::Resilient => assert_eq!(retry.delay, wait + DELAY),
            _ => assert_eq!(retry.delay, DELAY),
        }
        supervisor.handle().close();
        assert_eq!(expect::closed(&mut supervisor).await.reason, CloseReason::User);
    }
}

pub(crate) async fn a_permanent_refusal_ends_the_session<B: Backend>(peer: Peer) {
    let builder = B::connect(request(&peer, "/refuse/410")).preset(Preset::Resilient);
    let mut supervisor = builder.build().unwrap();
    expect::connecting(&mut supervisor).await;
    let lost = expect::lost(&mut supervisor).await;
    let closed = expect::closed(&mut supervisor).await;
    assert_eq!(closed.reason, CloseReason::Stopped(lost.cause));
}

pub(crate) async fn a_hanging_upgrade_times_out<B: Backend>(peer: Peer) {
    let timeout = Duration::from_millis(200);
    let builder = patient::<B>(request(&peer, "/hang")).connect_timeout(timeout);
    let mut supervisor = builder.build().unwrap();
    for attempt in 0..2 {
        assert_eq!(expect::connecting(&mut supervisor).await.attempt, attempt);
        let lost = expect::lost(&mut supervisor).await;
        assert_eq!((lost.opened, lost.cause), (false, LostCause::ConnectTimeout(timeout)));
        assert_eq!(expect::retry(&mut supervisor).await.delay, DELAY);
    }
}
