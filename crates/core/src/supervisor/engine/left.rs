//! What has left the machine by the time a verdict is due: [`Left`].

use std::pin::Pin;

use crate::transport::Connection;

/// What the system holds right after a flush and sends at once, so that it says nothing of a queue:
/// 16 KiB, a little more than the ten segments with which TCP begins (RFC 6928).
const AT_ONCE: u64 = 16 * 1024;

/// How many bytes have left the connection: those that it accepted, without those that the system
/// still holds for it.
///
/// It is looked at when a probe is asked for, when it is written, and when a verdict is due, since
/// each look is a system call. A probe behind a long queue in the system has not reached the peer,
/// which therefore owes no answer to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Left {
    /// When last looked at; 0 before, and where the connection cannot tell.
    last: u64,
    /// As many have left when the last byte of the probe has; the largest number while it is not
    /// written.
    probe: u64,
}

impl Default for Left {
    fn default() -> Self {
        Self { last: 0, probe: u64::MAX }
    }
}

/// What a look has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Departed {
    Nothing,
    /// Bytes left, but none of the probe or before it.
    BehindProbe,
    /// Bytes of the probe, or before it, left.
    BeforeProbe,
}

impl Left {
    /// A probe is going to be written.
    pub(super) fn ask<C: Connection>(&mut self, connection: Pin<&mut C>) {
        *self = Self { last: count(&*connection).1, ..Self::default() };
    }

    /// It is written.
    pub(super) fn written<C: Connection>(&mut self, connection: Pin<&mut C>) {
        let (accepted, left) = count(&*connection);
        // Without a queue before it, nothing that leaves is a reason to wait.
        let is_queued = accepted - left > AT_ONCE;
        *self = Self { last: left, probe: if is_queued { accepted } else { 0 } };
    }

    /// What has left since the last look.
    pub(super) fn look<C: Connection>(&mut self, connection: Pin<&mut C>) -> Departed {
        let now = count(&*connection).1;
        let before = std::mem::replace(&mut self.last, now);
        if now <= before {
            Departed::Nothing
        } else if before < self.probe {
            Departed::BeforeProbe
        } else {
            Departed::BehindProbe
        }
    }
}

/// Bytes accepted, and left; none where the connection cannot tell.
fn count<C: Connection>(connection: &C) -> (u64, u64) {
    match (connection.unacknowledged(), connection.bytes_written()) {
        (Some(held), Some(accepted)) => (accepted, accepted.saturating_sub(held)),
        _ => (0, 0),
    }
}
