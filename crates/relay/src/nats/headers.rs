//! Entries as messages of NATS, with their headers.

use async_nats::{
    HeaderMap, HeaderName, HeaderValue,
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

// Made once: a name that is given as a text is checked and copied for each message.
const ID: HeaderName = HeaderName::from_static("Nats-Msg-Id");
const EPOCH: HeaderName = HeaderName::from_static("Wsb-Epoch");
const CONNECTION: HeaderName = HeaderName::from_static("Wsb-Conn");
const SEQUENCE: HeaderName = HeaderName::from_static("Wsb-Seq");
const RECEIVED: HeaderName = HeaderName::from_static("Wsb-Recv");
const KIND: HeaderName = HeaderName::from_static("Wsb-Op");

pub(super) fn headers(entry: &Entry) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(ID, &*entry.id);
    match entry.head {
        Head::Data(Data { epoch, connection, sequence, received, is_text }) => {
            headers.insert(EPOCH, HeaderValue::from(epoch));
            headers.insert(CONNECTION, HeaderValue::from(connection));
            headers.insert(SEQUENCE, HeaderValue::from(sequence));
            headers.insert(RECEIVED, HeaderValue::from(received.0));
            headers.insert(KIND, if is_text { "text" } else { "binary" });
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
