//! Conversions between our frames and tungstenite's messages, without copies of payloads.

use tungstenite::protocol::{
    CloseFrame as WsCloseFrame, Message as Ws,
    frame::{
        Frame as WsFrame, Utf8Bytes,
        coding::{CloseCode, Data, OpCode},
    },
};
use websocket_heartbeat::{CloseFrame, ErrorKind, Frame, Message, Text, TransportError};

/// The longest payload of a control frame (RFC 6455 section 5.5).
const CONTROL_LIMIT: usize = 125;

/// The code of a close frame without a code (RFC 6455 section 7.4.1). It is never sent.
const NO_CODE: u16 = 1005;

/// Text that tungstenite has checked.
#[inline]
pub(crate) fn trusted(text: Utf8Bytes) -> Text {
    // SAFETY: a `Utf8Bytes` is UTF-8. It is tungstenite's type for checked text.
    #[allow(unsafe_code, reason = "the text was checked once, see `Text::from_bytes_unchecked`")]
    unsafe {
        Text::from_bytes_unchecked(text.into())
    }
}

/// Converts a frame for tungstenite. Fails if RFC 6455 does not allow sending the frame.
#[inline]
pub(crate) fn outbound(frame: Frame) -> Result<Ws, TransportError> {
    Ok(match frame {
        // As a frame: a text message of tungstenite would be checked for UTF-8 again.
        Frame::Message(Message::Text(text)) => {
            Ws::Frame(WsFrame::message(text.into_bytes(), OpCode::Data(Data::Text), true))
        }
        Frame::Message(Message::Binary(bytes)) => Ws::Binary(bytes),
        Frame::Ping(payload) if payload.len() <= CONTROL_LIMIT => Ws::Ping(payload),
        // As a frame: a pong message of tungstenite would replace the answer to a ping.
        Frame::Pong(payload) if payload.len() <= CONTROL_LIMIT => Ws::Frame(WsFrame::pong(payload)),
        Frame::Ping(_) | Frame::Pong(_) => {
            return Err(TransportError::new(
                ErrorKind::TooLarge,
                "a ping or pong carries at most 125 bytes",
            ));
        }
        Frame::Close(close) => Ws::Close(close.map(outbound_close).transpose()?.flatten()),
    })
}

fn outbound_close(close: CloseFrame) -> Result<Option<WsCloseFrame>, TransportError> {
    if close.code == NO_CODE {
        return Ok(None);
    }
    let code = CloseCode::from(close.code);
    if !code.is_allowed() {
        return Err(TransportError::new(
            ErrorKind::Protocol,
            format!("close code {} must not be sent", close.code),
        ));
    }
    // The code takes two bytes.
    let mut end = close.reason.len().min(CONTROL_LIMIT - 2);
    while !close.reason.is_char_boundary(end) {
        end -= 1;
    }
    Ok(Some(WsCloseFrame { code, reason: close.reason[..end].into() }))
}

#[cfg(test)]
mod tests {
    use websocket_heartbeat::Bytes;

    use super::*;

    fn close_sent(code: u16, reason: &str) -> Result<Option<WsCloseFrame>, TransportError> {
        match outbound(Frame::Close(Some(CloseFrame::new(code, reason))))? {
            Ws::Close(close) => Ok(close),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn payloads_are_not_copied() {
        let text = Text::from(String::from("né"));
        let at = text.as_ptr();
        let Ok(Ws::Frame(frame)) = outbound(Message::Text(text).into()) else { panic!() };
        let text = trusted(frame.into_text().unwrap());
        assert_eq!((text.as_str(), text.as_ptr()), ("né", at));
    }

    #[test]
    fn control_frames_over_the_limit_are_refused() {
        let payload = |len| Bytes::from(vec![0; len]);
        assert!(outbound(Frame::Ping(payload(125))).is_ok());
        let error = outbound(Frame::Ping(payload(126))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge);
        assert!(outbound(Frame::Pong(payload(126))).is_err());
    }

    #[test]
    fn a_long_close_reason_is_cut_between_characters() {
        let sent = close_sent(1000, &"é".repeat(100)).unwrap().unwrap();
        assert_eq!(sent.reason.as_str(), "é".repeat(61));
    }

    #[test]
    fn forbidden_close_codes_are_refused() {
        assert_eq!(close_sent(1005, "").unwrap(), None);
        assert!(close_sent(4000, "").unwrap().is_some());
        for code in [0, 999, 1004, 1006, 1015, 2000, 5000] {
            assert_eq!(close_sent(code, "").unwrap_err().kind(), ErrorKind::Protocol, "{code}");
        }
    }
}
