//! Entries as messages of NATS, with their headers.

use async_nats::{
    HeaderMap, HeaderValue,
    jetstream::message::{PublishMessage, StreamMessage},
};

use crate::{
    engine::{Data, Entry, Head, Last},
    record::{SCHEMA, Stamp},
};

/// The message of an entry.
pub(super) fn message(entry: &Entry) -> PublishMessage {
    PublishMessage::build().headers(headers(entry)).payload(entry.payload.clone())
}

pub(super) fn headers(entry: &Entry) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Msg-Id", &*entry.id);
    match entry.head {
        Head::Data(Data { epoch, connection, sequence, received, is_text }) => {
            headers.insert("Wsb-Epoch", HeaderValue::from(epoch));
            headers.insert("Wsb-Conn", HeaderValue::from(connection));
            headers.insert("Wsb-Seq", HeaderValue::from(sequence));
            headers.insert("Wsb-Recv", HeaderValue::from(received.0));
            headers.insert("Wsb-Op", if is_text { "text" } else { "binary" });
        }
        Head::Note(name) => {
            headers.insert("Wsb-Record", name);
            headers.insert("Wsb-Schema", HeaderValue::from(u64::from(SCHEMA)));
        }
    }
    headers
}

/// An entry that is stored.
pub(super) fn last(message: StreamMessage) -> Last {
    let id = message.headers.get("Nats-Msg-Id").map_or("", |id| id.as_str()).into();
    let data = data(&message.headers);
    Last { sequence: message.sequence, id, data, payload: message.payload }
}

fn data(headers: &HeaderMap) -> Option<Data> {
    let text = |name: &str| headers.get(name).map(|value| value.as_str());
    let number = |name: &str| text(name)?.parse().ok();
    Some(Data {
        epoch: number("Wsb-Epoch")?,
        connection: number("Wsb-Conn")?,
        sequence: number("Wsb-Seq")?,
        received: Stamp(number("Wsb-Recv")?),
        is_text: text("Wsb-Op") == Some("text"),
    })
}
