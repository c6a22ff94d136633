//! What has left the machine by the time a verdict is due: [`Left`].

use std::pin::Pin;

use crate::Connection;

/// What the system holds right after a flush and sends at once, so that it says nothing of a queue:
/// 16 KiB, a little more than the ten segments with which TCP begins (RFC 6928).
const AT_ONCE: u64 = 16 * 1024;

/// How many bytes have left the connection: those that it accepted, without those that the system
/// still holds for it.
///
/// It is looked at when a probe is asked for, when it is written, and when a verdict is due, since
/// each look is a system call. A probe behind a long queue in the system has not reached the peer,
/// which therefore owes no answer to it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Left {
    /// When last looked at; `None` where the connection cannot tell.
    last: Option<u64>,
    /// As many have left when the last byte of the probe has. `None`: it is not written yet.
    probe: Option<u64>,
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
        *self = Self { last: count(&*connection).map(|(_, left)| left), probe: None };
    }

    /// It is written.
    pub(super) fn written<C: Connection>(&mut self, connection: Pin<&mut C>) {
        let counts = count(&*connection).filter(|(accepted, left)| accepted - left > AT_ONCE);
        // Without a queue before it, nothing that leaves is a reason to wait.
        *self = Self {
            last: counts.map(|(_, left)| left).or(self.last),
            probe: Some(counts.map_or(0, |(accepted, _)| accepted)),
        };
    }

    /// What has left since the last look.
    pub(super) fn look<C: Connection>(&mut self, connection: Pin<&mut C>) -> Departed {
        let now = count(&*connection).map(|(_, left)| left);
        let before = std::mem::replace(&mut self.last, now);
        match (before, now) {
            (Some(before), Some(now)) if before < now => match self.probe {
                Some(probe) if probe <= before => Departed::BehindProbe,
                _ => Departed::BeforeProbe,
            },
            _ => Departed::Nothing,
        }
    }
}

/// Bytes accepted, and left.
fn count<C: Connection>(connection: &C) -> Option<(u64, u64)> {
    let held = connection.unacknowledged()?;
    let accepted = connection.progress()?;
    Some((accepted, accepted.saturating_sub(held)))
}
