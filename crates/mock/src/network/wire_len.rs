//! [`wire_len`]: the length of a frame on the wire.

use websocket_heartbeat::Frame;

/// The length of a client's frame on the wire in bytes: header, mask and payload (RFC 6455
/// section 5.2).
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
