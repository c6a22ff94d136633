//! The connection's byte counts, which are compared when a verdict is due: [`ByteCounts`].

use std::pin::Pin;

use crate::transport::Connection;

/// Bytes that the system holds right after a flush and sends at once, so that they are no queue:
/// 16 KiB, a little more than the ten segments with which TCP begins (RFC 6928).
const AT_ONCE: u64 = 16 * 1024;

/// The byte counts of the current connection, as last looked at.
///
/// Acknowledged bytes are those that the connection accepted, without those that the system still
/// holds for it. They are looked at when a probe is asked for, when it is written, and when a
/// verdict is due, since each look is a system call. A probe behind a long queue in the system has
/// not reached the peer, which therefore owes no answer to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct ByteCounts {
    /// Bytes acknowledged; 0 before the first look, and where the connection cannot tell.
    acknowledged: u64,
    /// The count of acknowledged bytes at which the whole probe is acknowledged; the largest number
    /// while it is not written.
    probe_end: u64,
    /// Bytes read; 0 where the connection cannot tell.
    read: u64,
}

/// The bytes that were acknowledged since the last look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Acknowledged {
    Nothing,
    /// Bytes, but none of the probe or before it.
    BehindProbe,
    /// Bytes of the probe, or before it.
    BeforeProbe,
}

impl Default for ByteCounts {
    fn default() -> Self {
        Self { acknowledged: 0, probe_end: u64::MAX, read: 0 }
    }
}

impl ByteCounts {
    /// A probe is going to be written.
    pub(super) fn probe_asked<C: Connection>(&mut self, connection: Pin<&mut C>) {
        self.acknowledged = count(&*connection).1;
        self.probe_end = u64::MAX;
    }

    /// The probe is written.
    pub(super) fn probe_written<C: Connection>(&mut self, connection: Pin<&mut C>) {
        let (accepted, acknowledged) = count(&*connection);
        // Without a queue before the probe, no acknowledgement is a reason to wait.
        let is_queued = accepted - acknowledged > AT_ONCE;
        self.acknowledged = acknowledged;
        self.probe_end = if is_queued { accepted } else { 0 };
        self.read = connection.bytes_read().unwrap_or(0);
    }

    /// Looks at what was acknowledged since the last look.
    pub(super) fn look<C: Connection>(&mut self, connection: Pin<&mut C>) -> Acknowledged {
        let now = count(&*connection).1;
        let before = std::mem::replace(&mut self.acknowledged, now);
        if now <= before {
            Acknowledged::Nothing
        } else if before < self.probe_end {
            Acknowledged::BeforeProbe
        } else {
            Acknowledged::BehindProbe
        }
    }

    /// Returns whether bytes were read since this was last asked, or since the probe was written.
    pub(super) fn has_read<C: Connection>(&mut self, connection: Pin<&mut C>) -> bool {
        let now = connection.bytes_read().unwrap_or(0);
        now > std::mem::replace(&mut self.read, now)
    }
}

/// Bytes accepted, and acknowledged; none where the connection cannot tell.
fn count<C: Connection>(connection: &C) -> (u64, u64) {
    match (connection.unacknowledged(), connection.bytes_written()) {
        (Some(held), Some(accepted)) => (accepted, accepted.saturating_sub(held)),
        _ => (0, 0),
    }
}
