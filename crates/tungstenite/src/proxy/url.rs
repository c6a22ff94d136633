//! [`Proxy`]: one proxy, from its URL.

use std::{error::Error, fmt, str::FromStr};

use data_encoding::BASE64;

use crate::{
    RequestError,
    request::{Field, checked_field, host, percent_decoded, split_port},
};

/// A proxy: its protocol, host and port, and the credentials for it.
///
/// The URL is `scheme://user:password@host:port`. Credentials and port are optional.
///
/// | scheme | protocol | default port |
/// |---|---|---|
/// | `http` | CONNECT (RFC 9110 section 9.3.6) | 80 |
/// | `https` | CONNECT, over TLS to the proxy; needs the feature `rustls` | 443 |
/// | `socks5` | SOCKS5 (RFC 1928) to an address that this machine resolves | 1080 |
/// | `socks5h` | SOCKS5 by name, which the proxy resolves | 1080 |
///
/// Characters with a meaning in a URL, such as `@`, `:`, `/` and `%`, are percent-encoded in user and
/// password. Credentials are sent by `Basic` authentication (RFC 7617) or by RFC 1929. Both send the
/// password without encryption, unless the scheme is `https`.
///
/// `Debug` and `Display` show scheme, host and port only.
///
/// ```
/// use websocket_heartbeat_tungstenite::proxy::Proxy;
///
/// let proxy = Proxy::new("socks5h://me:p%40ss@proxy.example.org")?;
/// assert_eq!(proxy.to_string(), "socks5h://proxy.example.org:1080");
/// # Ok::<(), websocket_heartbeat_tungstenite::proxy::ProxyError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    protocol: Protocol,
    host: Box<str>,
    port: u16,
    credentials: Option<Credentials>,
    fields: Vec<Field>,
}

/// The protocol of a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http,
    Https,
    /// To an address.
    Socks5,
    /// To a name, or to an address if the URL of the request has one.
    Socks5h,
}

const PROTOCOLS: [(&str, Protocol); 4] = [
    ("http", Protocol::Http),
    ("https", Protocol::Https),
    ("socks5", Protocol::Socks5),
    ("socks5h", Protocol::Socks5h),
];

#[derive(Clone, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) user: Box<[u8]>,
    pub(super) password: Box<[u8]>,
}

/// RFC 1929 has one byte for each length.
const MAX_SOCKS_CREDENTIAL: usize = 255;

impl Proxy {
    /// A proxy from its URL.
    ///
    /// # Errors
    ///
    /// If the URL cannot work in any attempt. `https` is refused if the program is built without the
    /// feature `rustls`.
    pub fn new(url: &str) -> Result<Self, ProxyError> {
        if url.trim() != url || url.chars().any(|c| c.is_control() || c == '\\') {
            return Err(ProxyError::Malformed);
        }
        let (scheme, rest) = url.split_once("://").ok_or(ProxyError::Scheme)?;
        let known = PROTOCOLS.iter().find(|(name, _)| scheme.eq_ignore_ascii_case(name));
        let &(_, protocol) = known.ok_or(ProxyError::Scheme)?;
        if protocol == Protocol::Https && !cfg!(feature = "rustls") {
            return Err(ProxyError::TlsMissing);
        }
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '?', '#']) {
            return Err(ProxyError::Path);
        }
        let (credentials, host_and_port) = match authority.rsplit_once('@') {
            Some((credentials, host_and_port)) => (credentials, host_and_port),
            None => ("", authority),
        };
        let (name, port) = split_port(host_and_port).map_err(ProxyError::Address)?;
        let (host, zone) = host(name).map_err(ProxyError::Address)?;
        Ok(Self {
            protocol,
            host: (host + &zone).into(),
            port: port.unwrap_or_else(|| protocol.default_port()),
            credentials: Credentials::parse(credentials, protocol)?,
            fields: Vec::new(),
        })
    }

    /// Adds a header field to the CONNECT request, for example `Proxy-Authorization` with a token
    /// (which replaces the credentials of the URL) or `User-Agent`.
    ///
    /// # Errors
    ///
    /// If the proxy is not an HTTP proxy, if the name or the value cannot be sent, or if the field is
    /// reserved: `Host`, and the fields that [`Request::header`](crate::Request::header) reserves.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Result<Self, ProxyError> {
        if self.is_socks() {
            return Err(ProxyError::HeaderWithoutHttp);
        }
        let field = checked_field(name, value.as_ref()).map_err(ProxyError::Header)?;
        if field.is("host") {
            return Err(ProxyError::Header(RequestError::HeaderReserved("host".into())));
        }
        if field.is(AUTHORIZATION) {
            self.fields.retain(|earlier| !earlier.is(AUTHORIZATION));
            self.credentials = None;
        }
        self.fields.push(field);
        Ok(self)
    }

    /// Sets user and password, as they are and not percent-encoded. They replace those of the URL: so
    /// a program can read them from a file.
    ///
    /// # Errors
    ///
    /// [`ProxyError::UserWithColon`] or [`ProxyError::SocksCredentials`] if the protocol cannot send
    /// them.
    pub fn credentials(
        mut self,
        user: impl AsRef<[u8]>,
        password: impl AsRef<[u8]>,
    ) -> Result<Self, ProxyError> {
        let credentials = Credentials::new(user.as_ref(), password.as_ref(), self.protocol)?;
        self.fields.retain(|field| !field.is(AUTHORIZATION));
        self.credentials = Some(credentials);
        Ok(self)
    }

    pub(crate) fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The host of the proxy: a domain name in its ASCII form, or an IP address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port of the proxy.
    pub fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn own_credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    /// The header fields of a CONNECT request, with the credentials.
    pub(super) fn fields(&self) -> Vec<Field> {
        let basic = self.credentials.as_ref().map(|Credentials { user, password }| {
            let value = format!("Basic {}", BASE64.encode(&[user, &b":"[..], password].concat()));
            Field { name: AUTHORIZATION.into(), value: value.into_bytes().into() }
        });
        basic.into_iter().chain(self.fields.iter().cloned()).collect()
    }

    /// Whether a request to this proxy has credentials.
    pub(super) fn has_credentials(&self) -> bool {
        self.credentials.is_some() || self.fields.iter().any(|field| field.is(AUTHORIZATION))
    }

    /// The parts that may be secret, as sent and decoded.
    pub(crate) fn secrets(&self) -> Vec<Vec<u8>> {
        let fields = self.fields().into_iter().map(|field| field.value.into_vec());
        let credentials = self.credentials.iter();
        fields.chain(credentials.flat_map(|c| [c.user.to_vec(), c.password.to_vec()])).collect()
    }

    fn is_socks(&self) -> bool {
        matches!(self.protocol, Protocol::Socks5 | Protocol::Socks5h)
    }
}

const AUTHORIZATION: &str = "Proxy-Authorization";

impl Protocol {
    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
            Self::Socks5 | Self::Socks5h => 1080,
        }
    }
}

impl Credentials {
    /// Parses the part of a URL before the `@`.
    fn parse(text: &str, protocol: Protocol) -> Result<Option<Self>, ProxyError> {
        if matches!(text, "" | ":") {
            return Ok(None);
        }
        let (user, password) = text.split_once(':').unwrap_or((text, ""));
        let decoded = |part| percent_decoded(part).map_err(|_| ProxyError::Malformed);
        Self::new(&decoded(user)?, &decoded(password)?, protocol).map(Some)
    }

    /// The credentials, if the protocol can send them.
    fn new(user: &[u8], password: &[u8], protocol: Protocol) -> Result<Self, ProxyError> {
        match protocol {
            // The first colon ends the user (RFC 7617 section 2).
            Protocol::Http | Protocol::Https if user.contains(&b':') => {
                return Err(ProxyError::UserWithColon);
            }
            Protocol::Http | Protocol::Https => {}
            Protocol::Socks5 | Protocol::Socks5h => {
                let longest = user.len().max(password.len());
                if user.is_empty() || longest > MAX_SOCKS_CREDENTIAL {
                    return Err(ProxyError::SocksCredentials);
                }
            }
        }
        Ok(Self { user: user.into(), password: password.into() })
    }
}

impl FromStr for Proxy {
    type Err = ProxyError;

    fn from_str(url: &str) -> Result<Self, ProxyError> {
        Self::new(url)
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { protocol, host, port, .. } = self;
        let scheme = PROTOCOLS.iter().find(|(_, known)| known == protocol);
        let scheme = scheme.map_or("", |(name, _)| name);
        match host.contains(':') {
            true => write!(f, "{scheme}://[{host}]:{port}"),
            false => write!(f, "{scheme}://{host}:{port}"),
        }
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("url", &format_args!("{self}"))
            .field("credentials", &self.has_credentials())
            .finish_non_exhaustive()
    }
}

/// The reason why a [`Proxy`] is invalid. No variant contains the URL or a value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyError {
    /// The text is not a URL.
    Malformed,
    /// The scheme is none of those that [`Proxy`] lists.
    Scheme,
    /// The scheme is `https`, but the program is built without TLS.
    TlsMissing,
    /// The host or the port is invalid.
    Address(RequestError),
    /// The URL has a path, a query or a fragment. Often a password contains `/`, `?` or `#` that is
    /// not percent-encoded.
    Path,
    /// The user of an HTTP proxy contains a colon, which `Basic` authentication cannot send.
    UserWithColon,
    /// The user of a SOCKS5 proxy is empty, or user or password are longer than 255 bytes (RFC 1929).
    SocksCredentials,
    /// The header field cannot be sent.
    Header(RequestError),
    /// A header field is set for a SOCKS5 proxy.
    HeaderWithoutHttp,
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "the URL of the proxy is malformed",
            Self::Scheme => {
                "the URL of the proxy must begin with http://, https://, socks5:// or socks5h://"
            }
            Self::TlsMissing => "an https proxy needs TLS: enable the feature `rustls`",
            Self::Address(error) => return write!(f, "the address of the proxy: {error}"),
            Self::Path => {
                "the URL of a proxy ends after the port: percent-encode /, ? and # in user and \
                 password"
            }
            Self::UserWithColon => "the user of an HTTP proxy cannot contain a colon",
            Self::SocksCredentials => {
                "the user of a SOCKS5 proxy must have 1 to 255 bytes, and the password at most 255"
            }
            Self::Header(error) => return write!(f, "the CONNECT request: {error}"),
            Self::HeaderWithoutHttp => "a SOCKS5 proxy takes no header fields",
        })
    }
}

impl Error for ProxyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Address(error) | Self::Header(error) => Some(error),
            _ => None,
        }
    }
}
