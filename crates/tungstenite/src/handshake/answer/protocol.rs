//! The protocol of a peer that does not speak HTTP/1.

use websocket_heartbeat::{ErrorKind, TransportError};

use crate::Request;

const HTTP: &[u8] = b"HTTP/1.";

/// The number of bytes that an error shows.
const SHOWN: usize = 40;

/// Fails if the beginning of an answer cannot be HTTP/1.
pub(super) fn check(bytes: &[u8], request: &Request) -> Result<(), TransportError> {
    let common = bytes.len().min(HTTP.len());
    if bytes[..common] == HTTP[..common] {
        return Ok(());
    }
    let words = match name(bytes) {
        Some("TLS") => {
            "this port speaks TLS: use wss:// instead of ws://, or another port".to_owned()
        }
        Some(name) => format!("this port speaks {name}, not HTTP: check the host and the port"),
        None => {
            format!("the answer on this port is not HTTP: it begins with {}", shown(bytes, request))
        }
    };
    Err(TransportError::new(ErrorKind::Protocol, words))
}

/// The name of a protocol by its first bytes: a greeting of the server, or an error.
fn name(bytes: &[u8]) -> Option<&'static str> {
    Some(match bytes {
        // A record of an alert or of the handshake, RFC 8446 section 5.1.
        [0x15 | 0x16, 3, ..] => "TLS",
        [b'S', b'S', b'H', b'-', ..] => "SSH",
        [b'2', b'2', b'0', b' ' | b'-', ..] => "SMTP or FTP",
        // A SETTINGS frame of stream 0 (RFC 9113 section 6.5), or a status line that is in no RFC.
        [0, 0, _, 4, 0 | 1, 0, 0, 0, 0, ..] | [b'H', b'T', b'T', b'P', b'/', b'2', ..] => "HTTP/2",
        // The first packet of protocol version 10 or 9.
        [_, 0, 0, 0, 9 | 10, ..] => "MySQL",
        [b'+', b'O', b'K', ..] => "POP3",
        [b'*', b' ', b'O', b'K', ..] => "IMAP",
        [b'-', b'E', b'R', b'R', ..] => "Redis",
        [b'R', b'F', b'B', b' ', ..] => "VNC",
        _ => return None,
    })
}

/// The first bytes, in quotes and as printable ASCII, without the secrets of the request that they
/// repeat.
pub(super) fn shown(bytes: &[u8], request: &Request) -> String {
    // More bytes than are shown, so that a secret at the end is complete and is found.
    let bytes = request.without_echo(&bytes[..bytes.len().min(4 * SHOWN)]);
    format!("\"{}\"", bytes[..bytes.len().min(SHOWN)].escape_ascii())
}
