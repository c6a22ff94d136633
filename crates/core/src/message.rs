//! [`Message`]s of the application, and [`Frame`]s between supervisor and connection.

use std::{borrow::Cow, fmt, time::Duration};

use bytes::Bytes;

use crate::{
    error::{ConfigError, ensure},
    text::Text,
};

/// A complete WebSocket message. Fragments have been joined; control frames are not messages.
///
/// Clones share the payload. `Debug` shows the kind and the length, not the payload: events, fates
/// and errors end in logs, and a payload can be a secret or have 64 MiB.
///
/// # Examples
///
/// ```
/// use websocket_heartbeat::Message;
///
/// let text = Message::from("hello");
/// assert_eq!(text.as_text(), Some("hello"));
/// assert_eq!(format!("{text:?}"), "Text(5 bytes)");
///
/// let binary = Message::from(vec![1, 2, 3]);
/// assert_eq!((binary.as_text(), binary.as_bytes()), (None, &[1, 2, 3][..]));
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "RFC 6455 section 5.6 has these two data frames")]
pub enum Message {
    /// UTF-8 text.
    Text(Text),
    /// Arbitrary bytes.
    Binary(Bytes),
}

impl Message {
    /// Makes a text message.
    pub fn text(text: impl Into<Text>) -> Self {
        Self::Text(text.into())
    }

    /// Makes a binary message.
    pub fn binary(bytes: impl Into<Bytes>) -> Self {
        Self::Binary(bytes.into())
    }

    /// Returns the name of the variant in lower case, for logs: `text` or `binary`. These names are
    /// stable.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Binary(_) => "binary",
        }
    }

    /// Returns the text, if it is a text message.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Binary(_) => None,
        }
    }

    /// Returns the payload. For a text message these are its UTF-8 bytes.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }

    /// Returns the length of the payload in bytes.
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Returns a copy with a payload of its own, if the payload is small.
    ///
    /// A payload can be a slice of a larger buffer. A message that is kept then keeps a whole read
    /// buffer of 16 KiB or more. Up to a quarter of that, a copy costs less than it frees.
    pub(crate) fn copied_if_small(&self) -> Option<Self> {
        const SMALL: usize = 4 * 1024;
        if self.len() > SMALL {
            return None;
        }
        Some(match self {
            Self::Text(text) => Self::Text(text.as_str().into()),
            Self::Binary(bytes) => Self::Binary(Bytes::copy_from_slice(bytes)),
        })
    }

    /// Returns whether the payload is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::Text(_) => "Text",
            Self::Binary(_) => "Binary",
        };
        write!(f, "{kind}({} bytes)", self.len())
    }
}

/// Conversions from texts and bytes. Those from `String`, [`Text`], `Vec<u8>` and [`Bytes`] copy
/// nothing, the others copy the payload.
macro_rules! from {
    ($($make:ident: $($source:ty),+;)+) => {$($(
        impl From<$source> for Message {
            fn from(payload: $source) -> Self {
                Self::$make(payload)
            }
        }
    )+)+};
}

from! {
    text: &str, &String, String, Text, Cow<'_, str>;
    binary: Vec<u8>, Bytes;
}

impl From<&[u8]> for Message {
    fn from(bytes: &[u8]) -> Self {
        Self::Binary(Bytes::copy_from_slice(bytes))
    }
}

impl<const N: usize> From<&[u8; N]> for Message {
    fn from(bytes: &[u8; N]) -> Self {
        bytes[..].into()
    }
}

impl<const N: usize> From<[u8; N]> for Message {
    fn from(bytes: [u8; N]) -> Self {
        bytes[..].into()
    }
}

impl From<Cow<'_, [u8]>> for Message {
    fn from(bytes: Cow<'_, [u8]>) -> Self {
        Self::binary(bytes.into_owned())
    }
}

/// A text message with this text. A binary message is never equal to a text.
impl PartialEq<str> for Message {
    fn eq(&self, other: &str) -> bool {
        self.as_text() == Some(other)
    }
}

/// A text message with this text. A binary message is never equal to a text.
impl PartialEq<&str> for Message {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

/// A binary message with these bytes. A text message is never equal to bytes.
impl PartialEq<[u8]> for Message {
    fn eq(&self, other: &[u8]) -> bool {
        matches!(self, Self::Binary(bytes) if bytes == other)
    }
}

/// A binary message with these bytes. A text message is never equal to bytes.
impl PartialEq<&[u8]> for Message {
    fn eq(&self, other: &&[u8]) -> bool {
        *self == **other
    }
}

/// A unit that a [`Connection`](crate::Connection) sends and receives: a message or a control frame.
///
/// `Debug` shows the kind and the length, not the payload.
#[derive(Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "RFC 6455 has these; backends must handle each")]
pub enum Frame {
    /// A complete data message.
    Message(Message),
    /// A ping (RFC 6455 section 5.5.2) with at most 125 bytes of payload. The connection answers
    /// inbound pings itself. It reports them only as proof of life.
    Ping(Bytes),
    /// A pong (RFC 6455 section 5.5.3).
    Pong(Bytes),
    /// A close frame (RFC 6455 section 5.5.1), `None` if it had no body.
    Close(Option<CloseFrame>),
}

impl Frame {
    /// Returns the name of the frame in lower case, for logs: `text`, `binary`, `ping`, `pong` or
    /// `close`. These names are stable.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Message(message) => message.name(),
            Self::Ping(_) => "ping",
            Self::Pong(_) => "pong",
            Self::Close(_) => "close",
        }
    }
}

impl From<Message> for Frame {
    fn from(message: Message) -> Self {
        Self::Message(message)
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(message) => f.debug_tuple("Message").field(message).finish(),
            Self::Ping(payload) => write!(f, "Ping({} bytes)", payload.len()),
            Self::Pong(payload) => write!(f, "Pong({} bytes)", payload.len()),
            Self::Close(close) => f.debug_tuple("Close").field(close).finish(),
        }
    }
}

/// The body of a close frame (RFC 6455 section 5.5.1). `Debug` shows the code and the length of the
/// reason.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct CloseFrame {
    /// The close code, RFC 6455 section 7.4.
    pub code: u16,
    /// The reason, a text for people. A control frame has room for 123 bytes of text.
    pub reason: Text,
}

impl CloseFrame {
    /// Makes a close frame with this code and reason. Neither is checked here.
    pub fn new(code: u16, reason: impl Into<Text>) -> Self {
        Self { code, reason: reason.into() }
    }

    /// Returns an error if a client must not send this frame (RFC 6455 sections 5.5 and 7.4).
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let sendable = matches!(self.code, 1000..=1003 | 1007..=1014 | 3000..=4999);
        let rule = "must be one that may be sent: 1000 to 1003, 1007 to 1014, 3000 to 4999";
        ensure(sendable, "close code", u32::from(self.code), rule)?;
        let length = self.reason.len();
        ensure(length <= 123, "close reason", length, "must be at most 123 bytes")
    }
}

/// A message to send, with options of its own. The methods of [`Handle`](crate::Handle) accept it,
/// and everything that converts to a [`Message`].
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use websocket_heartbeat::{Handle, Outgoing, QueueError};
///
/// fn send_price(handle: &Handle, price: &str) -> Result<(), QueueError> {
///     // A price that waited for more than two seconds is worth nothing.
///     handle.try_queue(Outgoing::new(price).max_age(Duration::from_secs(2)))
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    pub(crate) message: Message,
    pub(crate) max_age: Option<Duration>,
}

impl Outgoing {
    /// Makes a message to send, without options.
    pub fn new(message: impl Into<Message>) -> Self {
        Self { message: message.into(), max_age: None }
    }

    /// Sets how long the message may wait in the outbox. After that it is dropped instead of being
    /// handed to a connection. Replaces
    /// [`OutboxSettings::max_age`](crate::OutboxSettings::max_age) for this message.
    #[must_use]
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age);
        self
    }
}

impl<M: Into<Message>> From<M> for Outgoing {
    fn from(message: M) -> Self {
        Self::new(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_text_messages_and_bytes_binary_ones() {
        let owned = String::from("né");
        for text in [
            Message::from("né"),
            (&owned).into(),
            owned.clone().into(),
            Text::from("né").into(),
            Cow::Borrowed("né").into(),
        ] {
            assert_eq!((text.name(), text), ("text", Message::Text("né".into())));
        }
        let bytes = [0, 255];
        for binary in [
            Message::from(bytes),
            (&bytes).into(),
            bytes[..].into(),
            bytes.to_vec().into(),
            Bytes::from_static(b"\0\xff").into(),
            Cow::Borrowed(&bytes[..]).into(),
        ] {
            assert_eq!((binary.name(), &binary), ("binary", &Message::binary(vec![0, 255])));
        }
        assert_eq!(Outgoing::from(bytes), Outgoing::new(Message::from(bytes)));
    }

    #[test]
    fn a_message_equals_a_payload_of_its_own_type_only() {
        assert_eq!(Message::from("hello"), "hello");
        assert_eq!(Message::from("hello"), *"hello");
        assert_ne!(Message::from("hello"), "hell");
        assert_ne!(Message::from(b"hello"), "hello");
        assert_eq!(Message::from(b"hello"), b"hello"[..]);
        assert_eq!(Message::from(b"hello"), &b"hello"[..]);
        assert_ne!(Message::from("hello"), b"hello"[..]);
    }

    #[test]
    fn debug_shows_kind_and_length_but_no_payload() {
        let shown = |frame: Frame| format!("{frame:?}");
        assert_eq!(shown(Message::text("né").into()), "Message(Text(3 bytes))");
        assert_eq!(shown(Message::binary(vec![1, 2]).into()), "Message(Binary(2 bytes))");
        assert_eq!(shown(Frame::Ping(Bytes::from_static(b"x"))), "Ping(1 bytes)");
        assert_eq!(shown(Frame::Pong(Bytes::new())), "Pong(0 bytes)");
        let close = CloseFrame { code: 1000, reason: "bye".into() };
        let close = shown(Frame::Close(Some(close)));
        assert_eq!(close, "Close(Some(CloseFrame { code: 1000, reason: 3 bytes }))");
    }

    #[test]
    fn a_close_frame_that_a_client_must_not_send_is_refused() {
        let refused = |code, reason: &str| {
            CloseFrame::new(code, reason).check().map_err(|error| error.setting())
        };
        for code in [0, 999, 1004, 1005, 1006, 1015, 2000, 2999, 5000] {
            assert_eq!(refused(code, ""), Err("close code"), "{code}");
        }
        for code in [1000, 1001, 1011, 3000, 4401, 4999] {
            assert_eq!(refused(code, ""), Ok(()), "{code}");
        }
        assert_eq!(refused(1000, &"x".repeat(123)), Ok(()));
        assert_eq!(refused(1000, &"x".repeat(124)), Err("close reason"));
    }
}
