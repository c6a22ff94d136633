//! Conversions to and from the messages of tungstenite, for programs that also use that library or
//! a crate that re-exports it. Payloads are not copied.

use tungstenite::{
    Message as WsMessage,
    protocol::{CloseFrame as WsCloseFrame, frame::Utf8Bytes},
};
use websocket_heartbeat::{CloseFrame, Frame, Message};

use crate::frame::trusted;

/// Converts a message of tungstenite. Returns `None` for a raw frame, which tungstenite never
/// returns from a read.
///
/// ```
/// use websocket_heartbeat::{Frame, Message};
/// use websocket_heartbeat_tungstenite::messages::{from_tungstenite, into_tungstenite};
///
/// let theirs = into_tungstenite(Message::from("hello").into());
/// assert_eq!(from_tungstenite(theirs), Some(Frame::Message("hello".into())));
/// ```
pub fn from_tungstenite(message: WsMessage) -> Option<Frame> {
    Some(match message {
        WsMessage::Text(text) => Message::Text(trusted(text)).into(),
        WsMessage::Binary(bytes) => Message::Binary(bytes).into(),
        WsMessage::Ping(payload) => Frame::Ping(payload),
        WsMessage::Pong(payload) => Frame::Pong(payload),
        WsMessage::Close(close) => Frame::Close(
            close.map(|close| CloseFrame::new(close.code.into(), trusted(close.reason))),
        ),
        WsMessage::Frame(_) => return None,
    })
}

/// Converts a frame into a message of tungstenite. Nothing is checked: tungstenite or the peer
/// refuses a close code that must not be sent, and a control frame of more than 125 bytes.
pub fn into_tungstenite(frame: Frame) -> WsMessage {
    match frame {
        Frame::Message(Message::Text(text)) => WsMessage::Text(utf8(text)),
        Frame::Message(Message::Binary(bytes)) => WsMessage::Binary(bytes),
        Frame::Ping(payload) => WsMessage::Ping(payload),
        Frame::Pong(payload) => WsMessage::Pong(payload),
        Frame::Close(close) => WsMessage::Close(
            close.map(|close| WsCloseFrame { code: close.code.into(), reason: utf8(close.reason) }),
        ),
    }
}

fn utf8(text: websocket_heartbeat::Text) -> Utf8Bytes {
    text.into_bytes().try_into().expect("a Text is UTF-8")
}

#[cfg(test)]
mod tests {
    use tungstenite::protocol::frame::{Frame as RawFrame, coding::CloseCode};
    use websocket_heartbeat::Bytes;

    use super::*;

    #[test]
    fn each_kind_of_message_is_converted_in_both_directions() {
        let payload = Bytes::from_static(b"\0\xff");
        let close = |code: u16| WsCloseFrame { code: CloseCode::from(code), reason: "so".into() };
        for (theirs, ours) in [
            (WsMessage::text("né"), Message::from("né").into()),
            (WsMessage::Binary(payload.clone()), Message::from(payload.clone()).into()),
            (WsMessage::Ping(payload.clone()), Frame::Ping(payload.clone())),
            (WsMessage::Pong(payload.clone()), Frame::Pong(payload)),
            (WsMessage::Close(None), Frame::Close(None)),
            (WsMessage::Close(Some(close(1001))), Frame::Close(Some(CloseFrame::new(1001, "so")))),
            (WsMessage::Close(Some(close(4999))), Frame::Close(Some(CloseFrame::new(4999, "so")))),
        ] {
            assert_eq!(from_tungstenite(theirs.clone()), Some(ours.clone()));
            assert_eq!(into_tungstenite(ours), theirs);
        }
        assert_eq!(from_tungstenite(WsMessage::Frame(RawFrame::ping("raw"))), None);
    }

    #[test]
    fn the_payload_of_a_text_is_not_copied() {
        let text = Message::from(String::from("hello"));
        let address = text.as_bytes().as_ptr();
        let theirs = into_tungstenite(text.into());
        let Some(Frame::Message(text)) = from_tungstenite(theirs) else { panic!() };
        assert_eq!((text.as_bytes().as_ptr(), text), (address, Message::from("hello")));
    }
}
