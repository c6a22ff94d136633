//! [`Tuning`]: the sizes of buffers and the limits on what the peer may send.

use tungstenite::protocol::WebSocketConfig;

/// Once this much is waiting to be written, sending writes without being told to flush. It is
/// twice the window that the supervisor hands over before a flush, so such a window leaves in one
/// write. The buffer grows on demand: a connection that sends little does not pay for it.
const WRITE_BUFFER: usize = 128 * 1024;

/// What may pile up beyond [`WRITE_BUFFER`] while the line does not accept anything: the answers to
/// a peer that pings but does not read.
const WRITE_SLACK: usize = 1024 * 1024;

/// The sizes of buffers and the limits on what the peer may send.
///
/// All sizes are in bytes. They hold from the next connection on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuning {
    read_buffer: usize,
    max_message: Option<usize>,
    max_frame: Option<usize>,
    unsent_limit: Option<usize>,
    head_bytes: usize,
    head_fields: usize,
}

impl Tuning {
    /// A read buffer of 16 KiB; messages of at most 64 MiB, frames of at most 16 MiB, which are
    /// tungstenite's own limits; the head of the answer to the upgrade of at most 256 KiB and 256
    /// fields.
    ///
    /// The read buffer is allocated when the connection opens and zeroed before each read, so that
    /// a bigger one costs every idle connection its memory and every small message some time: an
    /// idle connection was measured at 18 KiB with this one and at 135 KiB with tungstenite's
    /// default of 128 KiB, for 8 % more throughput in a stream of small messages.
    ///
    /// Received messages share the read buffer, so that one that is kept keeps it, at worst twice its
    /// size. Who keeps all of them in turn pays next to nothing for that; who keeps one of many for
    /// long should copy it.
    ///
    /// A large message, in or out, makes a buffer grow to its size. Buffers are made small again
    /// when a heartbeat is due and nothing is under way at that moment, see [`Connection::shrink`].
    /// A session without heartbeats keeps them as they are until the connection ends.
    ///
    /// [`Connection::shrink`]: websocket_heartbeat::Connection::shrink
    pub const fn new() -> Self {
        Self {
            read_buffer: 16 * 1024,
            max_message: Some(64 << 20),
            max_frame: Some(16 << 20),
            unsent_limit: None,
            head_bytes: 256 * 1024,
            head_fields: 256,
        }
    }

    /// For thousands of mostly silent connections that hear heartbeats and small messages: a read
    /// buffer of 2 KiB, the rest as in [`new`](Self::new).
    ///
    /// An idle connection was measured at 3.3 KiB. Against a buffer of 4 KiB, round trips of small
    /// messages cost the same and a dense stream of them a fifth more; messages of 4 KiB cost a
    /// tenth more one by one and up to twice as much in a dense stream: a longer message is read in
    /// several pieces into a buffer of its own.
    pub const fn many() -> Self {
        Self::new().read_buffer(2 * 1024)
    }

    /// For one connection on which a lot comes in: a read buffer of 128 KiB, the rest as in
    /// [`new`](Self::new).
    pub const fn hose() -> Self {
        Self::new().read_buffer(128 * 1024)
    }

    /// Sets the size of the read buffer, which is also the most that one read takes. Below 512
    /// bytes, 512 bytes are taken.
    #[must_use]
    pub const fn read_buffer(mut self, bytes: usize) -> Self {
        self.read_buffer = if bytes < 512 { 512 } else { bytes };
        self
    }

    /// Sets the limit on a received message, all its fragments together; `None` for no limit. A
    /// longer one ends the connection with [`ErrorKind::TooLarge`]; the error names this setting.
    ///
    /// [`ErrorKind::TooLarge`]: websocket_heartbeat::ErrorKind::TooLarge
    #[must_use]
    pub const fn max_message(mut self, bytes: Option<usize>) -> Self {
        self.max_message = bytes;
        self
    }

    /// Sets the limit on one received frame; `None` for no limit. Memory for a frame is reserved
    /// as soon as its header is there, so this is what a hostile peer can make us allocate.
    #[must_use]
    pub const fn max_frame(mut self, bytes: Option<usize>) -> Self {
        self.max_frame = bytes;
        self
    }

    /// Sets how much the operating system holds for us that it has not sent yet; `None`, the default,
    /// leaves it to the system, which holds up to some megabytes.
    ///
    /// With a limit a message waits less behind others, and less is swallowed by a connection that is
    /// silently dead. It costs time: with 64 KiB, uploads on loopback were measured at a tenth more
    /// CPU for messages of 128 bytes, and at 30 to 45 % more for those of 16 to 64 KiB. A slow upload
    /// is told from a dead connection without it, see [`tcp::unacknowledged`].
    ///
    /// This is `TCP_NOTSENT_LOWAT`, on Linux and Android, for the sockets that backends open.
    /// Elsewhere it does nothing.
    ///
    /// [`tcp::unacknowledged`]: crate::tcp::unacknowledged
    #[must_use]
    pub const fn unsent_limit(mut self, bytes: Option<usize>) -> Self {
        self.unsent_limit = bytes;
        self
    }

    pub(crate) fn unsent(self) -> Option<usize> {
        self.unsent_limit
    }

    /// Sets the limit on the head of the server's answer to the upgrade, interim answers included.
    /// A longer one fails the attempt with [`ErrorKind::TooLarge`].
    ///
    /// The default is 256 KiB: servers themselves take 8 to 64 KiB, and some proxies add large
    /// cookies.
    ///
    /// [`ErrorKind::TooLarge`]: websocket_heartbeat::ErrorKind::TooLarge
    #[must_use]
    pub const fn max_head(mut self, bytes: usize) -> Self {
        self.head_bytes = bytes;
        self
    }

    /// Sets the limit on the header fields of the server's answer to the upgrade. An acceptance with
    /// more of them fails the attempt with [`ErrorKind::TooLarge`]; of a refusal those beyond it are
    /// left out, except `Retry-After`.
    ///
    /// The default is 256: an answer of ten proxies, each with twenty fields, has fewer.
    ///
    /// [`ErrorKind::TooLarge`]: websocket_heartbeat::ErrorKind::TooLarge
    #[must_use]
    pub const fn max_head_fields(mut self, fields: usize) -> Self {
        self.head_fields = fields;
        self
    }

    pub(crate) fn head_bytes(self) -> usize {
        self.head_bytes
    }

    pub(crate) fn head_fields(self) -> usize {
        self.head_fields
    }

    pub(crate) fn config(self) -> WebSocketConfig {
        WebSocketConfig::default()
            .read_buffer_size(self.read_buffer)
            .write_buffer_size(WRITE_BUFFER)
            .max_write_buffer_size(write_limit(0))
            .max_message_size(self.max_message)
            .max_frame_size(self.max_frame)
    }
}

impl Default for Tuning {
    fn default() -> Self {
        Self::new()
    }
}

/// How much may wait to be written when a message of `bytes` is to fit in.
pub(crate) const fn write_limit(bytes: usize) -> usize {
    (WRITE_BUFFER + WRITE_SLACK).saturating_add(bytes)
}
