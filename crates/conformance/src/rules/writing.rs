//! Frames of the client.

use std::time::Duration;

use websocket_heartbeat::{Frame, Message, Timer};

use super::client::{Broken, Client, Kept, Subject, Tested, ensure};

pub(super) async fn order(client: &Client<'_, impl Subject>) -> Kept {
    let mut tested = client.connect("/echo").await?;
    let first = [
        Message::text(""),
        Message::text("text, né"),
        Message::binary(vec![]),
        Message::binary(vec![0, 255]),
    ];
    let numbers = (0..100_u32).map(|number| Message::text(number.to_string()));
    // Each length of RFC 6455 section 5.2 has its own form.
    let lengths = [125, 126, 65_535, 65_536].map(|length| Message::binary(vec![7; length]));
    let messages: Vec<_> = first.into_iter().chain(numbers).chain(lengths).collect();
    for message in &messages {
        tested.start(message.clone()).await?;
    }
    tested.flush().await?;
    for message in messages {
        tested.reads_message(message).await?;
    }
    Ok(())
}

pub(super) async fn pings(client: &Client<'_, impl Subject>) -> Kept {
    let mut tested = client.connect("/ping-and-pong").await?;
    tested.send(Frame::Ping("ours".into())).await?;
    tested.reads(Frame::Pong("ours".into())).await?;
    tested.send(Frame::Pong("unasked".into())).await?;
    tested.verdict().await.map(drop)
}

/// The size of a message that no buffer of a socket holds.
const LARGE: usize = 5 << 20;

fn large_message() -> Message {
    let bytes: Vec<u8> = (0..=255).collect();
    Message::binary(bytes.repeat(LARGE / bytes.len()))
}

pub(super) async fn large(client: &Client<'_, impl Subject>) -> Kept {
    let mut tested = client.connect("/echo").await?;
    tested.send(large_message()).await?;
    tested.reads_message(large_message()).await
}

pub(super) async fn back_pressure(client: &Client<'_, impl Subject>) -> Kept {
    let mut tested = client.connect("/count").await?;
    let sent = tested.fill().await?;
    tested.go().await?;
    tested.flush().await?;
    ensure!(tested.is_ready().await, "nothing is accepted after a flush");
    tested.send(Message::text("end")).await?;
    let counted = tested.verdict().await?;
    ensure!(counted == Some(sent), "{sent} messages are sent, and {counted:?} arrive");
    Ok(())
}

/// Sends to a connection that the server has reset, until a write fails.
async fn fail_to_write<'a, S: Subject>(client: &Client<'a, S>) -> Result<Tested<'a, S>, Broken> {
    let mut tested = client.connect("/last-words").await?;
    tested.send(Message::text("never read")).await?;
    tested.verdict().await?;
    let timer = client.subject.timer();
    let mut tries = 0;
    while tested.send(Message::text("more")).await.is_ok() {
        tries += 1;
        ensure!(tries < 1000, "no write fails after a reset");
        timer.sleep(Duration::from_millis(1)).await;
    }
    Ok(tested)
}

pub(super) async fn after_failed_write(client: &Client<'_, impl Subject>) -> Kept {
    let mut tested = fail_to_write(client).await?;
    let again = tested.send(Message::text("more")).await;
    ensure!(again.is_err(), "a message is accepted after a failed write");
    Ok(())
}

pub(super) async fn failed_write(client: &Client<'_, impl Subject>) -> Kept {
    let mut tested = fail_to_write(client).await?;
    tested.reads_message("last words").await?;
    match tested.frame().await? {
        Frame::Close(Some(close)) if close.code == 4002 => {}
        other => return Err(Broken::new(format!("{other:?} is read instead of a close frame"))),
    }
    tested.ends_or_fails().await
}

pub(super) async fn too_large(client: &Client<'_, impl Subject>) -> Kept {
    let mut tested = client.connect("/text-on-go").await?;
    let size = client.subject.message_limit().saturating_add(1);
    let sent = tested.send(Message::binary(vec![0; size])).await;
    ensure!(sent.is_err(), "a message of {size} bytes is accepted");
    tested.go().await?;
    tested.reads_message("now").await
}
