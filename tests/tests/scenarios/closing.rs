//! Close handshakes that either side begins.

use std::time::Duration;

use websocket_heartbeat::{CloseFrame, CloseReason, LostCause, Preset, Verdict};
use websocket_heartbeat_tests::{Backend, Peer, expect};

use crate::{patient, request, supervise};

pub(crate) async fn close_codes_and_reasons_are_reported<B: Backend>(peer: Peer) {
    for code in [1000, 1001, 1008, 1011, 1012, 4401] {
        let mut supervisor = supervise::<B>(&peer, &format!("/close/{code}?reason=so+it+is"));
        assert_eq!(expect::connected(&mut supervisor).await.connection, 1);
        supervisor.handle().queue("now").await.unwrap();
        let lost = expect::lost(&mut supervisor).await;
        assert_eq!((lost.connection, lost.opened), (1, true));
        let frame = CloseFrame::new(code, "so it is");
        assert_eq!(lost.cause, LostCause::ClosedByPeer(Some(frame)));
        assert_eq!(expect::reconnected(&mut supervisor).await.connection, 2);
    }
}

pub(crate) async fn a_close_frame_in_the_write_of_the_101_is_reported<B: Backend>(peer: Peer) {
    let mut supervisor = supervise::<B>(&peer, "/close/1001?after=open");
    expect::connected(&mut supervisor).await;
    let lost = expect::lost(&mut supervisor).await;
    assert_eq!((lost.connection, lost.opened), (1, true));
    assert_eq!(lost.cause.close_code(), Some(1001));
}

pub(crate) async fn a_restarting_server_gets_a_delay<B: Backend>(peer: Peer) {
    let builder = B::connect(request(&peer, "/close/1012")).preset(Preset::Resilient);
    let mut supervisor = builder.build().unwrap();
    expect::connected(&mut supervisor).await;
    supervisor.handle().queue("now").await.unwrap();
    expect::lost(&mut supervisor).await;
    let retry = expect::retry(&mut supervisor).await;
    assert!(retry.delay >= Verdict::RESTART_FLOOR, "{retry:?}");
    assert_eq!(retry.cause.close_code(), Some(1012));
}

pub(crate) async fn close_sends_a_close_frame<B: Backend>(mut peer: Peer) {
    let mut supervisor = supervise::<B>(&peer, "/echo");
    expect::connected(&mut supervisor).await;
    supervisor.handle().close();
    assert_eq!(expect::closed(&mut supervisor).await.reason, CloseReason::User);
    assert!(supervisor.next().await.is_none());
    let closed = peer.reported("closed").await;
    assert_eq!(closed.number("code"), 1000);
}

pub(crate) async fn abort_sends_no_close_frame<B: Backend>(mut peer: Peer) {
    let mut supervisor = supervise::<B>(&peer, "/echo");
    expect::connected(&mut supervisor).await;
    supervisor.handle().abort();
    assert_eq!(expect::closed(&mut supervisor).await.reason, CloseReason::Aborted);
    assert!(supervisor.next().await.is_none());
    // RFC 6455 section 7.1.5: no close frame was received.
    let closed = peer.reported("closed").await;
    assert_eq!(closed.number("code"), 1006);
}

pub(crate) async fn the_close_timeout_ends_a_close_handshake<B: Backend>(peer: Peer) {
    // This server never reads the close frame.
    let builder = patient::<B>(request(&peer, "/frozen"));
    let mut supervisor = builder.close_timeout(Duration::from_millis(200)).build().unwrap();
    expect::connected(&mut supervisor).await;
    supervisor.handle().close();
    assert_eq!(expect::closed(&mut supervisor).await.reason, CloseReason::User);
    assert!(supervisor.next().await.is_none());
}
