//! Conversions to and from the messages of [axum](https://docs.rs/axum), for servers that pass
//! messages on, such as proxies. Payloads are not copied.

use axum::extract::ws::{CloseFrame as AxumCloseFrame, Message as AxumMessage, Utf8Bytes};

use crate::{Bytes, CloseFrame, Frame, Message, Text};

/// Converts a message of axum.
///
/// ```
/// use websocket_heartbeat_tokio::{Frame, Message, axum_messages::{from_axum, into_axum}};
///
/// let theirs = into_axum(Message::from("hello").into());
/// assert_eq!(from_axum(theirs), Frame::Message("hello".into()));
/// ```
pub fn from_axum(message: AxumMessage) -> Frame {
    match message {
        AxumMessage::Text(text) => Message::Text(our_text(text)).into(),
        AxumMessage::Binary(bytes) => Message::Binary(bytes).into(),
        AxumMessage::Ping(payload) => Frame::Ping(payload),
        AxumMessage::Pong(payload) => Frame::Pong(payload),
        AxumMessage::Close(close) => {
            Frame::Close(close.map(|close| CloseFrame::new(close.code, our_text(close.reason))))
        }
    }
}

/// Converts a frame into a message of axum. Nothing is checked: axum refuses a close code that must
/// not be sent, and a control frame of more than 125 bytes.
pub fn into_axum(frame: Frame) -> AxumMessage {
    match frame {
        Frame::Message(Message::Text(text)) => AxumMessage::Text(axum_text(text)),
        Frame::Message(Message::Binary(bytes)) => AxumMessage::Binary(bytes),
        Frame::Ping(payload) => AxumMessage::Ping(payload),
        Frame::Pong(payload) => AxumMessage::Pong(payload),
        Frame::Close(close) => AxumMessage::Close(
            close.map(|close| AxumCloseFrame { code: close.code, reason: axum_text(close.reason) }),
        ),
    }
}

fn our_text(text: Utf8Bytes) -> Text {
    Bytes::from(text).try_into().expect("Utf8Bytes is UTF-8")
}

fn axum_text(text: Text) -> Utf8Bytes {
    text.into_bytes().try_into().expect("a Text is UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_message_is_converted_in_both_directions() {
        let payload = Bytes::from_static(b"\0\xff");
        let close = |code| AxumCloseFrame { code, reason: "so".into() };
        for (theirs, ours) in [
            (AxumMessage::Text("né".into()), Message::from("né").into()),
            (AxumMessage::Binary(payload.clone()), Message::from(payload.clone()).into()),
            (AxumMessage::Ping(payload.clone()), Frame::Ping(payload.clone())),
            (AxumMessage::Pong(payload.clone()), Frame::Pong(payload)),
            (AxumMessage::Close(None), Frame::Close(None)),
            (
                AxumMessage::Close(Some(close(1001))),
                Frame::Close(Some(CloseFrame::new(1001, "so"))),
            ),
            (
                AxumMessage::Close(Some(close(4999))),
                Frame::Close(Some(CloseFrame::new(4999, "so"))),
            ),
        ] {
            assert_eq!(from_axum(theirs.clone()), ours);
            assert_eq!(into_axum(ours), theirs);
        }
    }

    #[test]
    fn the_payload_of_a_text_is_not_copied() {
        let text = Message::from(String::from("hello"));
        let address = text.as_bytes().as_ptr();
        let Frame::Message(text) = from_axum(into_axum(text.into())) else { panic!() };
        assert_eq!((text.as_bytes().as_ptr(), text), (address, Message::from("hello")));
    }
}
