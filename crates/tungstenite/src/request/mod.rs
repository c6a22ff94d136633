//! [`Request`]: a URL, header fields and subprotocols.

mod error;
#[cfg(any(feature = "http", feature = "url"))]
mod foreign;
mod redirect;
#[cfg(test)]
mod tests;
mod url;

use std::{borrow::Cow, fmt, str::FromStr, sync::Arc};

use data_encoding::BASE64;

use self::url::Url;

pub(crate) use self::url::{host, percent_decoded, split_port};
pub use self::{error::RequestError, redirect::RedirectError};

/// A request for a WebSocket: URL, header fields, subprotocols.
///
/// Each part is checked when it is set, so that an error appears there and not in each attempt.
///
/// The URL is `ws://` or `wss://`, host, optional port, path and query.
///
/// - Characters that RFC 3986 does not allow in path and query are percent-encoded. Encoded ones
///   stay unchanged.
/// - An international domain name is sent in its ASCII form. An IPv6 address may have a zone
///   (`[fe80::1%25eth0]`, RFC 6874), which is used to connect but not sent.
/// - A user name and password become an `Authorization: Basic` field (RFC 7617), unless both are
///   empty.
/// - A fragment is refused (RFC 6455 section 3).
///
/// A clone shares all data with the original and costs little.
///
/// `Debug` and `Display` hide path, query, credentials, values of header fields and subprotocols:
/// each of them can be a secret token.
///
/// ```
/// use websocket_heartbeat_tungstenite::Request;
///
/// let request = Request::new("ws://me:secret@example.org:8080/feed?token=abc")?
///     .header("X-Client", "7")?
///     .subprotocol("v2.feed")?;
/// assert_eq!(request.to_string(), "ws://example.org:8080/..");
/// # Ok::<(), websocket_heartbeat_tungstenite::RequestError>(())
/// ```
///
/// Texts convert into a request. So do `url::Url` with the feature `url`, and `http::Uri` and
/// `http::Request<()>` with the feature `http`.
///
/// Two requests are equal if all that they send is equal, except the key of the handshake.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    shared: Arc<Parts>,
}

/// The parts are boxed slices, which are small, because each of thousands of connections can have a
/// request.
#[derive(Clone, PartialEq, Eq)]
struct Parts {
    tls: bool,
    port: u16,
    host: Box<str>,
    authority: Box<str>,
    target: Box<str>,
    headers: Vec<Field>,
    subprotocols: Vec<Box<str>>,
    /// Secrets that are not sent with this request, but that who answers it may know: those of the
    /// requests that were redirected to it, and of the proxy.
    more_secrets: Vec<Box<[u8]>>,
}

/// A header field that can be sent.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: Box<str>,
    pub(crate) value: Box<[u8]>,
}

impl Field {
    pub(crate) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// The fields that the handshake itself writes, and fields that would change the meaning of the
/// request. Names that begin with `sec-websocket-` are also reserved.
const RESERVED: [&str; 8] = [
    "connection",
    "content-length",
    "expect",
    "http2-settings",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The fields that a request has at most once.
const SINGLE: [&str; 2] = ["host", "authorization"];

/// The fields whose values are not secret. They are useful in an error if a server repeats them,
/// and they are sent also to another origin after a redirect.
const PUBLIC: [&str; 3] = ["host", "origin", "user-agent"];

impl Request {
    /// A request for this URL.
    ///
    /// # Errors
    ///
    /// The variants of [`RequestError`] about the URL. `wss://` is refused if the program is built
    /// without the feature `rustls`.
    pub fn new(url: &str) -> Result<Self, RequestError> {
        let request = Self::for_stream(url)?;
        if request.is_tls() && !cfg!(feature = "rustls") {
            return Err(RequestError::TlsMissing);
        }
        Ok(request)
    }

    /// A request for [`upgrade`](crate::upgrade) over a stream that the caller provides. `wss://`
    /// is accepted in every build, because the caller also provides the TLS.
    ///
    /// # Errors
    ///
    /// The variants of [`RequestError`] about the URL, except `TlsMissing`.
    pub fn for_stream(url: &str) -> Result<Self, RequestError> {
        let Url { tls, host, port, authority, target, authorization } = Url::parse(url)?;
        let authorization = authorization
            .map(|value| Field { name: "Authorization".into(), value: value.into_bytes().into() });
        let parts = Parts {
            tls,
            port,
            host: host.into(),
            authority: authority.into(),
            target: target.into(),
            headers: authorization.into_iter().collect(),
            subprotocols: Vec::new(),
            more_secrets: Vec::new(),
        };
        Ok(Self { shared: Arc::new(parts) })
    }

    /// Adds a header field. A field that is added twice is sent twice, in this order. A request has
    /// only one `Host` and one `Authorization`: these replace the value from the URL or an earlier
    /// call.
    ///
    /// # Errors
    ///
    /// If the name or the value cannot be sent (RFC 9110 section 5), or if the field is reserved
    /// for the handshake: `Upgrade`, `Connection`, names that begin with `Sec-WebSocket-`, and
    /// fields about a body or the connection (`Content-Length`, `Transfer-Encoding`, `Trailer`,
    /// `TE`, `Expect`, `HTTP2-Settings`).
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Result<Self, RequestError> {
        let field = checked_field(name, value.as_ref())?;
        let headers = &mut Arc::make_mut(&mut self.shared).headers;
        if SINGLE.iter().any(|single| field.is(single)) {
            headers.retain(|earlier| !earlier.is(name));
        }
        headers.push(field);
        Ok(self)
    }

    /// Offers a subprotocol, after the earlier ones. The server must select one of them.
    ///
    /// # Errors
    ///
    /// If it is not a token, or is already offered.
    pub fn subprotocol(mut self, name: &str) -> Result<Self, RequestError> {
        if !is_token(name) {
            return Err(RequestError::Subprotocol);
        }
        if self.shared.subprotocols.iter().any(|offered| **offered == *name) {
            return Err(RequestError::SubprotocolTwice);
        }
        Arc::make_mut(&mut self.shared).subprotocols.push(name.into());
        Ok(self)
    }

    /// The host: a domain name in its ASCII form, or an IP address. An IPv6 address has no
    /// brackets, and has its zone after a `%` if the URL has one.
    pub fn host(&self) -> &str {
        &self.shared.host
    }

    /// The port of the URL. The default is 80 for `ws` and 443 for `wss`.
    pub fn port(&self) -> u16 {
        self.shared.port
    }

    /// Whether the scheme is `wss`.
    pub fn is_tls(&self) -> bool {
        self.shared.tls
    }

    /// The offered subprotocols.
    pub(crate) fn subprotocols(&self) -> &[Box<str>] {
        &self.shared.subprotocols
    }

    /// A text from the server, without the secrets of this request that it repeats: path, query,
    /// credentials, values of header fields and subprotocols.
    pub(crate) fn without_echo(&self, text: &[u8]) -> Vec<u8> {
        let secrets = self.secrets();
        websocket_heartbeat::backend::without_echo(
            text,
            &secrets.iter().map(|s| &**s).collect::<Vec<_>>(),
        )
    }

    /// The parts of this request that may be secret, in all forms that a server may repeat.
    pub(crate) fn secrets(&self) -> Vec<Cow<'_, [u8]>> {
        self.secret_parts().flat_map(repeated_forms).collect()
    }

    /// Hides also these secrets where an answer repeats them.
    pub(crate) fn hide(&mut self, secrets: Vec<Vec<u8>>) {
        if !secrets.is_empty() {
            let parts = Arc::make_mut(&mut self.shared);
            parts.more_secrets.extend(secrets.into_iter().map(Into::into));
        }
    }

    /// The parts that may be secret, as they are sent.
    fn secret_parts(&self) -> impl Iterator<Item = &[u8]> {
        let Parts { target, headers, subprotocols, more_secrets, .. } = &*self.shared;
        let fields = headers.iter().filter(|field| may_be_secret(field));
        let parts = [target.as_bytes()].into_iter();
        let parts = parts.chain(subprotocols.iter().map(|name| name.as_bytes()));
        let parts = parts.chain(fields.map(|field| &*field.value));
        parts.chain(more_secrets.iter().map(|part| &**part))
    }

    /// The bytes of the upgrade request with this key (RFC 6455 section 4.1).
    pub(crate) fn to_bytes(&self, key: &str) -> Vec<u8> {
        let Parts { target, authority, headers, subprotocols, .. } = &*self.shared;
        let mut bytes = format!("GET {target} HTTP/1.1\r\n").into_bytes();
        let mut field = |name: &str, value: &[u8]| {
            for part in [name.as_bytes(), b": ", value, b"\r\n"] {
                bytes.extend_from_slice(part);
            }
        };
        // `Host` is the first field (RFC 9110 section 7.2).
        match headers.iter().find(|field| field.is("host")) {
            Some(host) => field(&host.name, &host.value),
            None => field("Host", authority.as_bytes()),
        }
        field("Upgrade", b"websocket");
        field("Connection", b"Upgrade");
        field("Sec-WebSocket-Key", key.as_bytes());
        field("Sec-WebSocket-Version", b"13");
        if !subprotocols.is_empty() {
            field("Sec-WebSocket-Protocol", subprotocols.join(", ").as_bytes());
        }
        for Field { name, value } in headers.iter().filter(|field| !field.is("host")) {
            field(name, value);
        }
        bytes.extend_from_slice(b"\r\n");
        bytes
    }
}

/// A header field, if it can be sent and is not reserved.
pub(crate) fn checked_field(name: &str, value: &[u8]) -> Result<Field, RequestError> {
    if !is_token(name) {
        return Err(RequestError::HeaderName);
    }
    let lower = name.to_ascii_lowercase();
    if RESERVED.contains(&&*lower) || lower.starts_with("sec-websocket-") {
        return Err(RequestError::HeaderReserved(lower.into()));
    }
    let can_be_sent = |b: &u8| *b == b'\t' || (*b >= b' ' && *b != 0x7f);
    let is_host = lower == "host";
    if !value.iter().all(can_be_sent) || (is_host && !value.is_ascii()) {
        return Err(RequestError::HeaderValue(lower.into()));
    }
    Ok(Field { name: name.into(), value: value.into() })
}

/// Whether the value of a field may be secret.
fn may_be_secret(field: &Field) -> bool {
    !PUBLIC.iter().any(|name| field.is(name))
}

/// The forms in which a server may repeat a part of a request: as it was sent, percent-decoded, and
/// the user and password of `Basic` authentication.
pub(crate) fn repeated_forms(part: &[u8]) -> impl Iterator<Item = Cow<'_, [u8]>> {
    let text = str::from_utf8(part).ok().filter(|text| text.contains('%'));
    let decoded = text.and_then(|text| percent_decoded(text).ok());
    let basic = part.strip_prefix(b"Basic ").and_then(|value| BASE64.decode(value).ok());
    [Cow::Borrowed(part)].into_iter().chain(decoded.into_iter().chain(basic).map(Cow::Owned))
}

/// Whether the text is a token (RFC 9110 section 5.6.2).
pub(crate) fn is_token(text: &str) -> bool {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(token)
}

impl FromStr for Request {
    type Err = RequestError;

    fn from_str(url: &str) -> Result<Self, RequestError> {
        Self::new(url)
    }
}

impl TryFrom<&str> for Request {
    type Error = RequestError;

    fn try_from(url: &str) -> Result<Self, RequestError> {
        Self::new(url)
    }
}

impl TryFrom<String> for Request {
    type Error = RequestError;

    fn try_from(url: String) -> Result<Self, RequestError> {
        Self::new(&url)
    }
}

impl TryFrom<&String> for Request {
    type Error = RequestError;

    fn try_from(url: &String) -> Result<Self, RequestError> {
        Self::new(url)
    }
}

/// Shows scheme, host and port, and `/..` for a path and query other than `/`.
impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { tls, authority, target, .. } = &*self.shared;
        let scheme = if *tls { "wss" } else { "ws" };
        let rest = if **target == *"/" { "/" } else { "/.." };
        write!(f, "{scheme}://{authority}{rest}")
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { headers, subprotocols, .. } = &*self.shared;
        f.debug_struct("Request")
            .field("url", &format_args!("{self}"))
            .field("headers", &headers.iter().map(|field| &*field.name).collect::<Vec<_>>())
            .field("subprotocols", &subprotocols.len())
            .finish()
    }
}
