//! [`Writing`]: what the client has handed over, and what the line takes of it.

use std::{collections::VecDeque, time::Duration};

use websocket_heartbeat::{Frame, TransportError};

use crate::wire::wire_len;

/// The client's half of writing on one line. It wakes nobody and keeps no record.
pub(crate) struct Writing {
    /// The last `poll_ready` was ready.
    pub(crate) ready: bool,
    /// The client has sent its close frame, or owes one.
    pub(crate) closing: bool,
    /// The answer to the last ping or close frame, not yet handed over. A newer one replaces it
    /// (RFC 6455 section 5.5.3), so that a flood of pings needs no memory.
    pub(crate) reply: Option<Frame>,
    pub(crate) error: Option<TransportError>,
    pub(crate) stalled: bool,
    handed: VecDeque<Handed>,
    handed_bytes: u64,
    /// An answer is among the handed frames, so that reading writes, too.
    owes_reply: bool,
    limit: Limit,
    progress: u64,
}

/// How much the line takes.
#[derive(Clone, Copy)]
pub(crate) enum Limit {
    None,
    Quota { left: u64 },
    Rate { left: u64, bytes: u64, period: Duration, refill_due: bool },
}

/// A frame that the client has handed over and the line has not wholly taken.
struct Handed {
    frame: Frame,
    left: u64,
}

impl Writing {
    pub(crate) fn new(rate: Option<(u64, Duration)>) -> Self {
        Self {
            ready: false,
            closing: false,
            reply: None,
            error: None,
            stalled: false,
            handed: VecDeque::new(),
            handed_bytes: 0,
            owes_reply: false,
            limit: rate.map_or(Limit::None, |(bytes, period)| Limit::Rate {
                left: bytes,
                bytes,
                period,
                refill_due: false,
            }),
            progress: 0,
        }
    }

    pub(crate) fn hand(&mut self, frame: Frame) {
        let left = wire_len(&frame);
        self.handed_bytes += left;
        self.handed.push_back(Handed { frame, left });
    }

    /// Puts the answer to the last ping or close frame among the handed frames, unless one is
    /// there already.
    pub(crate) fn hand_reply(&mut self) {
        if !self.owes_reply
            && self.error.is_none()
            && let Some(reply) = self.reply.take()
        {
            self.owes_reply = true;
            self.hand(reply);
        }
    }

    /// Lets the line take what it can of the handed frames. Returns whether all is taken, and
    /// adds the whole frames to `taken`.
    pub(crate) fn write_out(&mut self, taken: &mut Vec<Frame>) -> Result<bool, TransportError> {
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        while !self.stalled
            && let Some(front) = self.handed.front_mut()
        {
            let bytes = self.limit.take(front.left);
            front.left -= bytes;
            self.progress += bytes;
            self.handed_bytes -= bytes;
            if front.left > 0 {
                return Ok(false);
            }
            taken.extend(self.handed.pop_front().map(|handed| handed.frame));
            if self.handed.is_empty() {
                self.owes_reply = false;
                self.hand_reply();
            }
        }
        Ok(self.handed.is_empty())
    }

    pub(crate) fn set_limit(&mut self, limit: Limit) {
        self.limit = limit;
    }

    /// When the line will take more, if it takes so much a period and nobody was told before.
    pub(crate) fn next_refill(&mut self) -> Option<Duration> {
        match &mut self.limit {
            Limit::Rate { left, bytes, period, refill_due } if *left < *bytes && !*refill_due => {
                *refill_due = true;
                Some(*period)
            }
            _ => None,
        }
    }

    /// A new period begins; whether there still are any.
    pub(crate) fn refill(&mut self) -> bool {
        let Limit::Rate { left, bytes, refill_due, .. } = &mut self.limit else { return false };
        *left = *bytes;
        *refill_due = false;
        true
    }

    pub(crate) fn owes_reply(&self) -> bool {
        self.owes_reply
    }

    pub(crate) fn handed_bytes(&self) -> u64 {
        self.handed_bytes
    }

    pub(crate) fn handed_frames(&self) -> impl Iterator<Item = &Frame> {
        self.handed.iter().map(|handed| &handed.frame)
    }

    /// How many bytes the line has taken.
    pub(crate) fn bytes_written(&self) -> u64 {
        self.progress
    }
}

impl Limit {
    /// How many of these bytes the line takes now.
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
