//! What can go wrong, each as a type that says what it was.

use std::{error::Error, fmt, sync::Arc, time::Duration};

use crate::http::HttpAnswer;

/// Why a transport could not connect, or why a connection broke.
///
/// One pointer, cheap to clone: the same error stands in events, in the status and in receipts.
/// Its `Display` gives the kind and the transport's own words; [`source`](Error::source) gives
/// what lies below. Neither wording nor source types are part of this crate's promise, the kind
/// is. Transports keep secrets (credentials in URLs, header values) out of the words.
#[derive(Clone)]
pub struct TransportError {
    inner: Arc<Inner>,
}

struct Inner {
    kind: ErrorKind,
    words: Box<str>,
    http: Option<HttpAnswer>,
    retry_after: Option<Duration>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// The kinds of [`TransportError`], what a retry decision is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The address makes no sense: no retry will help.
    Url,
    /// The name could not be resolved.
    Dns,
    /// Nobody listens there.
    Refused,
    /// The host or network cannot be reached.
    Unreachable,
    /// The TLS handshake failed, for another reason than the certificate.
    Tls,
    /// The server's certificate is not acceptable, and stays so: its issuer is not known, or it is
    /// for another name, say.
    Certificate,
    /// The server's certificate has expired or is not valid yet. A renewal heals that, and so does
    /// setting the clock of this machine.
    CertificateTime,
    /// The server answered the upgrade with another status than 101.
    Http,
    /// The peer broke the WebSocket protocol.
    Protocol,
    /// A message, a frame or the head of an answer is over the configured limit.
    TooLarge,
    /// The connection was reset.
    Reset,
    /// The peer ended the connection without a close frame.
    Ended,
    /// A deadline passed.
    Timeout,
    /// The exchange before a connection counts as open failed, see
    /// [`before_open`](crate::before_open).
    Handshake,
    /// The function that provides URL, headers or credentials failed.
    Provider,
    /// The transport panicked: its `connect`, the attempt, or the connection. Contained, unless
    /// panics abort; the error's words are those of the panic.
    Panicked,
    /// Anything else.
    Other,
}

impl ErrorKind {
    /// The kind in one lower-case word, as logs and `wsbeat --json` print it.
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
    /// An error of this kind, with a sentence for people.
    pub fn new(kind: ErrorKind, words: impl Into<Box<str>>) -> Self {
        Self::from_inner(Inner {
            kind,
            words: words.into(),
            http: None,
            retry_after: None,
            source: None,
        })
    }

    /// An error of this kind whose words are those of `source`.
    pub fn from_source(
        kind: ErrorKind,
        source: impl Into<Box<dyn Error + Send + Sync + 'static>>,
    ) -> Self {
        let source = source.into();
        Self::from_inner(Inner {
            kind,
            words: source.to_string().into(),
            http: None,
            retry_after: None,
            source: Some(source),
        })
    }

    /// The server refused the upgrade. The words name the status, what it most likely means, and
    /// the first line of the body; or for a redirect its target, without query and credentials.
    ///
    /// `retry_after` is the server's own wish as a duration: a transport that is given a date
    /// turns it into one by the answer's `Date` field, since nothing here reads a wall clock.
    ///
    /// A transport should prefer [`http_hiding`](Self::http_hiding) whenever its request may contain a
    /// secret: a token in the path or the query, credentials, a cookie, another header value, a
    /// subprotocol. Servers repeat such parts of a request in bodies and in the targets of redirects,
    /// and these words end up in logs. This function is for requests without secrets, and for a
    /// transport that does not know what its request contains.
    pub fn http(answer: HttpAnswer, retry_after: Option<Duration>) -> Self {
        Self::http_hiding(answer, retry_after, &[])
    }

    /// As [`http`](Self::http), and the words do not show what the server repeats of `secrets`, such
    /// as the path of the request: see [`without_echo`](crate::without_echo). The answer itself is
    /// kept as it came.
    pub fn http_hiding(
        answer: HttpAnswer,
        retry_after: Option<Duration>,
        secrets: &[&[u8]],
    ) -> Self {
        Self::from_inner(Inner {
            kind: ErrorKind::Http,
            words: answer.words(secrets).into(),
            http: Some(answer),
            retry_after,
            source: None,
        })
    }

    fn from_inner(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }

    /// The kind of error.
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// The status of a refused upgrade.
    pub fn http_status(&self) -> Option<u16> {
        self.inner.http.as_ref().map(|answer| answer.status)
    }

    /// The whole answer of a refused upgrade.
    pub fn http_answer(&self) -> Option<&HttpAnswer> {
        self.inner.http.as_ref()
    }

    /// How long the server asks us to stay away.
    pub fn retry_after(&self) -> Option<Duration> {
        self.inner.retry_after
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.inner.kind, self.inner.words)
    }
}

impl fmt::Debug for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransportError")
            .field("kind", &self.inner.kind)
            .field("words", &self.inner.words)
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

/// Two errors are equal when they are the same error, or say the same.
impl PartialEq for TransportError {
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (&*self.inner, &*other.inner);
        Arc::ptr_eq(&self.inner, &other.inner)
            || (a.kind == b.kind
                && a.words == b.words
                && a.http == b.http
                && a.retry_after == b.retry_after)
    }
}

impl Eq for TransportError {}

/// A setting that cannot make sense: which one, its value, and the rule that it breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    setting: &'static str,
    value: String,
    rule: &'static str,
}

impl ConfigError {
    /// `setting` was `value`, and the rule says otherwise.
    pub fn new(setting: &'static str, value: impl fmt::Debug, rule: &'static str) -> Self {
        Self { setting, value: format!("{value:?}"), rule }
    }

    /// The name of the setting.
    pub fn setting(&self) -> &'static str {
        self.setting
    }

    /// The value that was given.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The rule that it breaks, in words.
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

pub(crate) fn not_zero(setting: &'static str, value: Duration) -> Result<(), ConfigError> {
    if value.is_zero() {
        return Err(ConfigError::new(setting, value, "must be longer than zero"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_pointer() {
        assert_eq!(size_of::<TransportError>(), size_of::<usize>());
    }

    #[test]
    fn a_config_error_names_setting_value_and_rule() {
        let error = ConfigError::new("cap", Duration::ZERO, "must be at least the base");
        assert_eq!(error.to_string(), "cap is 0ns, but it must be at least the base");
    }

    #[test]
    fn the_source_can_be_reached_and_the_words_are_its_own() {
        let io = std::io::Error::other("cable cut");
        let error = TransportError::from_source(ErrorKind::Reset, io);
        assert_eq!(error.to_string(), "reset: cable cut");
        assert!(error.source().unwrap().is::<std::io::Error>());
        assert_eq!(error.clone(), error);
    }
}
