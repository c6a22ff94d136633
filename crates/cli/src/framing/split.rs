//! Frames from chunks of bytes.

/// A frame without its separator or length.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame {
    Whole(Vec<u8>),
    /// The beginning of a frame that is longer than the limit: at most [`SHOWN`] bytes.
    TooLong(Vec<u8>),
    /// The input ended within a frame. With the bytes of its length.
    Incomplete(Vec<u8>),
}

/// The maximum number of bytes of a frame that is too long. They are only shown.
const SHOWN: usize = 64 << 10;

/// Frames that end at a separator.
pub(super) struct Delimited {
    /// `None`: all bytes are one frame.
    separator: Option<u8>,
    frame: Vec<u8>,
    limit: usize,
    /// Bytes of the current frame that were discarded, since it is longer than the limit.
    cut: usize,
}

impl Delimited {
    /// A frame may have at most `limit` bytes, since an endless one must not fill the memory.
    pub(super) fn new(separator: Option<u8>, limit: usize) -> Self {
        Self { separator, frame: Vec::new(), limit, cut: 0 }
    }

    /// Calls `each` with every frame that `bytes` completes.
    pub(super) fn feed(&mut self, bytes: &[u8], mut each: impl FnMut(Frame)) {
        let Some(separator) = self.separator else { return self.extend(bytes) };
        for part in bytes.split_inclusive(|byte| *byte == separator) {
            match part.strip_suffix(&[separator]) {
                Some(part) => {
                    self.extend(part);
                    each(self.take());
                }
                None => self.extend(part),
            }
        }
    }

    /// Returns the last frame if the bytes ended without a separator.
    pub(super) fn finish(&mut self) -> Option<Frame> {
        (!self.frame.is_empty()).then(|| self.take())
    }

    fn extend(&mut self, part: &[u8]) {
        // One byte more than the limit, which may be the \r of a line end.
        let room = self.limit.saturating_add(1).saturating_sub(self.frame.len());
        let (kept, cut) = part.split_at(part.len().min(room));
        self.frame.extend_from_slice(kept);
        self.cut += cut.len();
    }

    fn take(&mut self) -> Frame {
        let mut frame = std::mem::take(&mut self.frame);
        let cut = std::mem::take(&mut self.cut);
        if self.separator == Some(b'\n') && cut == 0 && frame.last() == Some(&b'\r') {
            frame.pop();
        }
        if cut == 0 && frame.len() <= self.limit {
            return Frame::Whole(frame);
        }
        // A copy, since the memory of the frame may be as large as the limit.
        frame.truncate(self.limit.min(SHOWN));
        frame.shrink_to_fit();
        Frame::TooLong(frame)
    }
}

/// Frames after their length.
pub(super) struct Prefixed {
    /// The bytes of the length so far.
    length: Vec<u8>,
    frame: Vec<u8>,
    /// Bytes of the current frame that are not read yet.
    missing: usize,
    limit: usize,
    /// Whether the current frame is longer than the limit.
    too_long: bool,
}

impl Prefixed {
    pub(super) fn new(limit: usize) -> Self {
        Self { length: Vec::new(), frame: Vec::new(), missing: 0, limit, too_long: false }
    }

    pub(super) fn feed(&mut self, mut bytes: &[u8], mut each: impl FnMut(Frame)) {
        while !bytes.is_empty() {
            if self.length.len() < LENGTH {
                let part = split(&mut bytes, LENGTH - self.length.len());
                self.length.extend_from_slice(part);
                let Ok(length) = self.length.as_slice().try_into() else { return };
                self.missing = u32::from_be_bytes(length) as usize;
                self.too_long = self.missing > self.limit;
            }
            let part = split(&mut bytes, self.missing);
            self.missing -= part.len();
            let room = if self.too_long { self.limit.min(SHOWN) } else { self.limit };
            let kept = part.len().min(room - self.frame.len());
            self.frame.extend_from_slice(&part[..kept]);
            if self.missing == 0 {
                self.length.clear();
                let frame = std::mem::take(&mut self.frame);
                each(if self.too_long { Frame::TooLong(frame) } else { Frame::Whole(frame) });
            }
        }
    }

    pub(super) fn finish(&mut self) -> Option<Frame> {
        let mut rest = std::mem::take(&mut self.length);
        rest.append(&mut self.frame);
        (!rest.is_empty()).then_some(Frame::Incomplete(rest))
    }
}

/// The number of bytes of a length.
const LENGTH: usize = 4;

/// Removes at most `count` bytes from the beginning of `bytes`.
fn split<'a>(bytes: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (part, rest) = bytes.split_at(bytes.len().min(count));
    *bytes = rest;
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(limit: usize, chunks: &[&str]) -> Vec<String> {
        let mut splitter = Delimited::new(Some(b'\n'), limit);
        let mut lines = Vec::new();
        let mut record = |frame| {
            lines.push(match frame {
                Frame::Whole(line) => String::from_utf8(line).unwrap(),
                Frame::TooLong(head) => format!("{}...", String::from_utf8(head).unwrap()),
                Frame::Incomplete(_) => panic!("lines have no length"),
            });
        };
        for chunk in chunks {
            splitter.feed(chunk.as_bytes(), &mut record);
        }
        splitter.finish().map(&mut record);
        lines
    }

    #[test]
    fn lines_do_not_depend_on_the_size_of_chunks() {
        let whole = lines(99, &["a\nbc\n\nd\r\ne"]);
        assert_eq!(whole, ["a", "bc", "", "d", "e"]);
        let bytes: Vec<String> = "a\nbc\n\nd\r\ne".chars().map(String::from).collect();
        let bytes: Vec<&str> = bytes.iter().map(String::as_str).collect();
        assert_eq!(lines(99, &bytes), whole);
        assert_eq!(lines(99, &["a\n"]), ["a"]);
        assert_eq!(lines(99, &[]), [""; 0]);
    }

    #[test]
    fn a_line_over_the_limit_is_cut_and_the_next_is_whole() {
        assert_eq!(
            lines(3, &["abc\r\nabcd\nab", "cdefgh", "i\nxyz"]),
            ["abc", "abc...", "abc...", "xyz"]
        );
    }

    #[test]
    fn a_frame_over_the_limit_is_skipped_by_its_length() {
        let mut splitter = Prefixed::new(3);
        let mut frames = Vec::new();
        for byte in b"\0\0\0\x05abcde\0\0\0\0\0\0\0\x03abc\0\0\0\x04ab" {
            splitter.feed(&[*byte], |frame| frames.push(frame));
        }
        frames.extend(splitter.finish());
        assert_eq!(
            frames,
            [
                Frame::TooLong(b"abc".to_vec()),
                Frame::Whole(Vec::new()),
                Frame::Whole(b"abc".to_vec()),
                Frame::Incomplete(b"\0\0\0\x04ab".to_vec()),
            ]
        );
        assert_eq!(splitter.finish(), None);
    }
}
