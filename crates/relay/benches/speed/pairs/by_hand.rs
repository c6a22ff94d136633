//! The loop that one would write by hand with tokio-tungstenite and async-nats.

use std::{collections::VecDeque, error::Error, future::IntoFuture};

use async_nats::jetstream::{self, context::ContextBuilder, message::PublishMessage};
use futures::StreamExt;
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio_tungstenite::{client_async, tungstenite::Message};

use super::{Job, WINDOW};

#[derive(Deserialize)]
struct Numbered {
    seq: u64,
}

/// Runs one loop for each subscription, until one fails.
pub(crate) async fn run(job: Job) -> Result<(), Box<dyn Error + Send + Sync>> {
    let client = async_nats::connect(&job.nats).await?;
    let context = ContextBuilder::new().max_ack_inflight(WINDOW * job.names.len()).build(client);
    let loops = job.names.into_iter().map(|name| {
        tokio::spawn(relay(context.clone(), job.upstream.clone(), job.group.clone(), name))
    });
    for done in loops.collect::<Vec<_>>() {
        done.await??;
    }
    Ok(())
}

async fn relay(
    context: jetstream::Context,
    upstream: String,
    group: String,
    name: String,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let stream = TcpStream::connect(&upstream).await?;
    stream.set_nodelay(true)?;
    let (mut socket, _) = client_async(format!("ws://{upstream}/{name}"), stream).await?;
    let subject = async_nats::Subject::from(format!("wsb.{group}.in.{name}"));
    let mut acks = VecDeque::with_capacity(WINDOW);
    loop {
        tokio::select! {
            Some(stored) = async { Some(acks.front_mut()?.await) } => {
                let _: jetstream::publish::PublishAck = stored?;
                acks.pop_front();
            }
            message = socket.next(), if acks.len() < WINDOW => {
                let Message::Text(text) = message.ok_or("the upstream has closed")?? else {
                    continue;
                };
                let Numbered { seq } = serde_json::from_str(&text)?;
                let message = PublishMessage::build()
                    .message_id(format!("{name}:i:{seq}"))
                    .payload(text.into());
                let ack = context.send_publish(subject.clone(), message).await?;
                acks.push_back(ack.into_future());
            }
        }
    }
}
