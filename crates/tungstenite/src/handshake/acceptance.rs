//! The checks of a server's 101 answer (RFC 6455 section 4.1).

use tungstenite::handshake::derive_accept_key;
use websocket_heartbeat::{ErrorKind, Headers, Text, TransportError};

use crate::Request;

/// Checks the header fields of a 101 answer, and returns the subprotocol that the server selected.
///
/// As RFC 6455 and RFC 9110 require, the tokens of `Upgrade` and `Connection` are compared without
/// regard to case, and subprotocols with regard to case. A field may occur several times.
pub(crate) fn check(
    headers: &Headers,
    request: &Request,
    key: &str,
) -> Result<Option<Text>, TransportError> {
    let refuse = |words: &str| Err(TransportError::new(ErrorKind::Protocol, words));
    let names = |field, token: &str| {
        list(headers, field).any(|element| element.eq_ignore_ascii_case(token.as_bytes()))
    };
    if !names("upgrade", "websocket") {
        return refuse("the server's 101 answer does not name websocket in Upgrade");
    }
    if !names("connection", "upgrade") {
        return refuse("the server's 101 answer does not name Upgrade in Connection");
    }
    let accept = derive_accept_key(key.as_bytes());
    let mut accepts = values(headers, "sec-websocket-accept").peekable();
    if accepts.peek().is_none() {
        return refuse("the server's 101 answer has no Sec-WebSocket-Accept");
    }
    if accepts.any(|value| *value != *accept.as_bytes()) {
        return refuse(
            "the Sec-WebSocket-Accept of the server's 101 answer does not belong to this request: \
             the answer is from a cache, or from a server that does not speak WebSocket",
        );
    }
    // The client never offers an extension.
    if list(headers, "sec-websocket-extensions").next().is_some() {
        return refuse("the server chose an extension that was not offered");
    }
    let mut chosen = list(headers, "sec-websocket-protocol");
    let offered = request.subprotocols();
    match (chosen.next(), chosen.next()) {
        (_, Some(_)) => refuse("the server chose more than one subprotocol"),
        (Some(name), None) => match offered.iter().find(|offered| offered.as_bytes() == name) {
            Some(name) => Ok(Some((&**name).into())),
            None => refuse("the server chose a subprotocol that was not offered"),
        },
        (None, None) if offered.is_empty() => Ok(None),
        (None, None) => refuse("the server chose none of the offered subprotocols"),
    }
}

/// The values of all fields of that name.
fn values<'a>(headers: &'a Headers, wanted: &'a str) -> impl Iterator<Item = &'a [u8]> {
    let fields = headers.iter().filter(move |(name, _)| name.eq_ignore_ascii_case(wanted));
    fields.map(|(_, value)| value.trim_ascii())
}

/// The elements of all fields of that name, as one list (RFC 9110 section 5.6.1).
fn list<'a>(headers: &'a Headers, wanted: &'a str) -> impl Iterator<Item = &'a [u8]> {
    let elements = values(headers, wanted).flat_map(|value| value.split(|&b| b == b','));
    elements.map(<[u8]>::trim_ascii).filter(|element| !element.is_empty())
}
