//! The contract of connections, transport and timer, on smol.

use websocket_heartbeat_smol::{SmolTimer, connect, dial};

websocket_heartbeat_tungstenite::conformance_tests! {
    connect: connect,
    dial: dial,
    timer: SmolTimer::new,
    block_on: smol::block_on,
}
