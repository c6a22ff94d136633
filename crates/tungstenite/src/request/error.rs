//! [`RequestError`]: why a request cannot be made.

use std::{convert::Infallible, error::Error, fmt};

use websocket_heartbeat::{ErrorKind, TransportError};

/// Why a [`Request`](crate::Request) cannot be made.
///
/// None of them contains the URL, a value, a subprotocol, or what was given in place of a field
/// name: any of these can be a token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// It cannot be read as a URL.
    Malformed,
    /// The scheme is neither `ws` nor `wss`.
    Scheme,
    /// `wss://`, but this program is built without TLS.
    TlsMissing,
    /// There is no host, or it is not a valid one.
    Host,
    /// The host has a character that no domain name can have, or one at a place where it cannot
    /// stand (RFC 5891, UTS #46).
    HostCharacter,
    /// A part of the host's name is empty or longer than 63 characters, or the name is longer than
    /// 253 (RFC 1035 section 2.3.4). It counts as it is sent, in its ASCII form.
    HostLength,
    /// The port is not a number between 1 and 65535.
    Port,
    /// There is a fragment.
    Fragment,
    /// This is not the name of a header field (RFC 9110 section 5.1).
    HeaderName,
    /// This header field, given by its name, belongs to the handshake.
    HeaderReserved(Box<str>),
    /// The value of this header field, given by its name, has characters that cannot be sent.
    HeaderValue(Box<str>),
    /// This subprotocol is not a token (RFC 9110 section 5.6.2).
    Subprotocol,
    /// This subprotocol is offered twice.
    SubprotocolTwice,
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "the URL is malformed",
            Self::Scheme => "the URL's scheme is neither ws nor wss",
            Self::TlsMissing => {
                "a wss URL needs TLS: switch on the feature `rustls`, or bring a stream"
            }
            Self::Host => "the URL has no valid host",
            Self::HostCharacter => {
                "the URL's host has a character that no domain name can have at that place"
            }
            Self::HostLength => {
                "a part of the URL's host is empty or longer than 63 characters, or the host is \
                 longer than 253"
            }
            Self::Port => "the URL's port is not between 1 and 65535",
            Self::Fragment => "a WebSocket URL has no fragment (the part after #)",
            Self::HeaderName => "the name of a header field is not a token (RFC 9110)",
            Self::HeaderReserved(name) => {
                return write!(f, "the header field {name} belongs to the WebSocket handshake");
            }
            Self::HeaderValue(name) => {
                return write!(f, "the value of the header field {name} cannot be sent");
            }
            Self::Subprotocol => "a subprotocol is not a token (RFC 9110)",
            Self::SubprotocolTwice => "a subprotocol is offered twice",
        })
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
