//! Heartbeats on connections that are silent, dead or stalled.

use std::{pin::pin, time::Duration};

use futures::future::{Either, select};
use websocket_heartbeat::{Heartbeat, LostCause, Message};
use websocket_heartbeat_tests::{Backend, Peer, Supervised, expect};

use crate::{patient, request};

const IDLE: Duration = Duration::from_millis(50);

/// A timeout for a server that answers: long enough for a slow machine.
const LONG: Duration = Duration::from_secs(5);

/// A timeout for a server that does not answer.
const SHORT: Duration = Duration::from_millis(100);

fn beating<B: Backend>(peer: &Peer, behaviour: &str, heartbeat: Heartbeat) -> Supervised<B> {
    patient::<B>(request(peer, behaviour)).heartbeat(heartbeat).build().unwrap()
}

pub(crate) async fn pings_keep_a_silent_connection<B: Backend>(mut peer: Peer) {
    let heartbeat = Heartbeat::idle(IDLE).timeout(LONG).ping();
    let mut supervisor = beating::<B>(&peer, "/silent", heartbeat);
    expect::connected(&mut supervisor).await;
    for _ in 0..5 {
        let ping = peer.reported("ping");
        expect::no_event_until(&mut supervisor, ping).await;
    }
}

pub(crate) async fn a_silent_server_fails_a_message_heartbeat<B: Backend>(peer: Peer) {
    let heartbeat = Heartbeat::idle(IDLE).timeout(SHORT).message("heartbeat");
    let mut supervisor = beating::<B>(&peer, "/silent", heartbeat);
    expect::connected(&mut supervisor).await;
    never_answered::<B>(&mut supervisor).await;
    assert_eq!(expect::reconnected(&mut supervisor).await.connection, 2);
    never_answered::<B>(&mut supervisor).await;
}

pub(crate) async fn a_frozen_server_fails_a_ping_heartbeat<B: Backend>(peer: Peer) {
    let heartbeat = Heartbeat::idle(IDLE).timeout(SHORT).ping();
    let mut supervisor = beating::<B>(&peer, "/frozen", heartbeat);
    expect::connected(&mut supervisor).await;
    never_answered::<B>(&mut supervisor).await;
    assert_eq!(expect::reconnected(&mut supervisor).await.connection, 2);
}

async fn never_answered<B: Backend>(supervisor: &mut Supervised<B>) {
    let lost = expect::lost(supervisor).await;
    let LostCause::HeartbeatTimeout(silence) = lost.cause else { panic!("{lost:?}") };
    assert!(silence >= IDLE + SHORT, "lost after only {silence:?}");
    assert!(!lost.ever_answered);
}

pub(crate) async fn a_suspended_server_resumes<B: Backend>(mut peer: Peer) {
    let heartbeat = Heartbeat::idle(IDLE).timeout(LONG).ping();
    let builder = patient::<B>(request(&peer, "/echo")).heartbeat(heartbeat);
    let mut supervisor = builder.connect_timeout(LONG).build().unwrap();
    expect::connected(&mut supervisor).await;
    // The second ping follows the pong to the first one.
    for _ in 0..2 {
        let ping = peer.reported("ping");
        expect::no_event_until(&mut supervisor, ping).await;
    }

    peer.suspend();
    let lost = expect::lost(&mut supervisor).await;
    let LostCause::HeartbeatTimeout(silence) = lost.cause else { panic!("{lost:?}") };
    assert!(silence >= IDLE + LONG, "lost after only {silence:?}");
    assert!(lost.ever_answered);

    peer.resume();
    assert!(expect::reconnected(&mut supervisor).await.connection >= 2);
    supervisor.handle().queue("still there?").await.unwrap();
    assert_eq!(expect::message(&mut supervisor).await, Message::text("still there?"));
}

pub(crate) async fn a_stalled_upload_is_reported<B: Backend>(peer: Peer) {
    let heartbeat = Heartbeat::idle(IDLE).timeout(SHORT).ping();
    let mut supervisor = beating::<B>(&peer, "/frozen", heartbeat);
    expect::connected(&mut supervisor).await;
    // More than the kernels buffer for a server that does not read.
    supervisor.handle().queue(Message::binary(vec![0; 32 << 20])).await.unwrap();
    let lost = expect::lost(&mut supervisor).await;
    let LostCause::WriteStalled(time) = lost.cause else { panic!("{lost:?}") };
    assert!(time >= SHORT, "lost after only {time:?}");
}

pub(crate) async fn a_driver_sends_heartbeats_while_nobody_reads<B: Backend>(mut peer: Peer) {
    let heartbeat = Heartbeat::idle(IDLE).timeout(LONG).ping();
    let supervisor = beating::<B>(&peer, "/silent", heartbeat);
    let (driver, mut inbox) = supervisor.into_driver(8).unwrap();
    let nobody_reads = async {
        for _ in 0..5 {
            peer.reported("ping").await;
        }
        assert_eq!(expect::connected(&mut inbox).await.connection, 1);
    };
    match select(pin!(nobody_reads), driver).await {
        Either::Left(_) => {}
        Either::Right(_) => panic!("the driver ended"),
    }
}
