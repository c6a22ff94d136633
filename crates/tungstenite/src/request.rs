//! [`Request`]: where to connect to, and what to say there.

#[cfg(test)]
mod tests;

use std::{convert::Infallible, error::Error, fmt, net::Ipv6Addr, str::FromStr, sync::Arc};

use data_encoding::BASE64;
use tungstenite::{
    handshake::client::generate_key,
    http::{self, HeaderName, HeaderValue, Uri, header},
};
use websocket_heartbeat::{ErrorKind, TransportError};

/// Where to connect to and what to say there: URL, header fields, subprotocols.
///
/// Everything is checked here, so that what cannot work fails where it was written and not again
/// and again in the reconnect loop.
///
/// The URL is `ws://` or `wss://`, host, optional port, path and query. A user name and password in
/// it become an `Authorization: Basic` field (RFC 7617). A fragment is refused (RFC 6455 section
/// 3). International domain names have to be in their ASCII form.
///
/// A clone shares everything with the original, and costs next to nothing.
///
/// `Debug` and `Display` show neither query, credentials nor the values of header fields. At
/// `trace` level tungstenite logs the whole request.
///
/// ```
/// use websocket_heartbeat_tungstenite::Request;
///
/// let request = Request::new("ws://me:secret@example.org:8080/feed?token=abc")?
///     .header("X-Client", "7")?
///     .subprotocol("v2.feed")?;
/// assert_eq!(request.to_string(), "ws://example.org:8080/feed?..");
/// # Ok::<(), websocket_heartbeat_tungstenite::RequestError>(())
/// ```
#[derive(Clone)]
pub struct Request {
    shared: Arc<Parts>,
}

/// Thousands of connections may each have their own: a list, since an `http::HeaderMap` that holds
/// anything begins at 600 bytes.
#[derive(Clone)]
struct Parts {
    uri: Uri,
    tls: bool,
    host: Box<str>,
    port: u16,
    headers: Vec<(HeaderName, HeaderValue)>,
    subprotocols: Vec<Box<str>>,
}

/// Why a [`Request`] cannot be made. None of them contains the URL or a value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// It cannot be read as a URL.
    Malformed,
    /// The scheme is neither `ws` nor `wss`.
    Scheme,
    /// `wss://`, but this program is built without TLS.
    TlsMissing,
    /// There is no host.
    Host,
    /// The port is not a number between 1 and 65535.
    Port,
    /// There is a fragment.
    Fragment,
    /// This is not the name of a header field.
    HeaderName(Box<str>),
    /// This header field belongs to the handshake.
    HeaderReserved(Box<str>),
    /// The value of this header field has characters that cannot be sent.
    HeaderValue(Box<str>),
    /// This subprotocol is not a token (RFC 9110 section 5.6.2).
    Subprotocol(Box<str>),
    /// This subprotocol is named twice.
    SubprotocolTwice(Box<str>),
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("the URL is malformed"),
            Self::Scheme => f.write_str("the URL's scheme is neither ws nor wss"),
            Self::TlsMissing => f.write_str(
                "a wss URL needs TLS: switch on the feature `rustls`, or bring a stream",
            ),
            Self::Host => f.write_str("the URL has no valid host"),
            Self::Port => f.write_str("the URL's port is not between 1 and 65535"),
            Self::Fragment => f.write_str("a WebSocket URL has no fragment (the part after #)"),
            Self::HeaderName(name) => write!(f, "{name:?} is not the name of a header field"),
            Self::HeaderReserved(name) => {
                write!(f, "the header field {name} belongs to the WebSocket handshake")
            }
            Self::HeaderValue(name) => {
                write!(f, "the value of the header field {name} cannot be sent")
            }
            Self::Subprotocol(name) => write!(f, "the subprotocol {name:?} is not a token"),
            Self::SubprotocolTwice(name) => write!(f, "the subprotocol {name} is named twice"),
        }
    }
}

impl Error for RequestError {}

/// For providers that make a request for each attempt.
impl From<RequestError> for TransportError {
    fn from(error: RequestError) -> Self {
        Self::from_source(ErrorKind::Url, error)
    }
}

impl From<Infallible> for RequestError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// What the handshake itself writes, and what would change the meaning of the request.
const RESERVED: [HeaderName; 8] = [
    header::CONNECTION,
    header::UPGRADE,
    header::SEC_WEBSOCKET_KEY,
    header::SEC_WEBSOCKET_VERSION,
    header::SEC_WEBSOCKET_EXTENSIONS,
    header::SEC_WEBSOCKET_PROTOCOL,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
];

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
        if url.contains('#') {
            return Err(RequestError::Fragment);
        }
        let uri: Uri = url.parse().map_err(|_| RequestError::Malformed)?;
        let tls = match uri.scheme_str() {
            Some(scheme) if scheme.eq_ignore_ascii_case("ws") => false,
            Some(scheme) if scheme.eq_ignore_ascii_case("wss") => true,
            _ => return Err(RequestError::Scheme),
        };
        let authority = uri.authority().ok_or(RequestError::Host)?.as_str();
        let (credentials, place) = match authority.rsplit_once('@') {
            Some((credentials, place)) => (Some(credentials), place),
            None => (None, authority),
        };
        let default_port = if tls { 443 } else { 80 };
        let (host, port) = host_and_port(place, default_port)?;

        let bracketed = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        // RFC 6455 section 4.1: the port, unless it is the scheme's own.
        let place = if port == default_port { bracketed } else { format!("{bracketed}:{port}") };
        let value = HeaderValue::from_str(&place).map_err(|_| RequestError::Host)?;
        let mut headers = vec![(header::HOST, value)];
        if let Some(credentials) = credentials {
            headers.push((header::AUTHORIZATION, basic(credentials)?));
        }

        let query = uri.query().map_or_else(String::new, |query| format!("?{query}"));
        let normal = Uri::builder()
            .scheme(if tls { "wss" } else { "ws" })
            .authority(&*place)
            .path_and_query(format!("{}{query}", uri.path()))
            .build()
            .map_err(|_| RequestError::Malformed)?;
        let host = host.into();
        let subprotocols = Vec::new();
        let parts = Parts { uri: normal, tls, host, port, headers, subprotocols };
        Ok(Self { shared: Arc::new(parts) })
    }

    /// Sets a header field, in place of an earlier one of that name. `Host` and `Authorization`
    /// may replace what the URL says.
    ///
    /// # Errors
    ///
    /// If name or value cannot be sent, or if the field belongs to the handshake.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Result<Self, RequestError> {
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| RequestError::HeaderName(name.into()))?;
        if RESERVED.contains(&name) {
            return Err(RequestError::HeaderReserved(name.as_str().into()));
        }
        let broken = || RequestError::HeaderValue(name.as_str().into());
        let mut value = HeaderValue::from_bytes(value.as_ref()).map_err(|_| broken())?;
        if name == header::HOST && value.to_str().is_err() {
            return Err(broken());
        }
        value.set_sensitive(true);
        let headers = &mut Arc::make_mut(&mut self.shared).headers;
        headers.retain(|(earlier, _)| *earlier != name);
        headers.push((name, value));
        Ok(self)
    }

    /// Offers a subprotocol, after those offered before. The server has to choose one of them.
    ///
    /// # Errors
    ///
    /// If it is not a token, or offered already.
    pub fn subprotocol(mut self, name: &str) -> Result<Self, RequestError> {
        if !is_token(name) {
            return Err(RequestError::Subprotocol(name.into()));
        }
        if self.shared.subprotocols.iter().any(|offered| **offered == *name) {
            return Err(RequestError::SubprotocolTwice(name.into()));
        }
        Arc::make_mut(&mut self.shared).subprotocols.push(name.into());
        Ok(self)
    }

    /// The host, a name or an address; an IPv6 address without brackets.
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

    /// The handshake's request, with a fresh key.
    pub(crate) fn to_http(&self) -> http::Request<()> {
        let parts = &*self.shared;
        let mut request = http::Request::new(());
        *request.uri_mut() = parts.uri.clone();
        request.headers_mut().extend(parts.headers.iter().cloned());
        let mut own = |name, value: &str| {
            // Base64, tokens and the constants below are what header fields may carry.
            if let Ok(value) = HeaderValue::from_str(value) {
                request.headers_mut().insert(name, value);
            }
        };
        own(header::CONNECTION, "Upgrade");
        own(header::UPGRADE, "websocket");
        own(header::SEC_WEBSOCKET_VERSION, "13");
        own(header::SEC_WEBSOCKET_KEY, &generate_key());
        if !parts.subprotocols.is_empty() {
            own(header::SEC_WEBSOCKET_PROTOCOL, &parts.subprotocols.join(", "));
        }
        request
    }
}

fn host_and_port(place: &str, default_port: u16) -> Result<(&str, u16), RequestError> {
    let (host, port) = if let Some(rest) = place.strip_prefix('[') {
        let (host, port) = rest.split_once(']').ok_or(RequestError::Host)?;
        host.parse::<Ipv6Addr>().map_err(|_| RequestError::Host)?;
        if !port.is_empty() && !port.starts_with(':') {
            return Err(RequestError::Host);
        }
        (host, port.strip_prefix(':').unwrap_or_default())
    } else {
        place.split_once(':').unwrap_or((place, ""))
    };
    if host.is_empty() {
        return Err(RequestError::Host);
    }
    // RFC 3986 section 3.2.3: an empty port is the scheme's own.
    if port.is_empty() {
        return Ok((host, default_port));
    }
    match port.parse() {
        Ok(number) if number != 0 && !port.starts_with('+') => Ok((host, number)),
        _ => Err(RequestError::Port),
    }
}

/// RFC 7617, from the part of a URL before the `@`.
fn basic(credentials: &str) -> Result<HeaderValue, RequestError> {
    let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
    let mut plain = percent_decoded(user)?;
    plain.push(b':');
    plain.extend(percent_decoded(password)?);
    let mut value = HeaderValue::from_str(&format!("Basic {}", BASE64.encode(&plain)))
        .map_err(|_| RequestError::Malformed)?;
    value.set_sensitive(true);
    Ok(value)
}

fn percent_decoded(text: &str) -> Result<Vec<u8>, RequestError> {
    let mut parts = text.split('%');
    let mut decoded = Vec::from(parts.next().unwrap_or_default());
    for part in parts {
        let digits = part.get(..2).filter(|two| two.bytes().all(|b| b.is_ascii_hexdigit()));
        let digits = digits.ok_or(RequestError::Malformed)?;
        decoded.push(u8::from_str_radix(digits, 16).map_err(|_| RequestError::Malformed)?);
        decoded.extend_from_slice(&part.as_bytes()[2..]);
    }
    Ok(decoded)
}

fn is_token(text: &str) -> bool {
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

/// The URL without credentials and with `?..` for a query.
impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { uri, tls, .. } = &*self.shared;
        let scheme = if *tls { "wss" } else { "ws" };
        let place = uri.authority().map_or("", |authority| authority.as_str());
        let query = if uri.query().is_some() { "?.." } else { "" };
        write!(f, "{scheme}://{place}{}{query}", uri.path())
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("url", &format_args!("{self}"))
            .field(
                "headers",
                &self.shared.headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
            )
            .field("subprotocols", &self.shared.subprotocols)
            .finish()
    }
}
