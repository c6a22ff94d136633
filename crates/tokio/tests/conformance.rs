//! The contract of connections, transport and timer, on tokio.

use std::time::Duration;

use websocket_heartbeat_tokio::{
    Attempt, Established, Request, RequestError, Timer, Timestamp, TokioConnection, TokioTimer,
    TokioTransport, Transport, TransportError, connect,
};
use websocket_heartbeat_tungstenite::conformance;

async fn dial(url: String) -> Result<Established<TokioConnection>, TransportError> {
    let mut transport = TokioTransport::new(Request::new(&url)?);
    transport.connect(Attempt::new(1, 0, Timestamp::EPOCH)).await
}

#[tokio::test]
async fn connections_keep_the_contract() {
    conformance::contract(dial).await;
}

#[tokio::test]
async fn refusals_are_told_apart() {
    conformance::refusals(dial).await;
}

#[tokio::test]
async fn the_timer_keeps_time() {
    conformance::timer(TokioTimer::new()).await;
}

#[tokio::test(start_paused = true)]
async fn the_timer_follows_a_paused_clock() {
    let timer = TokioTimer::new();
    let hour = Timestamp::from_epoch(Duration::from_secs(3_600));
    timer.sleep_until(hour).await;
    assert!(timer.now() >= hour);
    tokio::time::advance(Duration::from_secs(60)).await;
    assert!(timer.now().saturating_since(hour) >= Duration::from_secs(60));
}

#[tokio::test]
async fn a_session_survives_its_server() {
    conformance::session(|url| connect(url).unwrap()).await;
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
