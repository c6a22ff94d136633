//! [`replacement`]: a new [`WebSocketContext`] in place of an idle one.

use std::{
    fmt::{self, Write as _},
    io::{self, Cursor, Read, Write},
    sync::OnceLock,
};

use tungstenite::{
    Message as Ws,
    protocol::{Role, WebSocketConfig, WebSocketContext},
};

/// A new context that can replace this one, if this one is idle: it holds no part of a frame, no
/// fragment of a message, no bytes to write, and no close handshake. `None` if it may hold any.
///
/// A new context has small buffers. The buffers of a used one only grow: tungstenite has no method
/// to shrink them or to report their contents. But it derives `Debug` for all fields of a context,
/// and the output does not depend on the capacity of buffers. So a context is idle if its output
/// equals that of a new one. Once per process, this module checks that the output shows all state.
/// If a version of tungstenite hides a part, contexts are never replaced, which is harmless.
pub(super) fn replacement(context: &WebSocketContext) -> Option<WebSocketContext> {
    let new = new(*context.get_config());
    (debug_shows_everything() && debug_equal(context, &new)).then_some(new)
}

fn new(config: WebSocketConfig) -> WebSocketContext {
    WebSocketContext::new(Role::Client, Some(config))
}

fn debug_equal(one: &WebSocketContext, other: &WebSocketContext) -> bool {
    let other = format!("{other:?}");
    let mut compare = Compare { rest: &other };
    write!(compare, "{one:?}").is_ok() && compare.rest.is_empty()
}

/// Compares written text with an expected one, and fails at the first difference: the text may be
/// megabytes long.
struct Compare<'a> {
    rest: &'a str,
}

impl fmt::Write for Compare<'_> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        self.rest = self.rest.strip_prefix(piece).ok_or(fmt::Error)?;
        Ok(())
    }
}

/// Whether `Debug` distinguishes each context that is not empty from a new one.
fn debug_shows_everything() -> bool {
    static SHOWS: OnceLock<bool> = OnceLock::new();
    *SHOWS.get_or_init(|| {
        let config = WebSocketConfig::default().read_buffer_size(64);
        let differs = |step: fn(&mut WebSocketContext)| {
            let mut context = new(config);
            step(&mut context);
            !debug_equal(&context, &new(config))
        };
        // A part of a header, of a payload, of a message; an answer to a ping: before it is
        // written, in the write buffer, and written but not flushed; a close handshake.
        differs(|context| receive(context, &[0x81]))
            && differs(|context| receive(context, &[0x81, 2]))
            && differs(|context| receive(context, &[0x81, 2, b'a']))
            && differs(|context| receive(context, &[0x01, 0]))
            && differs(|context| receive(context, &[0x02, 1, b'a']))
            && differs(|context| receive(context, &[0x89, 0]))
            && differs(|context| answer(context, Stuck::default()))
            && differs(|context| answer(context, Stuck { accepts: true, ..Stuck::default() }))
            && differs(|context| receive(context, &[0x88, 0]))
            && differs(|context| drop(context.write(&mut Stuck::default(), Ws::text("a"))))
            && differs(|context| drop(context.close(&mut Stuck::default(), None)))
    })
}

/// Reads one frame, or a part of it.
fn receive(context: &mut WebSocketContext, bytes: &[u8]) {
    let mut stream = Stuck { bytes: Cursor::new(bytes.to_vec()), accepts: false };
    drop(context.read(&mut stream));
}

/// Reads a ping, and begins to answer it on the given stream.
fn answer(context: &mut WebSocketContext, mut stream: Stuck) {
    receive(context, &[0x89, 0]);
    drop(context.read(&mut stream));
}

/// A stream that has some bytes to read, and whose flush never completes.
#[derive(Default)]
struct Stuck {
    bytes: Cursor<Vec<u8>>,
    /// Whether it accepts bytes.
    accepts: bool,
}

impl Read for Stuck {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.bytes.read(buffer)? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            count => Ok(count),
        }
    }
}

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.accepts { Ok(bytes.len()) } else { Err(io::ErrorKind::WouldBlock.into()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::WouldBlock.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(bytes: &[u8], frames: usize) -> WebSocketContext {
        let mut context = new(WebSocketConfig::default().read_buffer_size(4096));
        let mut stream = Stuck { bytes: Cursor::new(bytes.to_vec()), accepts: false };
        for _ in 0..frames {
            context.read(&mut stream).unwrap();
        }
        // Until all bytes are read.
        assert!(context.read(&mut stream).is_err());
        context
    }

    #[test]
    fn this_version_of_tungstenite_shows_everything() {
        assert!(debug_shows_everything());
    }

    #[test]
    fn a_context_between_messages_is_idle() {
        assert!(replacement(&after(&[], 0)).is_some());
        let large = [&[0x82, 126, 0xff, 0xff][..], &[7; 0xffff], &[0x8a, 1, b'p']].concat();
        assert!(replacement(&after(&large, 2)).is_some());
        let fragments = [0x01, 1, b'a', 0x8a, 0, 0x00, 0, 0x80, 1, b'b'];
        assert!(replacement(&after(&fragments, 2)).is_some());
    }

    #[test]
    fn a_context_with_a_partial_message_or_answer_is_not_idle() {
        // Each part of a frame after a complete one; a fragment; an unanswered ping; a close.
        let frame = [0x82, 126, 0, 126];
        for end in 1..=frame.len() {
            let bytes = [&[0x81, 0][..], &frame[..end]].concat();
            assert!(replacement(&after(&bytes, 1)).is_none(), "{bytes:x?}");
        }
        assert!(replacement(&after(&[0x81, 0, 0x01, 0], 1)).is_none());
        assert!(replacement(&after(&[0x89, 0], 1)).is_none());
        assert!(replacement(&after(&[0x88, 0], 1)).is_none());
    }

    #[test]
    fn a_context_with_an_unflushed_answer_is_not_idle() {
        for accepts in [false, true] {
            let mut context = new(WebSocketConfig::default());
            answer(&mut context, Stuck { accepts, ..Stuck::default() });
            // After the stream has accepted it, only a flag is left.
            let flagged = format!("{context:?}").contains("unflushed_additional: true");
            assert!(flagged && replacement(&context).is_none(), "{context:?}");
        }
    }

    #[test]
    fn a_large_buffer_is_compared_at_its_beginning_only() {
        let header = [0x82, 127, 0, 0, 0, 0, 0x00, 0xf0, 0, 0];
        let part = [&header[..], &[7; 8 << 20]].concat();
        let fragment = [&[0x01, 127, 0, 0, 0, 0, 0x00, 0x80, 0, 0][..], &[b'a'; 8 << 20]].concat();
        for context in [after(&part, 0), after(&fragment, 0)] {
            let new = format!("{:?}", new(*context.get_config()));
            let mut counting = Counting { compare: Compare { rest: &new }, bytes: 0 };
            assert!(write!(counting, "{context:?}").is_err());
            assert!(counting.bytes <= new.len() + 100, "{}", counting.bytes);
        }
    }

    /// Counts the bytes that it compares.
    struct Counting<'a> {
        compare: Compare<'a>,
        bytes: usize,
    }

    impl fmt::Write for Counting<'_> {
        fn write_str(&mut self, piece: &str) -> fmt::Result {
            self.bytes += piece.len();
            self.compare.write_str(piece)
        }
    }
}
