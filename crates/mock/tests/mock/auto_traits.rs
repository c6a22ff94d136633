//! The types that may move to other threads.

use websocket_heartbeat_mock::{
    Chaos, Clock, Dial, MockConnect, MockConnection, MockSleep, MockTimer, MockTransport, Peer,
    Remote, Rng, Script, Trace,
};

#[test]
fn all_types_but_the_runner_are_send() {
    fn is<T: Send + Unpin + 'static>() {}
    fn shared<T: Send + Sync + Unpin + Clone + 'static>() {}
    is::<MockTransport>();
    is::<MockConnect>();
    is::<MockConnection>();
    is::<MockSleep>();
    is::<Script>();
    shared::<Clock>();
    shared::<MockTimer>();
    shared::<Remote>();
    shared::<Dial>();
    shared::<Peer>();
    shared::<Trace>();
    shared::<Rng>();
    shared::<Chaos>();
}
