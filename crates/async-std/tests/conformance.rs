//! The contract of connections, transport and timer, on async-std.

use websocket_heartbeat_async_std::{AsyncStdTimer, connect, dial};

websocket_heartbeat_tungstenite::conformance_tests! {
    connect: connect,
    dial: dial,
    timer: AsyncStdTimer::new,
    block_on: async_std::task::block_on,
}
