//! The part of RFC 6455 that the server needs: it parses complete frames and writes unmasked ones.

use std::ops::Range;

pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

/// A complete frame of a client in the input.
#[derive(Debug)]
pub(crate) struct Inbound {
    pub(crate) opcode: u8,
    mask: [u8; 4],
    body: Range<usize>,
}

impl Inbound {
    /// The first frame in `input`, `None` if it is not complete yet.
    pub(crate) fn parse(input: &[u8]) -> Option<Self> {
        let (&first, &second) = (input.first()?, input.get(1)?);
        let (len, at) = match second & 0x7f {
            126 => (u64::from(u16::from_be_bytes(input.get(2..4)?.try_into().ok()?)), 4),
            127 => (u64::from_be_bytes(input.get(2..10)?.try_into().ok()?), 10),
            len => (u64::from(len), 2),
        };
        let mask = input.get(at..at + 4)?.try_into().ok()?;
        let body = at + 4..at + 4 + usize::try_from(len).ok()?;
        (body.end <= input.len()).then_some(Self { opcode: first & 0x0f, mask, body })
    }

    /// The offset of the byte after it in the input.
    pub(crate) fn end(&self) -> usize {
        self.body.end
    }

    /// Appends a frame with the same payload to `out`.
    pub(crate) fn answer(&self, input: &[u8], opcode: u8, out: &mut Vec<u8>) {
        head(opcode, self.body.len(), out);
        let start = out.len();
        out.extend_from_slice(&input[self.body.clone()]);
        for chunk in out[start..].chunks_mut(4) {
            for (byte, mask) in chunk.iter_mut().zip(self.mask) {
                *byte ^= mask;
            }
        }
    }
}

/// Appends the head of an unmasked frame.
fn head(opcode: u8, len: usize, out: &mut Vec<u8>) {
    out.push(0x80 | opcode);
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(len), _) if len < 126 => out.push(len),
        (_, Ok(len)) => {
            out.push(126);
            out.extend_from_slice(&len.to_be_bytes());
        }
        _ => {
            out.push(127);
            out.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
}

/// Appends an unmasked frame.
pub(crate) fn frame(opcode: u8, payload: &[u8], out: &mut Vec<u8>) {
    head(opcode, payload.len(), out);
    out.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_the_payload_of_the_frame() {
        let mut input = vec![0x82, 0x80 | 5, 1, 2, 3, 4];
        input.extend(b"hello".iter().zip([1, 2, 3, 4, 1]).map(|(byte, mask)| byte ^ mask));
        assert!(Inbound::parse(&input[..input.len() - 1]).is_none());
        let frame = Inbound::parse(&input).expect("complete");
        assert_eq!(frame.end(), input.len());
        let mut out = Vec::new();
        frame.answer(&input, BINARY, &mut out);
        assert_eq!(out, b"\x82\x05hello");
    }

    #[test]
    fn the_head_of_a_long_frame_has_an_extended_length() {
        let mut out = Vec::new();
        frame(TEXT, &[b'x'; 300], &mut out);
        assert_eq!(out[..4], [0x81, 126, 1, 44]);
        out.clear();
        frame(BINARY, &vec![0; 70_000], &mut out);
        assert_eq!(out[..10], [0x82, 127, 0, 0, 0, 0, 0, 1, 0x11, 0x70]);
    }
}
