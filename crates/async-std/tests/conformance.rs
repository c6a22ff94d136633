//! The contract of connections, transport and timer, on async-std.

use websocket_heartbeat_async_std::{
    AsyncStdTimer, AsyncStdTransport, Request, RequestError, connect,
};

websocket_heartbeat_conformance::conformance_tests! {
    transport: |url: &str| AsyncStdTransport::new(Request::new(url).unwrap()),
    timer: AsyncStdTimer::new,
    block_on: async_std::task::block_on,
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
