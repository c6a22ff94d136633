//! The contract of connections, transport and timer, on smol.

use async_io::block_on;
use websocket_heartbeat_smol::{
    Attempt, Established, Request, SmolConnection, SmolTimer, SmolTransport, Timestamp, Transport,
    TransportError,
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
