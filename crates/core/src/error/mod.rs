//! Errors: of a transport or connection, and of settings.

mod kind;
mod settings;

use std::{error::Error, fmt, io, sync::Arc, time::Duration};

pub(crate) use self::settings::{ensure, not_zero};
pub use self::{
    kind::ErrorKind,
    settings::{ConfigError, ConfigValue},
};
use crate::{http::HttpAnswer, printable::printable};

/// Why a transport could not connect, or why a connection failed.
///
/// It is one pointer and cheap to clone: the same error appears in events and in the status.
/// `Display` shows the message of the transport on one line, or the kind if the message is empty.
/// [`source`](Error::source) returns the underlying error. The kind is part of this crate's
/// stability promise. The wording and the types of sources are not. Transports must keep secrets
/// (credentials in URLs, header values) out of the message.
///
/// An [`io::Error`] is converted with the kind that the native backends give it. If it contains a
/// `TransportError`, that is the result.
///
/// # Examples
///
/// ```
/// use std::{error::Error, io};
/// use websocket_heartbeat::{ErrorKind, TransportError};
///
/// let reset = io::Error::new(io::ErrorKind::ConnectionReset, "connection reset by peer");
/// let error = TransportError::from(reset);
/// assert_eq!(error.kind(), ErrorKind::Reset);
/// assert_eq!(error.to_string(), "connection reset by peer");
/// assert!(error.source().is_some());
/// ```
#[derive(Clone)]
pub struct TransportError {
    inner: Arc<Inner>,
}

struct Inner {
    kind: ErrorKind,
    message: Box<str>,
    http: Option<HttpAnswer>,
    retry_after: Option<Duration>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl Inner {
    fn new(kind: ErrorKind, message: Box<str>) -> Self {
        Self { kind, message, http: None, retry_after: None, source: None }
    }
}

impl TransportError {
    /// Makes an error of this kind, with a message for people. It must not contain secrets.
    pub fn new(kind: ErrorKind, message: impl Into<Box<str>>) -> Self {
        Self { inner: Arc::new(Inner::new(kind, message.into())) }
    }

    /// Makes an error of this kind from `source`, with the message of `source`.
    pub fn from_source(
        kind: ErrorKind,
        source: impl Into<Box<dyn Error + Send + Sync + 'static>>,
    ) -> Self {
        let source = source.into();
        let inner = Inner::new(kind, source.to_string().into());
        Self { inner: Arc::new(Inner { source: Some(source), ..inner }) }
    }

    /// Makes the error for an upgrade that the server refused. The message contains the status, its
    /// most likely meaning, and the first line of the body in quotes. For a redirect it contains the target,
    /// without query and credentials.
    ///
    /// `retry_after` is the value of the `Retry-After` field (RFC 9110 section 10.2.3) as a duration.
    /// If the server sends a date, the transport computes the duration from the `Date` field of the
    /// answer, since this crate does not read a wall clock.
    ///
    /// Use [`http_hiding`](Self::http_hiding) if the request may contain a secret: a token in the
    /// path or the query, credentials, a cookie, another header value, a subprotocol. Servers repeat
    /// such parts of a request in bodies and in the targets of redirects, and error messages end up
    /// in logs. This function is for requests without secrets, and for transports that do not know
    /// the contents of the request.
    pub fn http(answer: HttpAnswer, retry_after: Option<Duration>) -> Self {
        Self::http_hiding(answer, retry_after, &[])
    }

    /// Like [`http`](Self::http), but the message does not show any part of `secrets` that the
    /// server repeats: see [`without_echo`](crate::backend::without_echo). Pass the path of the
    /// request, for example. The answer itself is kept unchanged.
    pub fn http_hiding(
        answer: HttpAnswer,
        retry_after: Option<Duration>,
        secrets: &[&[u8]],
    ) -> Self {
        let inner = Inner::new(ErrorKind::Http, answer.message(secrets).into());
        Self { inner: Arc::new(Inner { http: Some(answer), retry_after, ..inner }) }
    }

    /// Replaces the message by that of `source`, which becomes the source. Kind, answer and
    /// `retry_after` stay.
    #[must_use]
    pub fn explained_by(&self, source: impl Into<Box<dyn Error + Send + Sync + 'static>>) -> Self {
        let Inner { kind, http, retry_after, .. } = &*self.inner;
        let (http, retry_after) = (http.clone(), *retry_after);
        let source = source.into();
        let inner = Inner::new(*kind, source.to_string().into());
        Self { inner: Arc::new(Inner { http, retry_after, source: Some(source), ..inner }) }
    }

    /// Returns the kind of error.
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// Returns the status code, if the server refused the upgrade.
    pub fn http_status(&self) -> Option<u16> {
        self.inner.http.as_ref().map(|answer| answer.status)
    }

    /// Returns the answer of the server, if it refused the upgrade.
    pub fn http_answer(&self) -> Option<&HttpAnswer> {
        self.inner.http.as_ref()
    }

    /// Returns how long the server asks clients to wait before the next attempt. The supervisor adds
    /// it to the delay of the backoff.
    pub fn retry_after(&self) -> Option<Duration> {
        self.inner.retry_after
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.inner.message {
            "" => f.write_str(self.inner.kind.name()),
            message => f.write_str(&printable(message)),
        }
    }
}

impl fmt::Debug for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransportError")
            .field("kind", &self.inner.kind)
            .field("message", &self.inner.message)
            .field("http_status", &self.http_status())
            .field("retry_after", &self.inner.retry_after)
            .finish_non_exhaustive()
    }
}

impl Error for TransportError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.inner.source.as_deref().map(|source| source as _)
    }
}

/// Two errors are equal if kind, status and message are equal. Sources and the rest of an answer,
/// which may contain a date, are not compared.
impl PartialEq for TransportError {
    fn eq(&self, other: &Self) -> bool {
        let words = |error: &Self| (error.kind(), error.http_status());
        words(self) == words(other) && self.inner.message == other.inner.message
    }
}

impl Eq for TransportError {}

impl From<io::Error> for TransportError {
    fn from(error: io::Error) -> Self {
        let kind = ErrorKind::from(&error);
        match error.downcast::<Self>() {
            Ok(inner) => inner,
            Err(error) => Self::from_source(kind, error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_pointer() {
        assert_eq!(size_of::<TransportError>(), size_of::<usize>());
    }

    #[test]
    fn an_error_has_the_message_of_its_source() {
        let io = io::Error::other("cable cut");
        let error = TransportError::from_source(ErrorKind::Reset, io);
        assert_eq!(error.to_string(), "cable cut");
        assert!(error.source().unwrap().is::<io::Error>());
        assert_eq!(error.clone(), error);
    }

    #[test]
    fn an_error_is_shown_on_one_line_and_never_empty() {
        let shown = |words: &str| TransportError::new(ErrorKind::Provider, words).to_string();
        assert_eq!(shown("token\nservice\x1b[2J"), r"token\nservice\u{1b}[2J");
        assert_eq!(shown(""), "provider");
    }

    #[test]
    fn equal_errors_have_one_kind_status_and_message() {
        let refused = |status, date: &str| {
            let headers = [("Date", date.as_bytes())].into_iter().collect();
            TransportError::http(HttpAnswer::new(status, headers, &[]), None)
        };
        assert_eq!(refused(503, "Mon"), refused(503, "Tue"));
        assert_ne!(refused(503, "Mon"), refused(502, "Mon"));
        let error = |kind, words: &str| TransportError::new(kind, words);
        assert_ne!(error(ErrorKind::Reset, "a"), error(ErrorKind::Ended, "a"));
        assert_ne!(error(ErrorKind::Reset, "a"), error(ErrorKind::Reset, "b"));
    }

    #[test]
    fn an_io_error_becomes_the_transport_error_that_it_contains() {
        let error = TransportError::new(ErrorKind::Runtime, "no runtime");
        let io = io::Error::other(error.clone());
        assert_eq!(TransportError::from(io), error);
        let plain = TransportError::from(io::Error::other("plain"));
        assert_eq!((plain.kind(), plain.to_string()), (ErrorKind::Other, "plain".to_owned()));
    }

    #[test]
    fn an_explained_error_keeps_kind_and_answer() {
        let answer = HttpAnswer::new(302, crate::headers::Headers::new(), b"");
        let error = TransportError::http(answer.clone(), Some(Duration::from_secs(1)));
        let error = error.explained_by(io::Error::other("a loop"));
        assert_eq!(error.to_string(), "a loop");
        assert!(error.source().unwrap().is::<io::Error>());
        assert_eq!(error.http_answer(), Some(&answer));
        assert_eq!(error.retry_after(), Some(Duration::from_secs(1)));
    }
}
