//! The contract of connections, transport and timer, on smol.

use websocket_heartbeat_smol::{Request, RequestError, SmolTimer, SmolTransport, connect};

websocket_heartbeat_conformance::conformance_tests! {
    transport: |url: &str| SmolTransport::new(Request::new(url).unwrap()),
    timer: SmolTimer::new,
    block_on: smol::block_on,
}

#[test]
fn a_session_can_move_between_threads() {
    fn assert_send<T: Send>(_: T) {}
    assert_send(connect("ws://example.org").unwrap().build());
}

#[test]
fn a_url_that_cannot_work_is_refused_at_once() {
    let refused = connect("http://example.org").map(drop).unwrap_err();
    assert_eq!(refused, RequestError::Scheme);
    assert!(connect(Request::new("ws://example.org").unwrap()).is_ok());
}
