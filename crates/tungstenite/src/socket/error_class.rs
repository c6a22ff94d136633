//! Classes of tungstenite's errors.

use std::io;

use tungstenite::{Error as WsError, error::ProtocolError, protocol::frame::coding::CloseCode};

/// Whether the stream is pending.
pub(super) fn would_block(error: &WsError) -> bool {
    matches!(error, WsError::Io(error) if error.kind() == io::ErrorKind::WouldBlock)
}

/// Whether the peer has ended the stream. Otherwise the stream broke.
pub(super) fn is_end(error: &WsError) -> bool {
    match error {
        WsError::ConnectionClosed
        | WsError::AlreadyClosed
        | WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake) => true,
        // TLS reports an end without close_notify in its own words.
        WsError::Io(error) => error.kind() == io::ErrorKind::UnexpectedEof,
        _ => false,
    }
}

/// The close code for a violation by the peer (RFC 6455 section 7.4.1).
pub(super) fn close_code(error: &WsError) -> Option<CloseCode> {
    match error {
        WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        WsError::Protocol(_) => Some(CloseCode::Protocol),
        WsError::Utf8(_) => Some(CloseCode::Invalid),
        WsError::Capacity(_) => Some(CloseCode::Size),
        _ => None,
    }
}
