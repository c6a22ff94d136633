//! The events of the browser's `WebSocket`, as values of Rust: [`SocketEvent`].

use js_sys::{ArrayBuffer, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{CloseEvent, DomException, MessageEvent};
use websocket_heartbeat::{CloseFrame, ErrorKind, Frame, Message, TransportError};

/// An event of a `WebSocket`.
#[derive(Debug)]
pub(crate) enum SocketEvent {
    Opened,
    Frame(Frame),
    Failed(TransportError),
    /// The last event.
    Ended,
}

impl SocketEvent {
    /// The message, with its one copy from the memory of JavaScript.
    pub(crate) fn message(event: &MessageEvent) -> Self {
        let data = event.data();
        let message = match data.dyn_ref::<ArrayBuffer>() {
            Some(buffer) => Message::binary(Uint8Array::new(buffer).to_vec()),
            // The type of binary messages is set, so all other messages are texts.
            None => Message::text(data.as_string().unwrap_or_default()),
        };
        Self::Frame(message.into())
    }

    /// The event before [`Ended`](Self::Ended).
    pub(crate) fn close(event: &CloseEvent) -> Self {
        match event.code() {
            // The values of RFC 6455 section 7.4.1 for a close frame without a body, and for none.
            1005 => Self::Frame(Frame::Close(None)),
            1006 | 1015 => {
                let text = "without a close frame; the browser reports no reason";
                Self::Failed(TransportError::new(ErrorKind::Ended, text))
            }
            code @ (1000..=1003 | 1007..=1014 | 3000..=4999) => {
                Self::Frame(Frame::Close(Some(CloseFrame::new(code, event.reason()))))
            }
            code => {
                let text = format!("close code {code}, which a server must not send");
                Self::Failed(TransportError::new(ErrorKind::Protocol, text))
            }
        }
    }
}

/// The error for an exception of JavaScript. It contains no text of the exception, because that can
/// repeat the URL with its secrets.
pub(crate) fn exception(thrown: JsValue) -> TransportError {
    let name = thrown.dyn_ref::<DomException>().map(DomException::name).unwrap_or_default();
    let (kind, text) = match name.as_str() {
        "SyntaxError" => (ErrorKind::Url, "the browser refuses the URL or a subprotocol"),
        "SecurityError" => (ErrorKind::Url, "the page is not permitted to use this URL"),
        _ => (ErrorKind::Other, "the browser threw an exception"),
    };
    TransportError::new(kind, text)
}
