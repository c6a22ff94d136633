//! `wsbeat relay tail`.

use std::{
    io::Write,
    time::{Duration, SystemTime},
};

use async_nats::jetstream::{Message, consumer};
use futures::StreamExt;
use serde_json::json;

use super::{Connection, Failure, File, failed};
use crate::record::Stamp;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The name of the subscription.
    #[arg(value_parser = super::name)]
    name: String,
    /// Begin with what was stored at this time: RFC 3339, or a span before now such as `10m`. Without it,
    /// only what is new is printed.
    #[arg(long, value_name = "TIME", value_parser = from)]
    from: Option<Stamp>,
    /// End with what is stored now.
    #[arg(long)]
    no_follow: bool,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    file: File,
}

fn from(text: &str) -> Result<Stamp, String> {
    if let Some(stamp) = Stamp::parse(text) {
        return Ok(stamp);
    }
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let seconds = match text[digits.len()..].trim() {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => 0,
    };
    match digits.parse::<u64>() {
        Ok(count) if seconds > 0 => {
            let span = Duration::from_secs(count.saturating_mul(seconds));
            Ok(crate::record::unix_now().before(span))
        }
        _ => Err("a time such as 2026-11-27T06:00:00Z, or a span such as 30s, 10m, 2h, 1d".into()),
    }
}

pub(super) async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let connection = Connection::open(&arguments.file).await?;
    let Connection { client, names, .. } = &connection;
    let context = crate::nats::context(client);
    let mut stream = context.get_stream(names.stream()).await.map_err(failed)?;
    let last = stream.info().await.map_err(failed)?.state.last_sequence;
    let deliver_policy = match arguments.from {
        None => consumer::DeliverPolicy::New,
        Some(from) => {
            let start = SystemTime::UNIX_EPOCH + Duration::from_nanos(from.0);
            consumer::DeliverPolicy::ByStartTime { start_time: start.into() }
        }
    };
    // What is stored of one that was removed can still be read.
    if !matches!(connection.wished(&arguments.name).await, Ok(Some(_))) {
        eprintln!("no subscription `{}` is wanted at present", arguments.name);
    }
    let settings = consumer::pull::OrderedConfig {
        filter_subject: names.all(&arguments.name),
        deliver_policy,
        ..Default::default()
    };
    let consumer = stream.create_consumer(settings).await.map_err(failed)?;
    if arguments.no_follow && consumer.cached_info().num_pending == 0 {
        return Ok(());
    }
    let mut messages = consumer.messages().await.map_err(failed)?;
    let mut out = std::io::stdout().lock();
    while let Some(message) = messages.next().await {
        let message = message.map_err(failed)?;
        let Ok(info) = message.info() else { continue };
        let (sequence, pending) = (info.stream_sequence, info.pending);
        let line =
            if arguments.json { as_json(&message, sequence) } else { as_text(&message, sequence) };
        if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
            // Nobody reads.
            return Ok(());
        }
        if arguments.no_follow && (pending == 0 || sequence >= last) {
            return Ok(());
        }
    }
    Ok(())
}

fn header<'m>(message: &'m Message, name: &str) -> Option<&'m str> {
    message.headers.as_ref()?.get(name).map(|value| value.as_str())
}

fn as_text(message: &Message, sequence: u64) -> String {
    let payload = match std::str::from_utf8(&message.payload) {
        Ok(text) => text.escape_debug().to_string().replace("\\\"", "\""),
        Err(_) => format!("{} bytes", message.payload.len()),
    };
    match header(message, "Wsb-Record") {
        Some(record) => format!("#{sequence} == {record} {payload}"),
        None => {
            let of = |name| header(message, name).unwrap_or("?");
            let received = of("Wsb-Recv").parse().map(Stamp);
            let received = received.map_or_else(|_| "?".to_owned(), |stamp| stamp.to_string());
            format!(
                "#{sequence} {received} {}.{}.{} {payload}",
                of("Wsb-Epoch"),
                of("Wsb-Conn"),
                of("Wsb-Seq")
            )
        }
    }
}

fn as_json(message: &Message, sequence: u64) -> String {
    if header(message, "Wsb-Record").is_some() {
        let record: serde_json::Value =
            serde_json::from_slice(&message.payload).unwrap_or_default();
        return json!({ "sequence": sequence, "record": record }).to_string();
    }
    let number = |name| header(message, name).and_then(|text| text.parse::<u64>().ok());
    let mut line = json!({
        "sequence": sequence,
        "id": header(message, "Nats-Msg-Id"),
        "epoch": number("Wsb-Epoch"),
        "connection": number("Wsb-Conn"),
        "number": number("Wsb-Seq"),
        "received": number("Wsb-Recv").map(Stamp),
    });
    match std::str::from_utf8(&message.payload) {
        Ok(text) => line["text"] = text.into(),
        Err(_) => line["binary"] = hex(&message.payload).into(),
    }
    line.to_string()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
