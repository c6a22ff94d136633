//! The contract of connections, transport and timer, on smol.

<<<<<<< be9fe6440a57d51bcc46200e166374b5a13034f3
use smol::block_on;
use websocket_heartbeat_smol::{
    Attempt, Established, Request, RequestError, SmolConnection, SmolTimer, SmolTransport,
    Timestamp, Transport, TransportError, connect,
};
use websocket_heartbeat_tungstenite::conformance;
=======
use websocket_heartbeat_smol::{SmolTimer, connect, dial};
>>>>>>> 9139f3d7945c99b43651436d9b69cda66078848d

websocket_heartbeat_tungstenite::conformance_tests! {
    connect: connect,
    dial: dial,
    timer: SmolTimer::new,
    block_on: smol::block_on,
}
