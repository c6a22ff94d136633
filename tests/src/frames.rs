//! The frames that a client sends.

/// Splits the bytes of a client into frames.
#[derive(Debug, Default)]
pub struct ClientFrames {
    bytes: Vec<u8>,
}

/// A frame of a client, unmasked.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientFrame {
    /// The opcode, RFC 6455 section 5.2.
    pub opcode: u8,
    /// The payload.
    pub payload: Vec<u8>,
}

impl ClientFrames {
    /// Adds bytes that were received.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }
}

/// The complete frames. An incomplete frame stays for later.
///
/// # Panics
///
/// When a frame is a fragment or is not masked.
impl Iterator for ClientFrames {
    type Item = ClientFrame;

    fn next(&mut self) -> Option<ClientFrame> {
        let (frame, length) = first(&self.bytes)?;
        self.bytes.drain(..length);
        Some(frame)
    }
}

/// The first frame, if it is complete, and its length.
fn first(bytes: &[u8]) -> Option<(ClientFrame, usize)> {
    let (short, rest) = (bytes.get(1)? & 0x7f, bytes.get(2..)?);
    assert!(bytes[0] & 0x80 != 0 && bytes[1] & 0x80 != 0, "neither a fragment nor unmasked");
    let (length, rest) = match short {
        126 => (u64::from(u16::from_be_bytes(*rest.first_chunk()?)), &rest[2..]),
        127 => (u64::from_be_bytes(*rest.first_chunk()?), &rest[8..]),
        short => (u64::from(short), rest),
    };
    let mask: &[u8; 4] = rest.first_chunk()?;
    let payload = rest[4..].get(..usize::try_from(length).expect("it fits in memory"))?;
    let end = bytes.len() - rest.len() + 4 + payload.len();
    let mask = mask.iter().cycle();
    let payload = payload.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect();
    Some((ClientFrame { opcode: bytes[0] & 0x0f, payload }, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_unmasked_once_it_is_complete() {
        let masked: Vec<u8> = b"hello".iter().zip([1, 2, 3, 4, 1]).map(|(a, b)| a ^ b).collect();
        let mut frames = ClientFrames::default();
        frames.feed(&[0x82, 0x80 | 5, 1, 2, 3, 4]);
        frames.feed(&masked[..4]);
        assert_eq!(frames.next(), None);
        frames.feed(&masked[4..]);
        let hello = ClientFrame { opcode: 2, payload: b"hello".to_vec() };
        assert_eq!((frames.next(), frames.next()), (Some(hello), None));
    }
}
