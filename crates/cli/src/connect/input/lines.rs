//! Lines of text from chunks of bytes.

/// Splits chunks of bytes into lines without their line ends.
pub(crate) struct LineSplitter {
    line: Vec<u8>,
    limit: usize,
    /// Bytes of the current line that were discarded, since it is longer than the limit.
    cut: usize,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum InputLine {
    Whole(Vec<u8>),
    /// The beginning of a line that is longer than the limit: at most [`SHOWN`] bytes.
    TooLong(Vec<u8>),
}

/// The maximum number of bytes of a line that is too long. They are only shown.
const SHOWN: usize = 64 << 10;

impl LineSplitter {
    /// A line may have at most `limit` bytes, since an endless one must not fill the memory.
    pub(crate) fn new(limit: usize) -> Self {
        Self { line: Vec::new(), limit, cut: 0 }
    }

    /// Calls `each` with every line that `bytes` completes.
    pub(crate) fn feed(&mut self, bytes: &[u8], mut each: impl FnMut(InputLine)) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (part, whole) = match part.strip_suffix(b"\n") {
                Some(part) => (part, true),
                None => (part, false),
            };
            // One byte more than the limit, which may be the \r of a line end.
            let room = self.limit.saturating_add(1).saturating_sub(self.line.len());
            let (kept, cut) = part.split_at(part.len().min(room));
            self.line.extend_from_slice(kept);
            self.cut += cut.len();
            if whole {
                each(self.take());
            }
        }
    }

    /// Returns the last line if the bytes ended without a line end.
    pub(crate) fn finish(&mut self) -> Option<InputLine> {
        (!self.line.is_empty()).then(|| self.take())
    }

    fn take(&mut self) -> InputLine {
        let mut line = std::mem::take(&mut self.line);
        let cut = std::mem::take(&mut self.cut);
        if cut == 0 && line.last() == Some(&b'\r') {
            line.pop();
        }
        if cut == 0 && line.len() <= self.limit {
            return InputLine::Whole(line);
        }
        // A copy, since the memory of the line may be as large as the limit.
        line.truncate(self.limit.min(SHOWN));
        line.shrink_to_fit();
        InputLine::TooLong(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(limit: usize, chunks: &[&str]) -> Vec<String> {
        let mut splitter = LineSplitter::new(limit);
        let mut lines = Vec::new();
        let mut record = |line| {
            lines.push(match line {
                InputLine::Whole(line) => String::from_utf8(line).unwrap(),
                InputLine::TooLong(head) => format!("{}...", String::from_utf8(head).unwrap()),
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
        let whole = split(99, &["a\nbc\n\nd\r\ne"]);
        assert_eq!(whole, ["a", "bc", "", "d", "e"]);
        let bytes: Vec<String> = "a\nbc\n\nd\r\ne".chars().map(String::from).collect();
        let bytes: Vec<&str> = bytes.iter().map(String::as_str).collect();
        assert_eq!(split(99, &bytes), whole);
        assert_eq!(split(99, &["a\n"]), ["a"]);
        assert_eq!(split(99, &[]), [""; 0]);
    }

    #[test]
    fn a_line_over_the_limit_is_cut_and_the_next_is_whole() {
        assert_eq!(
            split(3, &["abc\r\nabcd\nab", "cdefgh", "i\nxyz"]),
            ["abc", "abc...", "abc...", "xyz"]
        );
    }
}
