//! The ends of a connection.

use websocket_heartbeat::{CloseFrame, Frame, Message};

use super::client::{Client, Kept, Subject, ensure};

fn close(code: u16, reason: &'static str) -> Frame {
    Frame::Close(Some(CloseFrame::new(code, reason)))
}

pub(super) async fn reported(client: &Client<'_, impl Subject>) -> Kept {
    let mut tested = client.connect("/close-4001").await?;
    tested.reads_message("before").await?;
    tested.reads(close(4001, "go")).await
}

pub(super) async fn empty(client: &Client<'_, impl Subject>) -> Kept {
    let mut tested = client.connect("/close-empty").await?;
    tested.reads(Frame::Close(None)).await?;
    tested.flush().await?;
    tested.verdict().await?;
    tested.ends().await
}

pub(super) async fn answered(client: &Client<'_, impl Subject>) -> Kept {
    let mut tested = client.connect("/close-4001").await?;
    tested.reads_message("before").await?;
    tested.frame().await?;
    tested.flush().await?;
    tested.verdict().await?;
    tested.ends().await
}

pub(super) async fn awaited(client: &Client<'_, impl Subject>) -> Kept {
    let mut tested = client.connect("/close-and-wait").await?;
    tested.reads(close(4001, "go")).await?;
    tested.flush().await?;
    tested.is_pending().await?;
    tested.go().await?;
    tested.ends().await
}

pub(super) async fn end(client: &Client<'_, impl Subject>) -> Kept {
    let mut tested = client.connect("/end").await?;
    tested.reads_message("last").await?;
    tested.ends_or_fails().await
}

pub(super) async fn reset(client: &Client<'_, impl Subject>) -> Kept {
    let mut tested = client.connect("/reset").await?;
    tested.send(Message::text("go")).await?;
    tested.ends_or_fails().await
}

pub(super) async fn ours(client: &Client<'_, impl Subject>) -> Kept {
    let mut tested = client.connect("/answer-close").await?;
    tested.send(close(1000, "bye")).await?;
    tested.reads(close(1000, "bye")).await?;
    tested.flush().await?;
    tested.verdict().await?;
    tested.ends().await
}

pub(super) async fn refused(client: &Client<'_, impl Subject>) -> Kept {
    let mut tested = client.connect("/answer-close-late").await?;
    tested.send(close(1000, "bye")).await?;
    let sent = tested.send(Message::text("too late")).await;
    ensure!(sent.is_err(), "a message is accepted after a close frame");
    Ok(())
}

pub(super) async fn twice(client: &Client<'_, impl Subject>) -> Kept {
    // After the handshake the server reads the end of the stream, and no second frame.
    let mut tested = client.connect("/answer-close-late").await?;
    tested.send(close(1000, "bye")).await?;
    tested.send(Frame::Close(None)).await?;
    tested.reads_to_end().await?;
    let mut observer = tested.observe().await?;
    drop(tested.connection);
    observer.verdict().await.map(drop)
}

pub(super) async fn late(client: &Client<'_, impl Subject>) -> Kept {
    let mut tested = client.connect("/answer-close-late").await?;
    tested.send(close(1000, "bye")).await?;
    tested.reads_message("late").await?;
    tested.reads(close(1000, "bye")).await
}

pub(super) async fn stream(client: &Client<'_, impl Subject>) -> Kept {
    for path in ["/close-and-end", "/answer-close-and-end"] {
        let mut tested = client.connect(path).await?;
        if path == "/answer-close-and-end" {
            tested.send(close(1000, "")).await?;
        }
        tested.reads(close(1000, "")).await?;
        tested.flush().await?;
        // The connection is not dropped before the verdict.
        tested.verdict().await?;
        tested.ends().await?;
    }
    Ok(())
}
