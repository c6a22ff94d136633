//! From bytes to messages: [`Decoder`].

use data_encoding::BASE64;
use serde::Deserialize;
use websocket_heartbeat_smol::{DropReason, Message};

use super::{
    Framing,
    split::{Delimited, Frame, Prefixed},
};

/// Makes messages of chunks of bytes.
pub(crate) struct Decoder {
    framing: Framing,
    binary: bool,
    frames: Frames,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Decoded {
    Message(Message),
    /// A frame that is no message, with the reason of the record `unsent`.
    Rejected(&'static str, Message),
}

enum Frames {
    Delimited(Delimited),
    Prefixed(Prefixed),
}

impl Decoder {
    /// `limit` is the maximum number of bytes of a message. With `binary`, the formats that do not
    /// say otherwise are binary messages.
    pub(crate) fn new(framing: Framing, binary: bool, limit: usize) -> Self {
        let delimited = |separator, limit| Frames::Delimited(Delimited::new(separator, limit));
        let frames = match framing {
            Framing::Lines => delimited(Some(b'\n'), limit),
            Framing::Raw => delimited(None, limit),
            Framing::Nul => delimited(Some(0), limit),
            Framing::Length => Frames::Prefixed(Prefixed::new(limit)),
            Framing::Base64 => delimited(Some(b'\n'), BASE64.encode_len(limit)),
            // Names, other fields and escapes need room too.
            Framing::Json => delimited(Some(b'\n'), limit.saturating_mul(2).saturating_add(4_096)),
        };
        Self { framing, binary, frames }
    }

    /// Calls `each` with every message that `bytes` completes.
    pub(crate) fn feed(&mut self, bytes: &[u8], mut each: impl FnMut(Decoded)) {
        let (framing, binary) = (self.framing, self.binary);
        let each = |frame| {
            if let Some(decoded) = decode(framing, binary, frame) {
                each(decoded);
            }
        };
        match &mut self.frames {
            Frames::Delimited(frames) => frames.feed(bytes, each),
            Frames::Prefixed(frames) => frames.feed(bytes, each),
        }
    }

    /// The bytes have ended.
    pub(crate) fn finish(&mut self) -> Option<Decoded> {
        let frame = match &mut self.frames {
            Frames::Delimited(frames) => frames.finish(),
            Frames::Prefixed(frames) => frames.finish(),
        };
        decode(self.framing, self.binary, frame?)
    }
}

/// `None` for a record of another event than a message.
fn decode(framing: Framing, binary: bool, frame: Frame) -> Option<Decoded> {
    Some(match frame {
        Frame::Whole(bytes) => match framing {
            Framing::Json => return decode_json(bytes),
            Framing::Base64 => match BASE64.decode(&bytes) {
                Ok(bytes) => Decoded::Message(bytes.into()),
                Err(_) => Decoded::Rejected(MALFORMED, shown(bytes)),
            },
            _ if binary => Decoded::Message(bytes.into()),
            _ => match String::from_utf8(bytes) {
                Ok(text) => Decoded::Message(text.into()),
                Err(error) => Decoded::Rejected("not_utf8", error.into_bytes().into()),
            },
        },
        Frame::TooLong(head) if binary => {
            Decoded::Rejected(DropReason::TooLarge.name(), head.into())
        }
        Frame::TooLong(head) => Decoded::Rejected(DropReason::TooLarge.name(), shown(head)),
        Frame::Incomplete(bytes) => Decoded::Rejected("incomplete", bytes.into()),
    })
}

/// A record of a message. Fields that it does not need are ignored.
#[derive(Deserialize)]
struct MessageRecord {
    event: Option<String>,
    text: Option<String>,
    base64: Option<String>,
}

fn decode_json(line: Vec<u8>) -> Option<Decoded> {
    let Ok(record) = serde_json::from_slice::<MessageRecord>(&line) else {
        return Some(Decoded::Rejected(MALFORMED, shown(line)));
    };
    if record.event.is_some_and(|event| event != "message") {
        return None;
    }
    let message = match (record.text, record.base64) {
        (Some(text), None) => Some(Message::from(text)),
        (None, Some(base64)) => BASE64.decode(base64.as_bytes()).ok().map(Message::from),
        _ => None,
    };
    Some(match message {
        Some(message) => Decoded::Message(message),
        None => Decoded::Rejected(MALFORMED, shown(line)),
    })
}

/// Bytes as a text if they are one.
fn shown(bytes: Vec<u8>) -> Message {
    match String::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(error) => error.into_bytes().into(),
    }
}

/// The reason for a frame that is not in the format.
const MALFORMED: &str = "malformed";
