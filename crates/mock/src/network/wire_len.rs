//! How long frames are.

use websocket_heartbeat::Frame;

/// How many bytes a frame of a client takes on the line (RFC 6455 section 5.2): header, mask and
/// payload.
pub fn wire_len(frame: &Frame) -> u64 {
    let payload = match frame {
        Frame::Message(message) => message.len(),
        Frame::Ping(bytes) | Frame::Pong(bytes) => bytes.len(),
        Frame::Close(None) => 0,
        Frame::Close(Some(close)) => 2 + close.reason.len(),
    };
    let length_field = match payload {
        0..=125 => 0,
        126..=65_535 => 2,
        _ => 8,
    };
    2 + length_field + 4 + payload as u64
}
