//! [`LinkOptions`]: the behaviour of a link and its server.

use std::time::Duration;

use websocket_heartbeat::{Headers, Message, Text};

pub(crate) type Responder = Box<dyn FnMut(Message) -> Option<Message> + Send>;

/// The options of a link and its server, from the script.
pub(crate) struct LinkOptions {
    /// The delay of pongs. `None`: pings are not answered.
    pub(crate) pong: Option<Duration>,
    pub(crate) answers_close: bool,
    pub(crate) lingers: bool,
    pub(crate) responder: Option<Responder>,
    pub(crate) rate: Option<(u64, Duration)>,
    pub(crate) latency: Duration,
    /// The stream ends after a silence of this length.
    pub(crate) silence_limit: Option<Duration>,
    pub(crate) subprotocol: Option<Text>,
    pub(crate) headers: Headers,
    pub(crate) reports_bytes_written: bool,
    pub(crate) message_limit: usize,
    pub(crate) write_buffer: u64,
    pub(crate) hesitant: bool,
    /// How many frames one poll of a task can read.
    pub(crate) cooperative: Option<u32>,
    pub(crate) records: bool,
}

impl Default for LinkOptions {
    fn default() -> Self {
        Self {
            pong: Some(Duration::ZERO),
            answers_close: true,
            lingers: false,
            responder: None,
            rate: None,
            latency: Duration::ZERO,
            silence_limit: None,
            subprotocol: None,
            headers: Headers::new(),
            reports_bytes_written: true,
            message_limit: usize::MAX,
            write_buffer: 128 * 1024,
            hesitant: false,
            cooperative: None,
            records: true,
        }
    }
}
