//! [`Tuning`]: the sizes of buffers and the limits on received data.

use tungstenite::protocol::WebSocketConfig;

/// With more bytes than this in the write buffer, sending also writes to the stream. It is twice
/// the window that the supervisor hands over before a flush, so a window is written at once. The
/// buffer grows on demand: a connection that sends little does not allocate it.
const WRITE_BUFFER: usize = 128 * 1024;

/// The bytes that may accumulate beyond [`WRITE_BUFFER`] while the stream accepts nothing: the
/// answers to a peer that sends pings but does not read.
const WRITE_SLACK: usize = 1024 * 1024;

/// The sizes of buffers and the limits on received data.
///
/// All sizes are in bytes. They apply from the next connection on.
///
/// ```
/// use websocket_heartbeat_tungstenite::Tuning;
///
/// let tuning = Tuning::low_memory().max_message(Some(1 << 20));
/// # let _ = tuning;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuning {
    read_buffer: usize,
    max_message: Option<usize>,
    max_frame: Option<usize>,
    head_bytes: usize,
    head_fields: usize,
}

impl Tuning {
    /// The defaults: a read buffer of 16 KiB, messages of at most 64 MiB and frames of at most 16
    /// MiB (tungstenite's own limits), and an answer to the upgrade of at most 256 KiB and 256
    /// header fields.
    ///
    /// The read buffer is allocated when the connection opens, and it is zeroed before each read.
    /// So a larger one costs memory for each idle connection and time for each small message. An
    /// idle connection takes 18 KiB with this default. With tungstenite's default of 128 KiB it
    /// takes 135 KiB, and a stream of small messages has 8 % more throughput.
    ///
    /// Messages are slices of the read buffer. A stored message keeps up to twice the size of the
    /// buffer allocated, so copy messages that you store for long.
    ///
    /// A large message, received or sent, makes a buffer grow to its size. The buffers are replaced
    /// by small ones when a heartbeat is due and no message is in progress, see
    /// [`Connection::shrink`]. A session without heartbeats keeps them until the connection ends.
    ///
    /// [`Connection::shrink`]: websocket_heartbeat::Connection::shrink
    pub const fn new() -> Self {
        Self {
            read_buffer: 16 * 1024,
            max_message: Some(64 << 20),
            max_frame: Some(16 << 20),
            head_bytes: 256 * 1024,
            head_fields: 256,
        }
    }

    /// Settings for thousands of mostly idle connections that receive small messages: a read buffer
    /// of 2 KiB, and otherwise the defaults of [`new`](Self::new).
    ///
    /// An idle connection takes 3.3 KiB. In comparison with a buffer of 4 KiB, single small
    /// messages cost the same, and a dense stream of small messages costs a fifth more. Single
    /// messages of 4 KiB cost a tenth more, and a dense stream of them costs up to twice as much,
    /// because a message that is longer than the buffer is read in several pieces into a separate
    /// buffer.
    pub const fn low_memory() -> Self {
        Self::new().read_buffer(2 * 1024)
    }

    /// Settings for one connection that receives a lot: a read buffer of 128 KiB, and otherwise the
    /// defaults of [`new`](Self::new).
    pub const fn high_throughput() -> Self {
        Self::new().read_buffer(128 * 1024)
    }

    /// Sets the size of the read buffer, which is also the maximum size of one read. Values below
    /// 512 mean 512.
    #[must_use]
    pub const fn read_buffer(mut self, bytes: usize) -> Self {
        self.read_buffer = if bytes < 512 { 512 } else { bytes };
        self
    }

    /// Sets the limit on a received message, the sum of its fragments; `None` for no limit. A
    /// longer message ends the connection with [`ErrorKind::TooLarge`], and the error names this
    /// setting.
    ///
    /// [`ErrorKind::TooLarge`]: websocket_heartbeat::ErrorKind::TooLarge
    #[must_use]
    pub const fn max_message(mut self, bytes: Option<usize>) -> Self {
        self.max_message = bytes;
        self
    }

    /// Sets the limit on one received frame; `None` for no limit. Memory for a frame is allocated
    /// when its header has arrived, so this limits the allocations that a hostile peer can cause.
    #[must_use]
    pub const fn max_frame(mut self, bytes: Option<usize>) -> Self {
        self.max_frame = bytes;
        self
    }

    /// Sets the limit on the head of the server's answer to the upgrade, interim answers included.
    /// A longer head fails the attempt with [`ErrorKind::TooLarge`].
    ///
    /// The default is 256 KiB: servers accept 8 to 64 KiB, and some proxies add large cookies.
    ///
    /// [`ErrorKind::TooLarge`]: websocket_heartbeat::ErrorKind::TooLarge
    #[must_use]
    pub const fn max_head(mut self, bytes: usize) -> Self {
        self.head_bytes = bytes;
        self
    }

    /// Sets the limit on the number of header fields in the server's answer to the upgrade. An
    /// acceptance with more fields fails the attempt with [`ErrorKind::TooLarge`]. In a refusal,
    /// the fields beyond the limit are dropped, except `Retry-After`.
    ///
    /// The default is 256: ten proxies with twenty fields each add fewer.
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

/// The limit on the write buffer that admits a message of `bytes`.
pub(crate) const fn write_limit(bytes: usize) -> usize {
    (WRITE_BUFFER + WRITE_SLACK).saturating_add(bytes)
}
