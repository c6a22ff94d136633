//! A connection that the peer closed: it stays until its reply is written, for a limited time.

use websocket_heartbeat::Constant;
use websocket_heartbeat_mock::{Peer, Script};

use crate::harness::{Fixture, ms, secs};

/// A connection whose peer accepts no more bytes, and has closed it.
fn draining() -> (Fixture, Peer) {
    let (mut fixture, builder) = Fixture::new(|_| Script::accept());
    let session = builder.backoff(Constant::new(secs(60))).close_timeout(secs(5)).build().unwrap();
    fixture.read(session);
    fixture.runner.settle();
    let peer = fixture.remote.last_peer().unwrap();
    peer.stall_writes();
    peer.close(1001, "");
    fixture.runner.run_for(ms(100));
    assert_eq!(peer.dropped_at(), None);
    (fixture, peer)
}

#[test]
fn a_connection_is_dropped_when_its_reply_is_written() {
    let (mut fixture, peer) = draining();
    peer.resume_writes();
    fixture.runner.settle();
    assert_eq!(peer.dropped_at(), Some(fixture.clock.now()));
}

#[test]
fn a_connection_that_writes_no_reply_is_dropped_after_the_close_timeout() {
    let (mut fixture, peer) = draining();
    let dropped = fixture.clock.now().checked_add(secs(5) - ms(100));
    fixture.runner.run_for(secs(30));
    assert_eq!(peer.dropped_at(), dropped);
}
