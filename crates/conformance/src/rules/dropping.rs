//! Drops of connections.

use std::time::Duration;

use websocket_heartbeat::{CloseFrame, Frame, Message, Timer};

use super::client::{Client, Kept, Subject, ensure};

/// Longer than a drop on a busy machine, and shorter than a wait for the peer.
const LONG: Duration = Duration::from_secs(5);

pub(super) async fn at_once(client: &Client<'_, impl Subject>) -> Kept {
    let mut tested = client.connect("/gone").await?;
    // The next one has arrived and is not read.
    tested.reads_message("0").await?;
    tested.start(Message::text("unsent")).await?;
    let mut observer = tested.observe().await?;
    drop(tested.connection);
    // The server reads no frame: no message and no close frame.
    observer.verdict().await.map(drop)
}

pub(super) async fn no_block(client: &Client<'_, impl Subject>) -> Kept {
    let timer = client.subject.timer();
    let mut tested = client.connect("/count").await?;
    tested.fill().await?;
    let mut observer = tested.observe().await?;
    let before = timer.now();
    drop(tested.connection);
    let took = timer.now().saturating_since(before);
    ensure!(took < LONG, "the drop takes {took:?}");
    observer.go().await
}

pub(super) async fn undelivered(client: &Client<'_, impl Subject>) -> Kept {
    let mut tested = client.connect("/count").await?;
    let sent = tested.fill().await?;
    let mut observer = tested.observe().await?;
    drop(tested.connection);
    observer.go().await?;
    let counted = observer.verdict().await?;
    ensure!(counted < Some(sent), "all {sent} messages are delivered after the drop");
    Ok(())
}

pub(super) async fn closed(client: &Client<'_, impl Subject>) -> Kept {
    let mut tested = client.connect("/close-and-read-late").await?;
    tested.start(Message::text("last")).await?;
    tested.reads(Frame::Close(Some(CloseFrame::new(1000, "")))).await?;
    tested.flush().await?;
    let mut observer = tested.observe().await?;
    drop(tested.connection);
    observer.go().await?;
    observer.verdict().await.map(drop)
}
