//! Whether a server's 101 opens the WebSocket that was asked for: RFC 6455 section 4.1.

use tungstenite::handshake::derive_accept_key;
use websocket_heartbeat::{ErrorKind, Headers, Text, TransportError};

use crate::Request;

/// The subprotocol that the server chose.
///
/// Names of protocols and options are compared as RFC 6455 and RFC 9110 say: tokens of `Upgrade` and
/// `Connection` in any case of letters, subprotocols exactly. A field may stand in several lines.
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
             it comes from a cache, or from a server that does not speak WebSocket",
        );
    }
    // None is ever offered.
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

/// The elements of the list that all fields of that name make together, RFC 9110 section 5.6.1.
fn list<'a>(headers: &'a Headers, wanted: &'a str) -> impl Iterator<Item = &'a [u8]> {
    let elements = values(headers, wanted).flat_map(|value| value.split(|&b| b == b','));
    elements.map(<[u8]>::trim_ascii).filter(|element| !element.is_empty())
}
