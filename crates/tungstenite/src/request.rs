//! [`Request`]: where to connect to, and what to say there.

mod error;
#[cfg(test)]
mod tests;
mod url;

use std::{borrow::Cow, fmt, str::FromStr, sync::Arc};

use data_encoding::BASE64;

use self::url::Url;

pub use self::error::RequestError;

/// Where to connect to and what to say there: URL, header fields, subprotocols.
///
/// Everything is checked here, so that what cannot work fails where it was written and not again
/// and again in the reconnect loop.
///
/// The URL is `ws://` or `wss://`, host, optional port, path and query.
///
/// - Characters of path and query that RFC 3986 does not allow there are percent-encoded; what is
///   encoded already stays as it is.
/// - An international domain name is sent in its ASCII form. An IPv6 address may have a zone
///   (`[fe80::1%25eth0]`, RFC 6874), which is used to connect and is not sent.
/// - A user name and password become an `Authorization: Basic` field (RFC 7617), unless both are
///   empty.
/// - A fragment is refused (RFC 6455 section 3).
///
/// A clone shares everything with the original, and costs next to nothing.
///
/// `Debug` and `Display` show neither path, query, credentials, values of header fields nor
/// subprotocols: each of them can be a token.
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
#[derive(Clone)]
pub struct Request {
    shared: Arc<Parts>,
}

/// Thousands of connections may each have their own, so it is kept small.
#[derive(Clone)]
struct Parts {
    tls: bool,
    port: u16,
    host: Box<str>,
    place: Box<str>,
    target: Box<str>,
    headers: Vec<Field>,
    subprotocols: Vec<Box<str>>,
}

#[derive(Clone)]
struct Field {
    name: Box<str>,
    value: Box<[u8]>,
}

impl Field {
    fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// What the handshake itself writes, and what would change the meaning of the request. The names
/// that begin with `sec-websocket-` belong to it, too.
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

/// A request has only one of these.
const SINGLE: [&str; 2] = ["host", "authorization"];

/// The fields whose values are no secrets, and tell something where a server repeats them.
const PUBLIC: [&str; 3] = ["host", "origin", "user-agent"];

impl Request {
    /// A request for this URL.
    ///
    /// # Errors
    ///
    /// Everything of [`RequestError`] that is about the URL. `wss://` is refused if this program is
    /// built without the feature `rustls`.
    pub fn new(url: &str) -> Result<Self, RequestError> {
        let request = Self::for_stream(url)?;
        if request.is_tls() && !cfg!(feature = "rustls") {
            return Err(RequestError::TlsMissing);
        }
        Ok(request)
    }

    /// The same for [`upgrade`](crate::upgrade) over a stream of one's own: `wss://` is accepted in
    /// every build, since securing the stream is then not our affair.
    ///
    /// # Errors
    ///
    /// Everything of [`RequestError`] that is about the URL, but `TlsMissing`.
    pub fn for_stream(url: &str) -> Result<Self, RequestError> {
        let Url { tls, host, port, place, target, authorization } = Url::parse(url)?;
        let authorization = authorization
            .map(|value| Field { name: "Authorization".into(), value: value.into_bytes().into() });
        let parts = Parts {
            tls,
            port,
            host: host.into(),
            place: place.into(),
            target: target.into(),
            headers: authorization.into_iter().collect(),
            subprotocols: Vec::new(),
        };
        Ok(Self { shared: Arc::new(parts) })
    }

    /// Adds a header field. A field that is added twice is sent twice, in this order. A request has
    /// only one `Host` and one `Authorization`: these replace what the URL says, or what was set
    /// before.
    ///
    /// # Errors
    ///
    /// If name or value cannot be sent (RFC 9110 section 5), or if the field belongs to the
    /// handshake: `Upgrade`, `Connection`, all that begin with `Sec-WebSocket-`, and those that
    /// speak of a body or of the connection (`Content-Length`, `Transfer-Encoding`, `Trailer`,
    /// `TE`, `Expect`, `HTTP2-Settings`).
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Result<Self, RequestError> {
        if !is_token(name) {
            return Err(RequestError::HeaderName);
        }
        let lower = name.to_ascii_lowercase();
        if RESERVED.contains(&&*lower) || lower.starts_with("sec-websocket-") {
            return Err(RequestError::HeaderReserved(lower.into()));
        }
        let value = value.as_ref();
        let can_be_sent = |b: &u8| *b == b'\t' || (*b >= b' ' && *b != 0x7f);
        let is_host = lower == "host";
        if !value.iter().all(can_be_sent) || (is_host && !value.is_ascii()) {
            return Err(RequestError::HeaderValue(lower.into()));
        }
        let headers = &mut Arc::make_mut(&mut self.shared).headers;
        if SINGLE.contains(&&*lower) {
            headers.retain(|earlier| !earlier.is(name));
        }
        headers.push(Field { name: name.into(), value: value.into() });
        Ok(self)
    }

    /// Offers a subprotocol, after those offered before. The server has to choose one of them.
    ///
    /// # Errors
    ///
    /// If it is not a token, or offered already.
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

    /// The host to connect to: a domain name in its ASCII form, or an address. An IPv6 address is
    /// without brackets, and has its zone behind a `%` if the URL names one.
    pub fn host(&self) -> &str {
        &self.shared.host
    }

    /// The port: the URL's, or else 80 for `ws` and 443 for `wss`.
    pub fn port(&self) -> u16 {
        self.shared.port
    }

    /// Whether it is `wss`.
    pub fn is_tls(&self) -> bool {
        self.shared.tls
    }

    /// The subprotocols that are offered.
    pub(crate) fn subprotocols(&self) -> &[Box<str>] {
        &self.shared.subprotocols
    }

    /// Text of the server's without what it repeats of this request and may be a secret: path, query,
    /// credentials, values of header fields and subprotocols.
    pub(crate) fn without_echo(&self, text: &[u8]) -> Vec<u8> {
        let secrets = self.secrets();
        websocket_heartbeat::backend::without_echo(
            text,
            &secrets.iter().map(|s| &**s).collect::<Vec<_>>(),
        )
    }

    /// What of this request may be a secret, as it is sent, and decoded where a server may do that.
    pub(crate) fn secrets(&self) -> Vec<Cow<'_, [u8]>> {
        let Parts { target, headers, subprotocols, .. } = &*self.shared;
        let mut secrets = vec![target.as_bytes().into()];
        secrets.extend(url::percent_decoded(target).ok().map(Cow::Owned));
        secrets.extend(subprotocols.iter().map(|name| name.as_bytes().into()));
        for field in headers.iter().filter(|field| !PUBLIC.iter().any(|name| field.is(name))) {
            secrets.push((&*field.value).into());
            let basic = field.value.strip_prefix(b"Basic ").map(|value| BASE64.decode(value));
            secrets.extend(basic.and_then(Result::ok).map(Cow::Owned));
        }
        secrets
    }

    /// The handshake's request with this key, as RFC 6455 section 4.1 asks for it.
    pub(crate) fn to_bytes(&self, key: &str) -> Vec<u8> {
        let Parts { target, place, headers, subprotocols, .. } = &*self.shared;
        let mut bytes = format!("GET {target} HTTP/1.1\r\n").into_bytes();
        let mut field = |name: &str, value: &[u8]| {
            for part in [name.as_bytes(), b": ", value, b"\r\n"] {
                bytes.extend_from_slice(part);
            }
        };
        // RFC 9110 section 7.2: the first field.
        match headers.iter().find(|field| field.is("host")) {
            Some(host) => field(&host.name, &host.value),
            None => field("Host", place.as_bytes()),
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

/// RFC 9110 section 5.6.2.
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

/// Scheme, host and port, and `/..` for a path and query other than `/`.
impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { tls, place, target, .. } = &*self.shared;
        let scheme = if *tls { "wss" } else { "ws" };
        let rest = if **target == *"/" { "/" } else { "/.." };
        write!(f, "{scheme}://{place}{rest}")
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
