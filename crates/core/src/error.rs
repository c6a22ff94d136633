//! Errors: of a transport or connection, and of settings.

use std::{error::Error, fmt, sync::Arc, time::Duration};

use crate::http::HttpAnswer;

/// Why a transport could not connect, or why a connection failed.
///
/// It is one pointer and cheap to clone: the same error appears in events and in the status.
/// `Display` shows the kind and the message of the transport; [`source`](Error::source) returns the
/// underlying error. The kind is part of this crate's stability promise. The wording and the types
/// of sources are not. Transports must keep secrets (credentials in URLs, header values) out of the
/// message.
///
/// # Examples
///
/// ```
/// use std::{error::Error, io};
/// use websocket_heartbeat::{ErrorKind, TransportError};
///
/// let reset = io::Error::new(io::ErrorKind::ConnectionReset, "connection reset by peer");
/// let error = TransportError::from_source(ErrorKind::Reset, reset);
/// assert_eq!(error.kind(), ErrorKind::Reset);
/// assert_eq!(error.to_string(), "reset: connection reset by peer");
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

/// The kinds of [`TransportError`], on which a [`Verdict`](crate::Verdict) can be based.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The URL is not valid. A retry does not help.
    Url,
    /// The host name could not be resolved.
    Dns,
    /// The connection was refused: no program listens on that port.
    Refused,
    /// The host or network cannot be reached.
    Unreachable,
    /// The TLS handshake failed for a reason other than the certificate.
    Tls,
    /// The certificate of the server is not acceptable, and a retry does not help. For example, its
    /// issuer is not known, or it is for another host name.
    Certificate,
    /// The certificate of the server has expired or is not valid yet. It can become valid by a
    /// renewal, or when the clock of this machine is set.
    CertificateTime,
    /// The server answered the upgrade request with a status other than 101.
    Http,
    /// A proxy could not or would not connect to the server, or its answer is malformed. An error of
    /// the connection to the proxy has its own kind, for example [`Refused`](Self::Refused).
    Proxy,
    /// A proxy needs credentials, or refused them. The error has no HTTP status, because the server
    /// sent none.
    ProxyAuth,
    /// The peer violated the WebSocket protocol.
    Protocol,
    /// A message, a frame or the head of a response exceeds the configured limit.
    TooLarge,
    /// The connection was reset.
    Reset,
    /// The peer ended the connection without a close frame.
    Ended,
    /// A deadline passed.
    Timeout,
    /// The application's exchange before a connection counts as open failed, see
    /// [`before_open`](crate::before_open).
    Handshake,
    /// The function that provides the URL, the headers or the credentials failed.
    Provider,
    /// The transport panicked: in `connect`, in the future that it returned, or in the connection.
    /// The panic is caught, unless panics abort the process; the error has the message of the panic.
    Panicked,
    /// Anything else.
    Other,
}

impl ErrorKind {
    /// Returns the name of the kind in lower case, for logs. `wsbeat --json` prints the same. These
    /// names are stable.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Url => "url",
            Self::Dns => "dns",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Tls => "tls",
            Self::Certificate => "certificate",
            Self::CertificateTime => "certificate_time",
            Self::Http => "http",
            Self::Proxy => "proxy",
            Self::ProxyAuth => "proxy_auth",
            Self::Protocol => "protocol",
            Self::TooLarge => "too_large",
            Self::Reset => "reset",
            Self::Ended => "ended",
            Self::Timeout => "timeout",
            Self::Handshake => "handshake",
            Self::Provider => "provider",
            Self::Panicked => "panicked",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
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
    /// most likely meaning, and the first line of the body. For a redirect it contains the target,
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
        write!(f, "{}: {}", self.inner.kind, self.inner.message)
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

/// Two errors are equal if kind, message, answer and `retry_after` are equal. Sources are not
/// compared.
impl PartialEq for TransportError {
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (&*self.inner, &*other.inner);
        a.kind == b.kind
            && a.message == b.message
            && a.http == b.http
            && a.retry_after == b.retry_after
    }
}

impl Eq for TransportError {}

/// A setting that is not valid: its name, its value, and the rule that the value breaks.
///
/// It is small and formats nothing until it is displayed, so that a program that only looks at
/// [`setting`](Self::setting) contains no code for that.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConfigError {
    setting: &'static str,
    value: ConfigValue,
    rule: &'static str,
}

impl ConfigError {
    /// Makes an error for the setting with this name. `rule` completes the sentence "it ...", for
    /// example "must be at least 1".
    pub fn new(setting: &'static str, value: impl Into<ConfigValue>, rule: &'static str) -> Self {
        Self { setting, value: value.into(), rule }
    }

    /// Returns the name of the setting.
    pub fn setting(&self) -> &'static str {
        self.setting
    }

    /// Returns the value of the setting.
    pub fn value(&self) -> ConfigValue {
        self.value
    }

    /// Returns the rule that the value breaks, for example "must be at least 1".
    pub fn rule(&self) -> &'static str {
        self.rule
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}, but it {}", self.setting, self.value, self.rule)
    }
}

impl Error for ConfigError {}

/// The value of a setting, in a [`ConfigError`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum ConfigValue {
    /// A time.
    Duration(Duration),
    /// A count, or a number of bytes.
    Integer(u64),
    /// A factor or a share.
    Float(f64),
    /// A value that is described and not shown, for example "a function".
    Described(&'static str),
}

impl fmt::Display for ConfigValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Duration(time) => fmt::Debug::fmt(time, f),
            Self::Integer(number) => fmt::Display::fmt(number, f),
            Self::Float(number) => fmt::Debug::fmt(number, f),
            Self::Described(words) => f.write_str(words),
        }
    }
}

impl From<Duration> for ConfigValue {
    fn from(time: Duration) -> Self {
        Self::Duration(time)
    }
}

impl From<u64> for ConfigValue {
    fn from(number: u64) -> Self {
        Self::Integer(number)
    }
}

impl From<u32> for ConfigValue {
    fn from(number: u32) -> Self {
        Self::Integer(number.into())
    }
}

impl From<usize> for ConfigValue {
    fn from(number: usize) -> Self {
        Self::Integer(number as u64)
    }
}

impl From<f64> for ConfigValue {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

impl From<&'static str> for ConfigValue {
    fn from(words: &'static str) -> Self {
        Self::Described(words)
    }
}

/// Returns an error for the value of this setting unless it keeps the rule.
pub(crate) fn ensure(
    keeps: bool,
    setting: &'static str,
    value: impl Into<ConfigValue>,
    rule: &'static str,
) -> Result<(), ConfigError> {
    if keeps { Ok(()) } else { Err(ConfigError::new(setting, value, rule)) }
}

/// Returns an error if the value of this setting is zero.
pub(crate) fn not_zero(setting: &'static str, value: Duration) -> Result<(), ConfigError> {
    ensure(!value.is_zero(), setting, value, "must be longer than zero")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_pointer() {
        assert_eq!(size_of::<TransportError>(), size_of::<usize>());
    }

    #[test]
    fn a_config_error_shows_setting_value_and_rule() {
        let error = ConfigError::new("cap", Duration::ZERO, "must be at least the base");
        assert_eq!(error.to_string(), "cap is 0ns, but it must be at least the base");
    }

    #[test]
    fn an_error_has_the_message_of_its_source() {
        let io = std::io::Error::other("cable cut");
        let error = TransportError::from_source(ErrorKind::Reset, io);
        assert_eq!(error.to_string(), "reset: cable cut");
        assert!(error.source().unwrap().is::<std::io::Error>());
        assert_eq!(error.clone(), error);
    }

    #[test]
    fn an_explained_error_keeps_kind_and_answer() {
        let answer = HttpAnswer::new(302, crate::headers::Headers::new(), b"");
        let error = TransportError::http(answer.clone(), Some(Duration::from_secs(1)));
        let error = error.explained_by(std::io::Error::other("a loop"));
        assert_eq!(error.to_string(), "http: a loop");
        assert!(error.source().unwrap().is::<std::io::Error>());
        assert_eq!(error.http_answer(), Some(&answer));
        assert_eq!(error.retry_after(), Some(Duration::from_secs(1)));
    }
}
