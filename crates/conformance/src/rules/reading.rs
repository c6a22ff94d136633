//! Frames of the peer.

use websocket_heartbeat::{ErrorKind, Frame, Message};

use super::client::{Client, Kept, Subject, ensure};

pub(super) async fn messages(client: &Client<'_, impl Subject>) -> Kept {
    let mut tested = client.connect("/messages").await?;
    tested.reads_message("").await?;
    tested.reads_message("text, né").await?;
    tested.reads_message(Message::binary(vec![])).await?;
    tested.reads_message(Message::binary(vec![0, 255])).await?;
    tested.reads_message("done").await
}

pub(super) async fn fragments(client: &Client<'_, impl Subject>) -> Kept {
    let mut tested = client.connect("/fragments").await?;
    tested.reads_message("héllo").await?;
    tested.reads_message("done").await
}

pub(super) async fn ping_between(client: &Client<'_, impl Subject>) -> Kept {
    let mut tested = client.connect("/fragments").await?;
    tested.reads(Frame::Ping("between".into())).await?;
    tested.reads(Message::text("héllo")).await
}

pub(super) async fn ping_is_answered(client: &Client<'_, impl Subject>) -> Kept {
    let mut tested = client.connect("/ping").await?;
    // The server sends it after the pong. The client only reads.
    tested.reads_message("done").await?;
    tested.verdict().await.map(drop)
}

pub(super) async fn ping_is_reported(client: &Client<'_, impl Subject>) -> Kept {
    let mut tested = client.connect("/ping").await?;
    tested.reads(Frame::Ping("ping".into())).await?;
    tested.reads(Message::text("done")).await
}

pub(super) async fn pong_is_reported(client: &Client<'_, impl Subject>) -> Kept {
    let mut tested = client.connect("/pong").await?;
    tested.reads(Frame::Pong("unasked".into())).await?;
    tested.reads(Message::text("done")).await
}

pub(super) async fn with_answer(client: &Client<'_, impl Subject>) -> Kept {
    let mut tested = client.connect("/with-answer").await?;
    tested.reads_message("first").await?;
    tested.reads(Frame::Close(None)).await
}

const VIOLATIONS: [&str; 6] = [
    "/violation-reserved-opcode",
    "/violation-masked",
    "/violation-reserved-bit",
    "/violation-no-utf8",
    "/violation-nothing-to-continue",
    "/violation-fragment-of-a-ping",
];

pub(super) async fn violation(client: &Client<'_, impl Subject>) -> Kept {
    for path in VIOLATIONS {
        client.connect(path).await?.error().await?;
    }
    Ok(())
}

pub(super) async fn kind_of_violation(client: &Client<'_, impl Subject>) -> Kept {
    for path in VIOLATIONS.into_iter().chain(FORBIDDEN_CODES) {
        let error = client.connect(path).await?.error().await?;
        ensure!(error.kind() == ErrorKind::Protocol, "{path}: {}: {error}", error.kind());
    }
    Ok(())
}

const FORBIDDEN_CODES: [&str; 3] = ["/close-999", "/close-1005", "/close-half-a-code"];

pub(super) async fn forbidden_code(client: &Client<'_, impl Subject>) -> Kept {
    for path in FORBIDDEN_CODES {
        client.connect(path).await?.error().await?;
    }
    Ok(())
}

pub(super) async fn nothing_after(client: &Client<'_, impl Subject>) -> Kept {
    for path in ["/violation-reserved-opcode", "/close-4001", "/end"] {
        let mut tested = client.connect(path).await?;
        tested.reads_to_end().await?;
        for _ in 0..2 {
            tested.ends().await?;
        }
    }
    Ok(())
}
