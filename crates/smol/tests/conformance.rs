//! The contract of connections, transport and timer, on smol.

use smol::block_on;
use websocket_heartbeat_smol::{
    Attempt, Established, Request, RequestError, SmolConnection, SmolTimer, SmolTransport,
    Timestamp, Transport, TransportError, connect,
};
use websocket_heartbeat_tungstenite::conformance;

async fn dial(url: String) -> Result<Established<SmolConnection>, TransportError> {
    let mut transport = SmolTransport::new(Request::new(&url)?);
    transport.connect(Attempt::new(1, 0, Timestamp::EPOCH)).await
}

#[test]
fn connections_keep_the_contract() {
    block_on(conformance::contract(dial));
}

#[test]
fn refusals_are_told_apart() {
    block_on(conformance::refusals(dial));
}

#[test]
fn the_timer_keeps_time() {
    block_on(conformance::timer(SmolTimer::new()));
}

#[test]
fn a_session_survives_its_server() {
    block_on(conformance::session(|url| connect(url).unwrap()));
}

#[test]
fn a_session_may_live_in_any_thread() {
    fn assert_send<T: Send>(_: T) {}
    assert_send(connect("ws://example.org").unwrap().build().unwrap());
}

#[test]
fn an_address_that_cannot_work_is_refused_up_front() {
    assert_eq!(connect("http://example.org").unwrap_err(), RequestError::Scheme);
    let request = Request::new("ws://example.org").unwrap();
    assert!(connect(request).is_ok());
}
