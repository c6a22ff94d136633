//! Messages of all kinds and sizes.

use futures::{SinkExt, future::join};
use websocket_heartbeat::{Fate, Message};
use websocket_heartbeat_tests::{Backend, Peer, expect};

use crate::supervise;

const LARGE: usize = 16 << 20;

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i % 251) as u8).collect()
}

pub(crate) async fn text_binary_and_empty_messages_are_echoed<B: Backend>(peer: Peer) {
    let mut supervisor = supervise::<B>(&peer, "/echo");
    let handle = supervisor.handle();
    expect::connected(&mut supervisor).await;
    let messages = [
        Message::text("grüße, 世界"),
        Message::binary(pattern(70_000)),
        Message::text(""),
        Message::binary(vec![]),
    ];
    for message in &messages {
        handle.queue(message.clone()).await.unwrap();
    }
    for message in messages {
        assert_eq!(expect::message(&mut supervisor).await, message);
    }
}

pub(crate) async fn sixteen_mib_travel_in_both_directions<B: Backend>(peer: Peer) {
    let large = Message::binary(pattern(LARGE));
    let mut down = supervise::<B>(&peer, &format!("/large?bytes={LARGE}"));
    expect::connected(&mut down).await;
    let received = expect::message(&mut down).await;
    assert!(received == large, "{} other bytes", received.len());

    let mut both = supervise::<B>(&peer, "/echo");
    expect::connected(&mut both).await;
    both.handle().queue(large.clone()).await.unwrap();
    let received = expect::message(&mut both).await;
    assert!(received == large, "{} other bytes", received.len());
}

pub(crate) async fn fragments_around_a_ping_are_joined<B: Backend>(mut peer: Peer) {
    let mut supervisor = supervise::<B>(&peer, "/fragmented?count=100");
    expect::connected(&mut supervisor).await;
    let whole: String = (0..100).map(|i| format!("{i} ")).collect();
    assert_eq!(expect::message(&mut supervisor).await, Message::text(whole));
    let pong = peer.reported("pong");
    let pong = expect::no_event_until(&mut supervisor, pong).await;
    assert_eq!(pong.text("payload"), "between");
}

pub(crate) async fn a_message_in_the_write_of_the_101_is_received<B: Backend>(peer: Peer) {
    let mut supervisor = supervise::<B>(&peer, "/first-frame-with-101");
    expect::connected(&mut supervisor).await;
    assert_eq!(expect::message(&mut supervisor).await, Message::text("first"));
}

pub(crate) async fn pings_are_answered_while_the_client_only_reads<B: Backend>(peer: Peer) {
    // The server sends each ping after the previous pong, and the message after the last pong.
    let mut supervisor = supervise::<B>(&peer, "/ping?count=3");
    expect::connected(&mut supervisor).await;
    assert_eq!(expect::message(&mut supervisor).await, Message::text("pongs 3"));
}

pub(crate) async fn a_sent_message_is_written<B: Backend>(peer: Peer) {
    let mut supervisor = supervise::<B>(&peer, "/echo");
    let handle = supervisor.handle();
    expect::connected(&mut supervisor).await;
    let (fate, echo) = join(handle.send_confirmed("hello"), expect::message(&mut supervisor)).await;
    assert_eq!(fate, Ok(Fate::Written { connection: 1 }));
    assert_eq!(echo, Message::text("hello"));
}

pub(crate) async fn a_supervisor_is_a_sink_of_messages<B: Backend>(peer: Peer) {
    let mut supervisor = supervise::<B>(&peer, "/echo");
    // The sink drives the session: it connects, and stores the events.
    supervisor.send(Message::text("first")).await.unwrap();
    supervisor.send(Message::text("second")).await.unwrap();
    expect::connected(&mut supervisor).await;
    assert_eq!(expect::message(&mut supervisor).await, Message::text("first"));
    assert_eq!(expect::message(&mut supervisor).await, Message::text("second"));
}
