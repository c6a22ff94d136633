//! [`Opening`]: the stream during the opening handshake.

use std::io::{self, Read, Write};

use futures_io::{AsyncRead, AsyncWrite};

use crate::io::Io;

/// How much is read at a time. What comes after the header of the server's answer is small: the
/// beginning of a refusal's body, or frames that were sent without waiting.
const READ: usize = 4096;

/// Beyond this tungstenite gives up on a header.
const HEADER_LIMIT: usize = 64 * 1024;

/// An [`Io`] that keeps hold of what it reads, so that the frames which come together with the
/// server's answer are there after the handshake.
///
/// tungstenite would keep them too, but in a read buffer that was made from them: such a one does
/// not know its size any more once messages that lie in it are kept, and then reads in tiny pieces.
///
/// The header is handed over in one piece, however many it comes in: tungstenite takes a header that
/// arrives byte by byte for an attack.
pub(crate) struct Opening<S> {
    io: Io<S>,
    heard: Vec<u8>,
    /// How much of that has been handed over.
    handed: usize,
    header: Header,
}

impl<S> Opening<S> {
    pub(crate) fn new(io: Io<S>) -> Self {
        Self { io, heard: Vec::new(), handed: 0, header: Header::Before }
    }

    pub(crate) fn io(&mut self) -> &mut Io<S> {
        &mut self.io
    }

    /// The stream as it is to be read behind the header.
    pub(crate) fn into_io(self) -> Io<S> {
        let mut io = self.io;
        if let Header::Ends(end) = self.header {
            io.put_back(self.heard, end);
        }
        io
    }
}

impl<S: AsyncRead + Unpin> Opening<S> {
    /// Reads once; yields how much.
    fn listen(&mut self) -> io::Result<usize> {
        let before = self.heard.len();
        self.heard.resize(before + READ, 0);
        let read = self.io.read(&mut self.heard[before..]);
        self.heard.truncate(before + read.as_ref().map_or(0, |&count| count));
        for at in before..self.heard.len() {
            self.header = self.header.then(self.heard[at], at);
        }
        read
    }
}

impl<S: AsyncRead + Unpin> Read for Opening<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !matches!(self.header, Header::Ends(_)) && self.heard.len() <= HEADER_LIMIT {
            if self.listen()? == 0 {
                break;
            }
        }
        let count = (&self.heard[self.handed..]).read(buffer)?;
        self.handed += count;
        Ok(count)
    }
}

impl<S: AsyncWrite + Unpin> Write for Opening<S> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.io.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.io.flush()
    }
}

/// How far the header of an answer has come. Lines end as tungstenite's parser has it: with a line
/// feed, before which there may be a carriage return; empty lines ahead of the header are skipped.
#[derive(Clone, Copy)]
enum Header {
    Before,
    Within,
    LineBegins,
    /// A carriage return at the beginning of a line.
    LineReturns,
    /// The empty line is complete; what follows begins here.
    Ends(usize),
}

impl Header {
    /// After one more byte, which stands at `at`.
    fn then(self, byte: u8, at: usize) -> Self {
        match (self, byte) {
            (Self::Ends(_), _) | (Self::Before, b'\r' | b'\n') => self,
            (Self::LineBegins | Self::LineReturns, b'\n') => Self::Ends(at + 1),
            (_, b'\n') => Self::LineBegins,
            (Self::LineBegins, b'\r') => Self::LineReturns,
            _ => Self::Within,
        }
    }
}
