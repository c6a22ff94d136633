//! Prints the data of a subscription in their order, and asks for what may be missing.
//!
//! `cargo run --example reader -- nats://127.0.0.1:4222 GROUP NAME`

use async_nats::{
    Error,
    jetstream::{self, consumer::pull::OrderedConfig},
};
use futures::StreamExt;
use serde::Deserialize;

/// Its times are those of workers: a message that was on its way at `from` was sent before it.
#[derive(Deserialize)]
struct Gap {
    from: String,
    to: String,
    /// An owner recorded the beginning itself. Otherwise `from` is when the last stored message was
    /// received, and the upstream may have sent more just before.
    certain: bool,
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [server, group, name] = &arguments[..] else {
        return Err("reader SERVER GROUP NAME".into());
    };
    let context = jetstream::new(async_nats::connect(server).await?);
    let stream = context.get_stream(format!("WSB_{group}")).await?;
    // Data and records of one subscription are in one stream, so in one order.
    let filter_subject = format!("wsb.{group}.*.{name}");
    let config = OrderedConfig { filter_subject, ..OrderedConfig::default() };
    let mut messages = stream.create_consumer(config).await?.messages().await?;
    while let Some(message) = messages.next().await {
        let message = message?;
        let headers = message.headers.as_ref();
        match headers.and_then(|headers| headers.get("Wsb-Record")).map(|record| record.as_str()) {
            None => println!("data {}", String::from_utf8_lossy(&message.payload)),
            Some("gap") => backfill(&serde_json::from_slice(&message.payload)?),
            // The owner, its connections, and their ends.
            Some(record) => println!("record {record}"),
        }
    }
    Ok(())
}

/// Ask the upstream's history for this time here, by its own interface.
fn backfill(gap: &Gap) {
    let about = if gap.certain { "from" } else { "from shortly before" };
    println!("ask for what was sent {about} {} to {}", gap.from, gap.to);
}
