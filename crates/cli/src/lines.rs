//! From bytes to lines.

/// Takes bytes as they come and gives whole lines, without their line ends.
pub(crate) struct Splitter {
    line: Vec<u8>,
    limit: usize,
    /// Bytes of an overlong line that were let go.
    cut: usize,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Line(Vec<u8>),
    /// Longer than the limit: its beginning.
    TooLong(Vec<u8>),
}

impl Splitter {
    /// Lines of at most `limit` bytes: an endless one must not fill the memory.
    pub(crate) fn new(limit: usize) -> Self {
        Self { line: Vec::new(), limit, cut: 0 }
    }

    /// Hands each line that `bytes` completes to `each`.
    pub(crate) fn feed(&mut self, bytes: &[u8], mut each: impl FnMut(Piece)) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (part, whole) = match part.strip_suffix(b"\n") {
                Some(part) => (part, true),
                None => (part, false),
            };
            // One more byte: it may be the \r of a line end.
            let room = self.limit.saturating_add(1).saturating_sub(self.line.len());
            let (kept, cut) = part.split_at(part.len().min(room));
            self.line.extend_from_slice(kept);
            self.cut += cut.len();
            if whole {
                each(self.take());
            }
        }
    }

    /// What is left when the bytes have ended without a line end.
    pub(crate) fn finish(&mut self) -> Option<Piece> {
        (!self.line.is_empty()).then(|| self.take())
    }

    fn take(&mut self) -> Piece {
        let mut line = std::mem::take(&mut self.line);
        let cut = std::mem::take(&mut self.cut);
        if cut == 0 && line.last() == Some(&b'\r') {
            line.pop();
        }
        if cut == 0 && line.len() <= self.limit {
            return Piece::Line(line);
        }
        line.truncate(self.limit);
        Piece::TooLong(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(limit: usize, chunks: &[&str]) -> Vec<String> {
        let mut splitter = Splitter::new(limit);
        let mut lines = Vec::new();
        let mut note = |piece| {
            lines.push(match piece {
                Piece::Line(line) => String::from_utf8(line).unwrap(),
                Piece::TooLong(head) => format!("{}...", String::from_utf8(head).unwrap()),
            });
        };
        for chunk in chunks {
            splitter.feed(chunk.as_bytes(), &mut note);
        }
        splitter.finish().map(&mut note);
        lines
    }

    #[test]
    fn lines_come_out_however_the_bytes_came_in() {
        let whole = split(99, &["a\nbc\n\nd\r\ne"]);
        assert_eq!(whole, ["a", "bc", "", "d", "e"]);
        let bytes: Vec<String> = "a\nbc\n\nd\r\ne".chars().map(String::from).collect();
        let bytes: Vec<&str> = bytes.iter().map(String::as_str).collect();
        assert_eq!(split(99, &bytes), whole);
        assert_eq!(split(99, &["a\n"]), ["a"]);
        assert_eq!(split(99, &[]), [""; 0]);
    }

    #[test]
    fn an_overlong_line_is_cut_and_the_next_is_whole() {
        assert_eq!(
            split(3, &["abc\r\nabcd\nab", "cdefgh", "i\nxyz"]),
            ["abc", "abc...", "abc...", "xyz"]
        );
    }
}
