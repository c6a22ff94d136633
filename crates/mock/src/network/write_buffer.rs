//! [`WriteBuffer`]: the frames that the client has sent and the link has not accepted yet.

use std::{collections::VecDeque, time::Duration};

use websocket_heartbeat::{Frame, TransportError};

use super::wire_len::wire_len;

/// The client's write buffer. It wakes no task and records nothing.
pub(crate) struct WriteBuffer {
    /// The last `poll_ready` returned ready.
    pub(crate) ready: bool,
    /// The client has sent its close frame, or has one as its pending reply.
    pub(crate) closing: bool,
    /// The reply to the last ping or close frame, not in the buffer yet. A newer reply replaces it
    /// (RFC 6455 section 5.5.3), so that a flood of pings needs no memory.
    pub(crate) reply: Option<Frame>,
    pub(crate) error: Option<TransportError>,
    pub(crate) stalled: bool,
    frames: VecDeque<BufferedFrame>,
    buffered_bytes: u64,
    /// A reply is in the buffer, so that reading also writes.
    holds_reply: bool,
    limit: Limit,
    bytes_written: u64,
}

/// How many bytes the link accepts.
#[derive(Clone, Copy)]
pub(crate) enum Limit {
    None,
    Quota { left: u64 },
    Rate { left: u64, bytes: u64, period: Duration, refill_due: bool },
}

/// A frame that is not completely written.
struct BufferedFrame {
    frame: Frame,
    left: u64,
}

impl WriteBuffer {
    pub(crate) fn new(rate: Option<(u64, Duration)>) -> Self {
        Self {
            ready: false,
            closing: false,
            reply: None,
            error: None,
            stalled: false,
            frames: VecDeque::new(),
            buffered_bytes: 0,
            holds_reply: false,
            limit: rate.map_or(Limit::None, |(bytes, period)| Limit::Rate {
                left: bytes,
                bytes,
                period,
                refill_due: false,
            }),
            bytes_written: 0,
        }
    }

    pub(crate) fn push(&mut self, frame: Frame) {
        let left = wire_len(&frame);
        self.buffered_bytes += left;
        self.frames.push_back(BufferedFrame { frame, left });
    }

    /// Moves the pending reply into the buffer, unless the buffer has a reply already.
    pub(crate) fn buffer_reply(&mut self) {
        if !self.holds_reply
            && self.error.is_none()
            && let Some(reply) = self.reply.take()
        {
            self.holds_reply = true;
            self.push(reply);
        }
    }

    /// Writes as many bytes as the link accepts. Returns whether all bytes are written, and adds
    /// each completely written frame to `taken`.
    pub(crate) fn write_out(&mut self, taken: &mut Vec<Frame>) -> Result<bool, TransportError> {
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        while !self.stalled
            && let Some(front) = self.frames.front_mut()
        {
            let bytes = self.limit.take(front.left);
            front.left -= bytes;
            self.bytes_written += bytes;
            self.buffered_bytes -= bytes;
            if front.left > 0 {
                return Ok(false);
            }
            taken.extend(self.frames.pop_front().map(|buffered| buffered.frame));
            if self.frames.is_empty() {
                self.holds_reply = false;
                self.buffer_reply();
            }
        }
        Ok(self.frames.is_empty())
    }

    pub(crate) fn set_limit(&mut self, limit: Limit) {
        self.limit = limit;
    }

    /// The time until the next refill of a rate limit, if no refill is scheduled yet.
    pub(crate) fn next_refill(&mut self) -> Option<Duration> {
        match &mut self.limit {
            Limit::Rate { left, bytes, period, refill_due } if *left < *bytes && !*refill_due => {
                *refill_due = true;
                Some(*period)
            }
            _ => None,
        }
    }

    /// Begins a new period of a rate limit. Returns whether there still is a rate limit.
    pub(crate) fn refill(&mut self) -> bool {
        let Limit::Rate { left, bytes, refill_due, .. } = &mut self.limit else { return false };
        *left = *bytes;
        *refill_due = false;
        true
    }

    pub(crate) fn holds_reply(&self) -> bool {
        self.holds_reply
    }

    pub(crate) fn buffered_bytes(&self) -> u64 {
        self.buffered_bytes
    }

    pub(crate) fn buffered_frames(&self) -> impl Iterator<Item = &Frame> {
        self.frames.iter().map(|buffered| &buffered.frame)
    }

    /// The number of bytes that the link has accepted.
    pub(crate) fn bytes_written(&self) -> u64 {
        self.bytes_written
    }
}

impl Limit {
    /// How many of the `wanted` bytes the link accepts now.
    fn take(&mut self, wanted: u64) -> u64 {
        match self {
            Self::None => wanted,
            Self::Quota { left } | Self::Rate { left, .. } => {
                let bytes = wanted.min(*left);
                *left -= bytes;
                bytes
            }
        }
    }
}
