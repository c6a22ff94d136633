//! The byte counts of the connection, which are compared when a verdict is due: [`ByteCounts`].

use super::contained::Contained;
use crate::transport::Connection;

/// The number of bytes that do not count as a queue, since the system sends them immediately after
/// a flush: 16 KiB, a little more than the initial window of TCP of ten segments (RFC 6928).
const AT_ONCE: u64 = 16 * 1024;

/// The byte counts of the current connection when they were last read.
///
/// Acknowledged bytes are the bytes that the connection accepted, without the bytes that the system
/// still holds for it. The counts are read when a probe is requested, when it is written, when a
/// blocked write goes on while it is out, and when a verdict is due, since each read is a system
/// call. A probe behind a long queue in the system
/// has not reached the peer, so the peer owes no answer to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct ByteCounts {
    /// Acknowledged bytes; 0 before the first read, and if the connection does not know.
    acknowledged: u64,
    /// The count of acknowledged bytes at which the whole probe is acknowledged. The largest number
    /// while the probe is not written.
    probe_end: u64,
    /// Bytes read; 0 if the connection does not know.
    read: u64,
}

/// The bytes that were acknowledged since the last read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Acknowledged {
    Nothing,
    /// Bytes behind the probe only.
    BehindProbe,
    /// Bytes of the probe or before it.
    BeforeProbe,
}

impl Default for ByteCounts {
    fn default() -> Self {
        Self { acknowledged: 0, probe_end: u64::MAX, read: 0 }
    }
}

impl ByteCounts {
    /// A probe was requested.
    pub(super) fn probe_asked<C: Connection>(&mut self, connection: &mut Contained<C>) {
        self.acknowledged = count(connection).1;
        self.probe_end = u64::MAX;
    }

    /// The probe is written.
    pub(super) fn probe_written<C: Connection>(&mut self, connection: &mut Contained<C>) {
        let (accepted, acknowledged) = count(connection);
        // If there is no queue before the probe, no acknowledgement is a reason to wait.
        let is_queued = accepted - acknowledged > AT_ONCE;
        self.acknowledged = acknowledged;
        self.probe_end = if is_queued { accepted } else { 0 };
        self.read = connection.count(C::bytes_read).unwrap_or(0);
    }

    /// A blocked write went on, which shows the acknowledgements until now.
    pub(super) fn write_went_on<C: Connection>(&mut self, connection: &mut Contained<C>) {
        self.acknowledged = count(connection).1;
    }

    /// Returns which bytes were acknowledged since the last read.
    pub(super) fn look<C: Connection>(&mut self, connection: &mut Contained<C>) -> Acknowledged {
        let now = count(connection).1;
        let before = std::mem::replace(&mut self.acknowledged, now);
        if now <= before {
            Acknowledged::Nothing
        } else if before < self.probe_end {
            Acknowledged::BeforeProbe
        } else {
            Acknowledged::BehindProbe
        }
    }

    /// Returns whether bytes were read since the last call, or since the probe was written.
    pub(super) fn has_read<C: Connection>(&mut self, connection: &mut Contained<C>) -> bool {
        let now = connection.count(C::bytes_read).unwrap_or(0);
        now > std::mem::replace(&mut self.read, now)
    }
}

/// The numbers of accepted and of acknowledged bytes; 0 if the connection does not know.
fn count<C: Connection>(connection: &mut Contained<C>) -> (u64, u64) {
    match (connection.count(C::unacknowledged), connection.count(C::bytes_written)) {
        (Some(held), Some(accepted)) => (accepted, accepted.saturating_sub(held)),
        _ => (0, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::silent::{Counts, Silent};

    fn connection(written: u64, unacknowledged: u64, read: u64) -> Contained<Silent> {
        let counts = Some(Counts { written, unacknowledged, read });
        Contained::new(Silent { counts, ..Silent::default() })
    }

    #[test]
    fn bytes_acknowledged_before_the_probe_was_asked_for_do_not_count() {
        let mut counts = ByteCounts::default();
        counts.probe_asked(&mut connection(100, 40, 0));
        assert_eq!(counts.look(&mut connection(200, 140, 0)), Acknowledged::Nothing);
        assert_eq!(counts.look(&mut connection(200, 139, 0)), Acknowledged::BeforeProbe);
        assert_eq!(counts.look(&mut connection(200, 139, 0)), Acknowledged::Nothing);
    }

    #[test]
    fn a_probe_behind_more_than_16_kib_waits_until_it_is_acknowledged() {
        for (held, expected) in
            [(AT_ONCE, Acknowledged::BehindProbe), (AT_ONCE + 1, Acknowledged::BeforeProbe)]
        {
            let mut counts = ByteCounts::default();
            let written = 10 * AT_ONCE;
            counts.probe_written(&mut connection(written, held, 0));
            assert_eq!(counts.look(&mut connection(written, held, 0)), Acknowledged::Nothing);
            // More was written behind the probe.
            let mut look = |acknowledged: u64| {
                let more = 2 * written;
                counts.look(&mut connection(more, more - acknowledged, 0))
            };
            assert_eq!(look(written - 1), expected);
            assert_eq!(look(written), expected, "of the probe");
            assert_eq!(look(written + 1), Acknowledged::BehindProbe);
        }
    }

    #[test]
    fn only_bytes_read_since_the_probe_was_written_count() {
        let mut counts = ByteCounts::default();
        counts.probe_written(&mut connection(0, 0, 7));
        assert!(!counts.has_read(&mut connection(0, 0, 7)));
        assert!(counts.has_read(&mut connection(0, 0, 8)));
        assert!(!counts.has_read(&mut connection(0, 0, 8)));
    }
}
