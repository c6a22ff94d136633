//! Messages in both directions.

use std::time::Duration;

use websocket_heartbeat_web::{Fate, Heartbeat, LostCause, Message, connect};

use super::{Outcome, ensure};
use crate::{
    page::Server,
    session::{Session, original},
};

pub(super) async fn echo(server: &Server) -> Outcome {
    let mut session = Session::open(connect(server.url("/echo"))).await?;
    for message in [
        Message::text("héllo, wörld, \u{1f980}"),
        Message::text(""),
        Message::binary((0..=255).collect::<Vec<u8>>()),
        Message::binary(Vec::new()),
    ] {
        session.echo(message).await?;
    }
    session.handle.close();
    session.closed().await.map(drop)
}

pub(super) async fn large(server: &Server) -> Outcome {
    let mut session = Session::open(connect(server.url("/echo"))).await?;
    let bytes = (0..8 * 1024 * 1024_u32).map(|index| (index % 251) as u8).collect::<Vec<_>>();
    let message = Message::binary(bytes);
    let queued = session.handle.queue_with_receipt(message.clone()).await;
    let receipt = queued.map_err(|error| error.to_string())?;
    let back = session.message().await?;
    ensure(back == message, || format!("{back:?} came back"))?;
    let fate = receipt.await;
    ensure(matches!(fate, Fate::Written { .. }), || format!("{fate:?}"))
}

/// The server stops to read, so the browser buffers the rest of the message.
pub(super) async fn unread(server: &Server) -> Outcome {
    let ms = Duration::from_millis;
    let settings = original(server.url("/frozen"))
        .heartbeat(Heartbeat::idle(ms(200)).timeout(ms(300)).message("beat"));
    let mut session = Session::open(settings).await?;
    let queued = session.handle.queue_with_receipt(vec![0; 32 * 1024 * 1024]).await;
    let receipt = queued.map_err(|error| error.to_string())?;
    let lost = session.lost().await?;
    ensure(matches!(lost.cause, LostCause::WriteStalled(_)), || lost.cause.to_string())?;
    let fate = receipt.await;
    ensure(matches!(fate, Fate::Unknown { .. }), || format!("{fate:?}"))
}
