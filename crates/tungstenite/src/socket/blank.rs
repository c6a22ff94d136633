//! [`blank`]: a new state of the protocol, where one has nothing left to do.

use std::{
    fmt::{self, Write as _},
    io::{self, Cursor, Read, Write},
    sync::OnceLock,
};

use tungstenite::{
    Message as Ws,
    protocol::{Role, WebSocketConfig, WebSocketContext},
};

/// A new context that can take the place of this one, which holds nothing: no byte of a frame that
/// has not come whole, no fragment of a message, nothing to write, no close handshake. `None` where
/// it may hold something.
///
/// This is how its buffers are made small again: they only grow, and tungstenite has no way to
/// shrink them. Nor does it say what lies in them. But it derives `Debug` for all that a context
/// holds, and that does not show how large a buffer is. So a context that reads like a new one is
/// as good as new. That `Debug` does show everything is itself looked at, once a process: a version
/// of tungstenite that hides something switches this off, and harms nobody.
pub(super) fn blank(context: &WebSocketContext) -> Option<WebSocketContext> {
    let new = new(*context.get_config());
    (debug_shows_everything() && reads_like(context, &new)).then_some(new)
}

fn new(config: WebSocketConfig) -> WebSocketContext {
    WebSocketContext::new(Role::Client, Some(config))
}

fn reads_like(one: &WebSocketContext, other: &WebSocketContext) -> bool {
    let other = format!("{other:?}");
    let mut same = Same { rest: &other };
    write!(same, "{one:?}").is_ok() && same.rest.is_empty()
}

/// Compares what is written with a text, and fails at the first difference: what differs may be
/// megabytes long.
struct Same<'a> {
    rest: &'a str,
}

impl fmt::Write for Same<'_> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        self.rest = self.rest.strip_prefix(piece).ok_or(fmt::Error)?;
        Ok(())
    }
}

/// Whether `Debug` tells each context that holds something from a new one.
fn debug_shows_everything() -> bool {
    static SHOWS: OnceLock<bool> = OnceLock::new();
    *SHOWS.get_or_init(|| {
        let config = WebSocketConfig::default().read_buffer_size(64);
        let differs = |step: fn(&mut WebSocketContext)| {
            let mut context = new(config);
            step(&mut context);
            !reads_like(&context, &new(config))
        };
        // A part of a header, of a payload, of a message; an answer to a ping, before it is written,
        // in the write buffer, and written but not flushed; a close handshake.
        differs(|context| hear(context, &[0x81]))
            && differs(|context| hear(context, &[0x81, 2]))
            && differs(|context| hear(context, &[0x81, 2, b'a']))
            && differs(|context| hear(context, &[0x01, 0]))
            && differs(|context| hear(context, &[0x02, 1, b'a']))
            && differs(|context| hear(context, &[0x89, 0]))
            && differs(|context| answer(context, Stuck::default()))
            && differs(|context| answer(context, Stuck { takes: true, ..Stuck::default() }))
            && differs(|context| hear(context, &[0x88, 0]))
            && differs(|context| drop(context.write(&mut Stuck::default(), Ws::text("a"))))
            && differs(|context| drop(context.close(&mut Stuck::default(), None)))
    })
}

/// Reads one frame, or what there is of it.
fn hear(context: &mut WebSocketContext, bytes: &[u8]) {
    let mut stream = Stuck { bytes: Cursor::new(bytes.to_vec()), takes: false };
    drop(context.read(&mut stream));
}

/// Reads a ping, and begins to answer it on this stream.
fn answer(context: &mut WebSocketContext, mut stream: Stuck) {
    hear(context, &[0x89, 0]);
    drop(context.read(&mut stream));
}

/// A stream that has some bytes to read, and whose flush never comes through.
#[derive(Default)]
struct Stuck {
    bytes: Cursor<Vec<u8>>,
    /// Whether it accepts what is written.
    takes: bool,
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
        if self.takes { Ok(bytes.len()) } else { Err(io::ErrorKind::WouldBlock.into()) }
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
        let mut stream = Stuck { bytes: Cursor::new(bytes.to_vec()), takes: false };
        for _ in 0..frames {
            context.read(&mut stream).unwrap();
        }
        // Until there is nothing more.
        assert!(context.read(&mut stream).is_err());
        context
    }

    #[test]
    fn this_version_of_tungstenite_shows_everything() {
        assert!(debug_shows_everything());
    }

    #[test]
    fn what_has_read_whole_messages_is_blank() {
        assert!(blank(&after(&[], 0)).is_some());
        let large = [&[0x82, 126, 0xff, 0xff][..], &[7; 0xffff], &[0x8a, 1, b'p']].concat();
        assert!(blank(&after(&large, 2)).is_some());
        let fragments = [0x01, 1, b'a', 0x8a, 0, 0x00, 0, 0x80, 1, b'b'];
        assert!(blank(&after(&fragments, 2)).is_some());
    }

    #[test]
    fn what_holds_something_is_not_blank() {
        // Each beginning of a frame behind a whole one; a fragment; a ping that is not answered.
        let frame = [0x82, 126, 0, 126];
        for end in 1..=frame.len() {
            let bytes = [&[0x81, 0][..], &frame[..end]].concat();
            assert!(blank(&after(&bytes, 1)).is_none(), "{bytes:x?}");
        }
        assert!(blank(&after(&[0x81, 0, 0x01, 0], 1)).is_none());
        assert!(blank(&after(&[0x89, 0], 1)).is_none());
        assert!(blank(&after(&[0x88, 0], 1)).is_none());
    }

    #[test]
    fn an_answer_that_is_not_flushed_is_not_blank() {
        for takes in [false, true] {
            let mut context = new(WebSocketConfig::default());
            answer(&mut context, Stuck { takes, ..Stuck::default() });
            // Where the stream has taken it, nothing but a mark is left.
            let marked = format!("{context:?}").contains("unflushed_additional: true");
            assert!(marked && blank(&context).is_none(), "{context:?}");
        }
    }

    #[test]
    fn megabytes_that_wait_are_not_looked_at() {
        let header = [0x82, 127, 0, 0, 0, 0, 0x00, 0xf0, 0, 0];
        let part = [&header[..], &[7; 8 << 20]].concat();
        let fragment = [&[0x01, 127, 0, 0, 0, 0, 0x00, 0x80, 0, 0][..], &[b'a'; 8 << 20]].concat();
        for context in [after(&part, 0), after(&fragment, 0)] {
            let new = format!("{:?}", new(*context.get_config()));
            let mut looks = Looks { same: Same { rest: &new }, bytes: 0 };
            assert!(write!(looks, "{context:?}").is_err());
            assert!(looks.bytes <= new.len() + 100, "{}", looks.bytes);
        }
    }

    /// Counts what it compares.
    struct Looks<'a> {
        same: Same<'a>,
        bytes: usize,
    }

    impl fmt::Write for Looks<'_> {
        fn write_str(&mut self, piece: &str) -> fmt::Result {
            self.bytes += piece.len();
            self.same.write_str(piece)
        }
    }
}
