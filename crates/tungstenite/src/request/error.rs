//! [`RequestError`]: an invalid URL, header field or subprotocol.

use std::{convert::Infallible, error::Error, fmt};

use websocket_heartbeat::{ErrorKind, TransportError};

/// The reason why a [`Request`](crate::Request) is invalid.
///
/// No variant contains the URL, a value, a subprotocol, or an invalid field name: each of these can
/// be a secret token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// The text is not a URL.
    Malformed,
    /// The scheme is neither `ws` nor `wss`. An `http` or `https` URL is not changed, because a server
    /// may have its WebSocket at another address.
    Scheme,
    /// The scheme is `wss`, but the program is built without TLS.
    TlsMissing,
    /// The host is missing or invalid.
    Host,
    /// The host has a character that domain names cannot have, or cannot have at that position
    /// (RFC 5891, UTS #46).
    HostCharacter,
    /// A label of the host is empty or longer than 63 characters, or the host is longer than 253
    /// (RFC 1035 section 2.3.4). The length is that of the ASCII form.
    HostLength,
    /// The port is not a number between 1 and 65535.
    Port,
    /// The URL has a fragment.
    Fragment,
    /// The name of a header field is invalid (RFC 9110 section 5.1).
    HeaderName,
    /// The header field with this name is reserved for the handshake.
    HeaderReserved(Box<str>),
    /// The value of the header field with this name has characters that cannot be sent.
    HeaderValue(Box<str>),
    /// The subprotocol is not a token (RFC 9110 section 5.6.2).
    Subprotocol,
    /// The subprotocol is offered twice.
    SubprotocolTwice,
    /// The method of the request is not `GET` (RFC 6455 section 4.1).
    Method,
}

impl RequestError {
    /// Returns the name of the variant in lower case, for logs. These names are stable.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Scheme => "scheme",
            Self::TlsMissing => "tls_missing",
            Self::Host => "host",
            Self::HostCharacter => "host_character",
            Self::HostLength => "host_length",
            Self::Port => "port",
            Self::Fragment => "fragment",
            Self::HeaderName => "header_name",
            Self::HeaderReserved(_) => "header_reserved",
            Self::HeaderValue(_) => "header_value",
            Self::Subprotocol => "subprotocol",
            Self::SubprotocolTwice => "subprotocol_twice",
            Self::Method => "method",
        }
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "the URL is malformed",
            Self::Scheme => "the URL must begin with ws:// (not http://) or wss:// (not https://)",
            Self::TlsMissing => {
                "a wss URL needs TLS: enable the feature `rustls`, or provide a stream with TLS"
            }
            Self::Host => "the URL has no valid host",
            Self::HostCharacter => {
                "the URL's host has a character that a domain name cannot have at that position"
            }
            Self::HostLength => {
                "a part of the URL's host is empty or longer than 63 characters, or the host is \
                 longer than 253"
            }
            Self::Port => "the URL's port is not between 1 and 65535",
            Self::Fragment => "a WebSocket URL has no fragment (the part after #)",
            Self::HeaderName => "the name of a header field is not a token (RFC 9110)",
            Self::HeaderReserved(name) => {
                return write!(
                    f,
                    "the header field {name} is reserved for the WebSocket handshake"
                );
            }
            Self::HeaderValue(name) => {
                return write!(f, "the value of the header field {name} cannot be sent");
            }
            Self::Subprotocol => "a subprotocol is not a token (RFC 9110)",
            Self::SubprotocolTwice => "a subprotocol is offered twice",
            Self::Method => "the method of a WebSocket request must be GET",
        })
    }
}

impl Error for RequestError {}

/// The error of an attempt, for transports that make a request for each attempt.
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
