//! Connections that end without a close frame.

use websocket_heartbeat::{ErrorKind, Fate, LostCause, Message, OutboxSettings};
use websocket_heartbeat_tests::{Backend, Peer, Supervised, expect};

use crate::{patient, request, supervise};

async fn echo<B: Backend>(supervisor: &mut Supervised<B>, text: &str) {
    supervisor.handle().queue(text).await.unwrap();
    assert_eq!(expect::message(supervisor).await, Message::text(text));
}

pub(crate) async fn a_session_survives_a_server_restart<B: Backend>(mut peer: Peer) {
    let mut supervisor = supervise::<B>(&peer, "/echo");
    expect::connected(&mut supervisor).await;
    echo::<B>(&mut supervisor, "before").await;

    peer.kill();
    let lost = expect::lost(&mut supervisor).await;
    assert_eq!((lost.connection, lost.opened), (1, true));
    assert!(matches!(lost.cause, LostCause::Broken(_)), "{lost:?}");
    expect::retry(&mut supervisor).await;
    assert_eq!(expect::connecting(&mut supervisor).await.connection, 2);
    let lost = expect::lost(&mut supervisor).await;
    assert_eq!((lost.connection, lost.opened), (2, false));
    let LostCause::Connect(error) = lost.cause else { panic!("{lost:?}") };
    assert_eq!(error.kind(), ErrorKind::Refused);

    peer.restart();
    assert!(expect::reconnected(&mut supervisor).await.connection >= 3);
    echo::<B>(&mut supervisor, "after").await;
}

async fn dropped<B: Backend>(peer: Peer, how: &str, kind: ErrorKind) {
    let mut supervisor = supervise::<B>(&peer, &format!("/drop?how={how}"));
    expect::connected(&mut supervisor).await;
    supervisor.handle().queue("now").await.unwrap();
    let lost = expect::lost(&mut supervisor).await;
    assert_eq!((lost.connection, lost.opened), (1, true));
    let LostCause::Broken(error) = lost.cause else { panic!("{lost:?}") };
    assert_eq!(error.kind(), kind);
    assert_eq!(expect::reconnected(&mut supervisor).await.connection, 2);
}

pub(crate) async fn an_end_without_a_close_frame_is_a_loss<B: Backend>(peer: Peer) {
    dropped::<B>(peer, "end", ErrorKind::Ended).await;
}

pub(crate) async fn a_reset_is_a_loss<B: Backend>(peer: Peer) {
    dropped::<B>(peer, "reset", ErrorKind::Reset).await;
}

pub(crate) async fn messages_queued_offline_arrive<B: Backend>(mut peer: Peer) {
    let builder = patient::<B>(request(&peer, "/echo")).outbox(OutboxSettings::new());
    let mut supervisor = builder.build().unwrap();
    expect::connected(&mut supervisor).await;

    peer.kill();
    assert!(expect::lost(&mut supervisor).await.opened);
    let texts = ["one", "two", "three"];
    let mut receipts = Vec::new();
    for text in texts {
        receipts.push(supervisor.handle().queue_with_receipt(text).await.unwrap());
    }
    peer.restart();
    let connection = expect::reconnected(&mut supervisor).await.connection;
    for text in texts {
        assert_eq!(expect::message(&mut supervisor).await, Message::text(text));
    }
    for receipt in receipts {
        assert_eq!(receipt.await, Fate::Written { connection });
    }
}

pub(crate) async fn reconnect_now_replaces_the_connection<B: Backend>(mut peer: Peer) {
    let mut supervisor = supervise::<B>(&peer, "/echo");
    expect::connected(&mut supervisor).await;
    supervisor.handle().reconnect_now();
    assert_eq!(expect::lost(&mut supervisor).await.cause, LostCause::Replaced);
    assert_eq!(expect::reconnected(&mut supervisor).await.connection, 2);
    let closed = peer.reported("closed");
    let closed = expect::no_event_until(&mut supervisor, closed).await;
    assert_eq!(closed.number("connection"), 1);
    echo::<B>(&mut supervisor, "still there?").await;
}
