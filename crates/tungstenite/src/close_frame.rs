//! The peer's close frame with the code that the peer sent.
//!
//! tungstenite replaces a forbidden code by 1002, as if the peer had sent 1002. So the last bytes
//! that were read are kept. They end with the close frame, because nothing may follow it.

use tungstenite::protocol::{CloseFrame as WsCloseFrame, frame::coding::CloseCode};
use websocket_heartbeat::{CloseFrame, ErrorKind, TransportError};

use crate::frame::trusted;

/// The code and reason with which tungstenite replaces those of a frame with a forbidden code.
const REPLACEMENT: (CloseCode, &str) = (CloseCode::Protocol, "Protocol violation");

/// The longest close frame: a header of two bytes and the longest payload of a control frame.
const LONGEST: usize = 2 + 125;

/// The peer's close frame. `tail` is the end of the bytes that were read, if known.
///
/// Fails with [`ErrorKind::Protocol`] if the code must not be sent (RFC 6455 section 7.4). A
/// forbidden code has no meaning, and the codes for "no code" and "no close frame" would be
/// misunderstood. The error names the code, unless the frame arrived in several reads.
pub(crate) fn received(
    close: Option<WsCloseFrame>,
    tail: Option<&Tail>,
) -> Result<Option<CloseFrame>, TransportError> {
    let Some(close) = close else { return Ok(None) };
    let sent = if (close.code, close.reason.as_str()) == REPLACEMENT {
        let Some(frame) = tail.and_then(Tail::replaced) else {
            return Err(forbidden(None));
        };
        frame
    } else {
        CloseFrame::new(close.code.into(), trusted(close.reason))
    };
    if is_valid(sent.code) { Ok(Some(sent)) } else { Err(forbidden(Some(sent.code))) }
}

/// Whether a peer may send this code: the codes of RFC 6455 section 7.4.1, the codes that IANA has
/// registered since, and the codes for libraries and applications.
fn is_valid(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

fn forbidden(code: Option<u16>) -> TransportError {
    let words = match code {
        Some(code) => format!("the server closed with code {code}, which must not be sent"),
        None => "the server closed with a code that must not be sent".to_owned(),
    };
    TransportError::new(ErrorKind::Protocol, words)
}

/// The last bytes that were read, as many as the longest close frame has.
pub(crate) struct Tail {
    bytes: [u8; LONGEST],
    len: u8,
}

impl Tail {
    pub(crate) fn new() -> Self {
        Self { bytes: [0; LONGEST], len: 0 }
    }

    /// Records the bytes of a read.
    #[inline]
    pub(crate) fn record(&mut self, read: &[u8]) {
        let end = &read[read.len().saturating_sub(LONGEST)..];
        self.bytes[..end.len()].copy_from_slice(end);
        self.len = end.len() as u8;
    }

    /// The close frame at the end, if tungstenite would replace it, or if it equals the
    /// replacement.
    fn replaced(&self) -> Option<CloseFrame> {
        let bytes = &self.bytes[..self.len.into()];
        let mut frames = (0..bytes.len()).filter_map(|at| close_frame(&bytes[at..]));
        // The bytes before the close frame can look like its beginning by chance.
        frames.rfind(|frame| {
            let code = CloseCode::from(frame.code);
            !code.is_allowed() || (code, frame.reason.as_str()) == REPLACEMENT
        })
    }
}

/// Parses a complete close frame with a code.
fn close_frame(bytes: &[u8]) -> Option<CloseFrame> {
    let [0x88, len, high, low, reason @ ..] = bytes else { return None };
    let whole = usize::from(*len) == 2 + reason.len();
    let reason = str::from_utf8(reason).ok().filter(|_| whole)?;
    Some(CloseFrame::new(u16::from_be_bytes([*high, *low]), reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail(read: &[u8]) -> Tail {
        let mut tail = Tail::new();
        tail.record(read);
        tail
    }

    fn frame(code: u16, reason: &str) -> Vec<u8> {
        let code = code.to_be_bytes();
        [&[0x88, 2 + reason.len() as u8][..], &code, reason.as_bytes()].concat()
    }

    /// The result for a frame that tungstenite has replaced.
    fn replaced(read: &[u8]) -> Result<Option<CloseFrame>, TransportError> {
        let (code, reason) = REPLACEMENT;
        received(Some(WsCloseFrame { code, reason: reason.into() }), Some(&tail(read)))
    }

    #[test]
    fn a_forbidden_code_is_named() {
        let long = "x".repeat(123);
        for code in [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, u16::MAX] {
            for reason in ["", "so it is", "né", &long] {
                let message = [&[0x82, 3, 0x88, 2, 3][..], &frame(code, reason)].concat();
                for read in [frame(code, reason), message] {
                    let error = replaced(&read).unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::Protocol);
                    let words = format!("closed with code {code}, which");
                    assert!(error.to_string().contains(&words), "{error}");
                }
            }
        }
    }

    #[test]
    fn a_valid_code_that_tungstenite_replaces_is_restored() {
        let frame = replaced(&frame(1014, "bad gateway")).unwrap();
        assert_eq!(frame, Some(CloseFrame::new(1014, "bad gateway")));
    }

    #[test]
    fn a_frame_that_equals_the_replacement_is_kept() {
        let (code, reason) = REPLACEMENT;
        let sent = CloseFrame::new(code.into(), reason);
        assert_eq!(replaced(&frame(1002, reason)).unwrap(), Some(sent));
    }

    #[test]
    fn a_code_that_cannot_be_found_is_not_named() {
        let whole = frame(999, "in pieces");
        for read in [&whole[5..], &[], &[0x88], &[&whole[..], b"more"].concat()] {
            let error = replaced(read).unwrap_err();
            assert!(error.to_string().contains("with a code that must not"), "{error}");
        }
        let (code, reason) = REPLACEMENT;
        let close = WsCloseFrame { code, reason: reason.into() };
        assert!(received(Some(close), None).is_err());
    }

    #[test]
    fn other_frames_are_unchanged() {
        assert_eq!(received(None, None).unwrap(), None);
        for code in [1000, 1002, 1003, 1007, 1013, 3000, 4999] {
            let close = WsCloseFrame { code: code.into(), reason: "so".into() };
            let sent = received(Some(close), None).unwrap();
            assert_eq!(sent, Some(CloseFrame::new(code, "so")));
        }
        // In an answer to our close frame, tungstenite does not replace the code.
        let close = WsCloseFrame { code: 1005.into(), reason: "".into() };
        assert!(received(Some(close), None).unwrap_err().to_string().contains("1005"));
    }
}
